/**
 * The classes of htb and hfsc: one for the port's whole rate, and one below it for each queue. Rates are in bits per
 * second in the database, in bytes per second here and in the kernel. Pure.
 */
import type { Settings } from '../../netlink/queueing.ts';
import { bytesToTicks } from '../../netlink/rate.ts';
import { type QosRequest, type QueueRequest, wholeNumber } from './request.ts';

/** What `qos/show` prints of something, in its order. */
export type Details = readonly (readonly [key: string, value: string | number])[];

export interface ClassPlan {
  /** The class's number below the discipline's handle. */
  readonly minor: number;
  readonly settings: Settings;
  readonly details: Details;
}

/** What the device contributes. */
export interface DeviceFacts {
  readonly mtu: number;
  /** In bits per second; undefined when the driver does not know. */
  readonly speed: number | undefined;
}

export interface Classes {
  readonly root: ClassPlan;
  /** By queue; queue 0 is there even if nobody asks for it, because it takes what is in no other. */
  readonly queues: ReadonlyMap<number, ClassPlan>;
}

export const rootMinor = 0xfffe;
/** The class of a queue. */
export const queueMinor = (queue: number): number => queue + 1;

/** What a port is taken to be capable of when its driver does not say: 100 Mbit/s. */
const defaultSpeed = 100_000_000;

const bytesPerSecond = (options: ReadonlyMap<string, string>, key: string): number | undefined => {
  const bits = wholeNumber(options, key);
  return bits === undefined ? undefined : Math.floor(bits / 8);
};

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

const rateDetails = (rate: number, ceil: number): Details => [
  ['min-rate', rate * 8],
  ...(ceil === rate ? [] : [['max-rate', ceil * 8] as const]),
];

const emptyQueue: QueueRequest = { dscp: undefined, options: new Map() };

function classesOf(
  { options, queues }: QosRequest,
  { speed = defaultSpeed }: DeviceFacts,
  root: (rate: number) => ClassPlan,
  queue: (queue: QueueRequest, rate: number) => Omit<ClassPlan, 'minor'>,
): Classes {
  const rate = bytesPerSecond(options, 'max-rate') || Math.floor(speed / 8);
  const all = new Map([[0, emptyQueue], ...queues]);
  return {
    root: root(rate),
    queues: new Map(
      [...all].map(([number, request]) => [number, { minor: queueMinor(number), ...queue(request, rate) }]),
    ),
  };
}

/** A class may send at least a frame in its turn, and more the larger its rate is, as the C daemon has it. */
const quantum = (rate: number, mtu: number): number => clamp(Math.floor(rate / 10), mtu, Math.max(mtu, 200_000));

/** A burst must hold a frame, and what is sent until the clock ticks again. */
const burstTicks = (rate: number, mtu: number, burst: number): number =>
  bytesToTicks(rate, Math.max(burst, mtu + Math.floor(rate / 1e9)));

function htbSettings(rate: number, ceil: number, burst: number, priority: number, mtu: number): Settings {
  return {
    rate,
    ceil,
    burst: burstTicks(rate, mtu, burst),
    ceilBurst: burstTicks(ceil, mtu, burst),
    quantum: quantum(rate, mtu),
    priority,
  };
}

/** The kernel knows so many priorities; larger numbers are the last of them. */
const htbPriorities = 8;

/** linux-htb: rates, with bursts and priorities. */
export function htbClasses(request: QosRequest, facts: DeviceFacts): Classes {
  const { mtu } = facts;
  const root = (rate: number): ClassPlan => ({
    minor: rootMinor,
    settings: htbSettings(rate, rate, 0, 0, mtu),
    details: [['max-rate', rate * 8]],
  });
  return classesOf(request, facts, root, ({ options }, whole) => {
    const rate = Math.min(Math.max(bytesPerSecond(options, 'min-rate') ?? 0, mtu), whole);
    const ceil = clamp(bytesPerSecond(options, 'max-rate') ?? whole, rate, whole);
    const burst = Math.max(bytesPerSecond(options, 'burst') ?? 0, mtu + 64);
    const priority = wholeNumber(options, 'priority') ?? 0;
    const details: Details = [
      ['burst', burst * 8],
      ...(priority === 0 ? [] : [['priority', priority] as const]),
      ...rateDetails(rate, ceil),
    ];
    return { settings: htbSettings(rate, ceil, burst, Math.min(priority, htbPriorities - 1), mtu), details };
  });
}

/** The kernel counts rates of hfsc in 32 bits. */
const hfscRateMax = 0xffffffff;

/** linux-hfsc: rates alone. */
export function hfscClasses(request: QosRequest, facts: DeviceFacts): Classes {
  const root = (given: number): ClassPlan => {
    const rate = Math.min(given, hfscRateMax);
    return { minor: rootMinor, settings: { rate, ceil: rate }, details: [['max-rate', rate * 8]] };
  };
  return classesOf(request, facts, root, ({ options }, given) => {
    const whole = Math.min(given, hfscRateMax);
    const rate = clamp(bytesPerSecond(options, 'min-rate') ?? 0, 1, whole);
    const ceil = clamp(bytesPerSecond(options, 'max-rate') ?? whole, rate, whole);
    return { settings: { rate, ceil }, details: rateDetails(rate, ceil) };
  });
}

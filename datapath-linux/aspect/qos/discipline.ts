/** The queueing disciplines that QoS.type names, and what their options mean. Pure. */
import type { Capability } from '../../capabilities.ts';
import { codelUnits, type Settings } from '../../netlink/queueing.ts';
import { microsecondsToTicks } from '../../netlink/rate.ts';
import { handleOf } from '../../netlink/traffic-control.ts';
import { type Classes, type Details, type DeviceFacts, hfscClasses, htbClasses } from './classes.ts';
import { type QosRequest, wholeNumber } from './request.ts';

/** What a port's device shall have at its root. */
export interface Discipline {
  /** The kernel's word for it, and what the kernel must be capable of. */
  readonly kind: Capability;
  readonly handle: number;
  readonly settings: Settings;
  /** Those that the kernel cannot change: the discipline must be made anew. */
  readonly fixed: readonly string[];
  readonly classes: Classes | undefined;
  /** What `qos/show` prints of it, in its order. */
  readonly details: Details;
}

export type Planned = Discipline | { readonly error: string };

/**
 * Those with classes bear the handle that the C daemon gives them, for the sake of filters and priorities that name a
 * class, and their root class tells that they are the switch's. The others have none to tell: their handle does.
 */
export const classfulHandle = handleOf(1, 0);
export const classlessHandle = handleOf(0x6f76, 0);

const classful = (kind: 'htb' | 'hfsc', plan: (request: QosRequest, facts: DeviceFacts) => Classes) => {
  return (request: QosRequest, facts: DeviceFacts): Discipline => {
    const classes = plan(request, facts);
    const settings = { defaultClass: 1 };
    return {
      kind,
      handle: classfulHandle,
      settings,
      fixed: ['defaultClass'],
      classes,
      details: classes.root.details,
    };
  };
};

const classless = (
  kind: Capability,
  settings: Settings,
  details: Details,
  fixed: readonly string[] = [],
): Discipline => ({ kind, handle: classlessHandle, settings: bounded(settings), fixed, classes: undefined, details });

/** What the kernel's structures hold at most: it is what a larger number comes to. */
const bounded = (settings: Settings): Settings =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, Math.min(value, 0xffffffff)]));

function sfq({ options }: QosRequest, { mtu }: DeviceFacts): Discipline {
  const quantum = wholeNumber(options, 'quantum') ?? mtu;
  const perturb = wholeNumber(options, 'perturb') ?? 10;
  const settings = { quantum, perturb };
  return classless('sfq', settings, Object.entries(settings), Object.keys(settings));
}

function codel({ options }: QosRequest): Discipline {
  const limit = wholeNumber(options, 'limit') ?? 10_240;
  const interval = wholeNumber(options, 'interval') ?? 100_000;
  const target = wholeNumber(options, 'target') ?? 5000;
  const settings = { target: codelUnits(target), limit, interval: codelUnits(interval) };
  return classless('codel', settings, Object.entries({ limit, interval, target }));
}

/** The kernel takes no smaller one. */
const fqCodelQuantumMin = 256;

function fqCodel({ options }: QosRequest): Discipline {
  const limit = wholeNumber(options, 'limit') ?? 10_240;
  const quantum = wholeNumber(options, 'quantum') ?? 1514;
  const flows = wholeNumber(options, 'flows') ?? 1024;
  const interval = wholeNumber(options, 'interval') ?? 1_000_000;
  const target = wholeNumber(options, 'target') ?? 5000;
  const settings = {
    target: codelUnits(target),
    limit,
    interval: codelUnits(interval),
    flows,
    quantum: Math.max(quantum, fqCodelQuantumMin),
  };
  return classless('fq_codel', settings, Object.entries({ limit, quantum, flows, interval, target }), ['flows']);
}

/** A share of all packets, as netem counts it. */
const lossOf = (percent: number): number => Math.floor((percent * 0xffffffff) / 100);

function netem({ options }: QosRequest): Planned {
  const limit = wholeNumber(options, 'limit') ?? 1000;
  const loss = wholeNumber(options, 'loss') ?? 0;
  const latency = wholeNumber(options, 'latency') ?? 0;
  const jitter = wholeNumber(options, 'jitter') ?? 0;
  if (loss > 100) return { error: `other_config:loss is a percentage from 0 to 100, not ${loss}` };
  const settings = {
    latency: microsecondsToTicks(latency),
    limit,
    loss: lossOf(loss),
    gap: 0,
    duplicate: 0,
    jitter: microsecondsToTicks(jitter),
  };
  return classless('netem', settings, Object.entries({ limit, loss, latency, jitter }));
}

type Planner = (request: QosRequest, facts: DeviceFacts) => Planned;

/** By QoS.type. */
const planners = new Map<string, Planner>([
  ['linux-htb', classful('htb', htbClasses)],
  ['linux-hfsc', classful('hfsc', hfscClasses)],
  ['linux-sfq', sfq],
  ['linux-codel', codel],
  ['linux-fq_codel', fqCodel],
  ['linux-netem', netem],
]);

/** The type that asks for whatever is there to stay. */
export const leaveAlone = 'linux-noop';

/** In the order in which the C daemon lists them. */
export const qosTypes = [
  'linux-netem',
  'linux-fq_codel',
  'linux-codel',
  'linux-hfsc',
  leaveAlone,
  'linux-sfq',
  'linux-htb',
] as const;

/** What a request means for a device; undefined when it means no discipline of ours. */
export const planDiscipline = (request: QosRequest, facts: DeviceFacts): Planned | undefined =>
  planners.get(request.type)?.(request, facts);

export const hasQueues = (type: string): boolean => type === 'linux-htb' || type === 'linux-hfsc';

/** Whether a request depends on the device's speed, which costs a question to its driver. */
export const asksForSpeed = ({ type, options }: QosRequest): boolean =>
  hasQueues(type) && wholeNumber(options, 'max-rate') === undefined;

/**
 * Queueing disciplines and their classes (linux/pkt_sched.h): what each kind has of its own. What is read is in the
 * same units as what is sent, rounded as the kernel rounds it, so that equal values mean equal settings.
 */
import { type Payload, type Readers, readWith, u32, u64 } from './attribute.ts';
import { readU16, readU32, writeU16, writeU32 } from './bytes.ts';
import type { MessageBuilder } from './message.ts';
import { rateSpec } from './rate.ts';
import type { BuildOptions } from './traffic-control.ts';

/** The settings of a kind of queueing discipline: names to numbers. */
export type Settings = Readonly<Record<string, number>>;

/** How a kind's settings are sent and read. */
export interface Codec {
  /** Appends the content of TCA_OPTIONS. */
  readonly append: (settings: Settings, message: MessageBuilder) => void;
  readonly read: (options: Payload) => Settings;
}

const setting = (settings: Settings, name: string): number => settings[name] ?? 0;

export const optionsOf =
  ({ append }: Codec, settings: Settings): BuildOptions =>
  (message) =>
    append(settings, message);

/** Settings in a structure of 32-bit integers, in this order. */
const structure = (...names: readonly string[]): Codec => ({
  append(settings, message) {
    const data = Buffer.alloc(names.length * 4);
    names.forEach((name, index) => {
      writeU32(data, setting(settings, name) >>> 0, index * 4);
    });
    message.raw(data);
  },
  read: ({ data, start, end }) =>
    Object.fromEntries(
      names.map((name, index) => {
        const at = start + index * 4;
        return [name, at + 4 <= end ? readU32(data, at) : 0];
      }),
    ),
});

/** How a setting is sent, and how it is found again in what the kernel tells. */
interface Unit {
  readonly sent: (value: number) => number;
  readonly found: (value: number) => number;
}

const plain: Unit = { sent: (value) => value, found: (value) => value };

/** Times of codel count in 1024 ns; the kernel takes and tells them in microseconds, and cuts what is less. */
const codelTime: Unit = {
  sent: (units) => Math.ceil((units * 1024) / 1000),
  found: (microseconds) => Math.ceil((microseconds * 1000) / 1024),
};

/** As codel's clock counts so many microseconds. */
export const codelUnits = (microseconds: number): number => Math.floor((microseconds * 1000) / 1024);

/** Settings in 32-bit attributes of these types. */
const attributes = (types: Readonly<Record<string, readonly [type: number, unit?: Unit]>>): Codec => {
  const readers: Readers<Record<string, number>> = Object.fromEntries(
    Object.entries(types).map(([name, [type, unit = plain]]) => [
      type,
      (found: Record<string, number>, value: Payload): void => {
        found[name] = unit.found(u32(value));
      },
    ]),
  );
  return {
    append(settings, message) {
      for (const [name, [type, unit = plain]] of Object.entries(types)) {
        message.u32(type, unit.sent(setting(settings, name)));
      }
    },
    read(options) {
      const found: Record<string, number> = {};
      readWith(found, options, readers);
      return found;
    },
  };
};

/** TCA_HTB_*; struct tc_htb_glob: u32 version, rate to quantum, default class, debug, packets. */
const htbAttribute = { parameters: 1, init: 2, rate64: 6, ceil64: 7 } as const;
const htbVersion = 3;

const htb: Codec = {
  append({ defaultClass = 0 }, message) {
    const data = Buffer.alloc(20);
    writeU32(data, htbVersion, 0);
    // What the kernel itself takes for a rate's share in a quantum, had its classes none of their own.
    writeU32(data, 10, 4);
    writeU32(data, defaultClass, 8);
    message.bytes(htbAttribute.init, data);
  },
  read(options) {
    const found = { defaultClass: 0 };
    readWith(found, options, {
      [htbAttribute.init]: (target, { data, start }) => {
        target.defaultClass = readU32(data, start + 8);
      },
    });
    return found;
  },
};

/** struct tc_hfsc_qopt: u16 default class. */
const hfsc: Codec = {
  append({ defaultClass = 0 }, message) {
    const data = Buffer.alloc(2);
    writeU16(data, defaultClass, 0);
    message.raw(data);
  },
  read: ({ data, start }) => ({ defaultClass: readU16(data, start) }),
};

/**
 * The kinds that the switch uses. Times of netem are in ticks, those of the others as codel's clock counts them; its loss
 * counts in 1/2³² of all packets.
 */
export const qdiscCodecs: ReadonlyMap<string, Codec> = new Map([
  ['htb', htb],
  ['hfsc', hfsc],
  // What is not asked for is zero, which means the kernel's default.
  ['sfq', structure('quantum', 'perturb', 'limit', 'divisor', 'flows')],
  ['codel', attributes({ target: [1, codelTime], limit: [2], interval: [3, codelTime] })],
  ['fq_codel', attributes({ target: [1, codelTime], limit: [2], interval: [3, codelTime], flows: [5], quantum: [6] })],
  ['netem', structure('latency', 'limit', 'loss', 'gap', 'duplicate', 'jitter')],
]);

/** The least length that a frame counts with: that of an Ethernet frame without its checksum. */
const leastFrame = 60;

/**
 * A class of htb. Rates in bytes per second, bursts in ticks (how long sending them takes), and how many bytes it may
 * send in its turn. struct tc_htb_opt: two rates of 12 bytes, then u32 buffer, ceil buffer, quantum, level, priority.
 */
const htbClass: Codec = {
  append(settings, message) {
    const { rate = 0, ceil = 0 } = settings;
    const data = Buffer.alloc(44);
    rateSpec(rate, leastFrame).copy(data, 0);
    rateSpec(ceil, leastFrame).copy(data, 12);
    writeU32(data, setting(settings, 'burst'), 24);
    writeU32(data, setting(settings, 'ceilBurst'), 28);
    writeU32(data, setting(settings, 'quantum'), 32);
    writeU32(data, setting(settings, 'priority'), 40);
    message.bytes(htbAttribute.parameters, data);
    if (rate > 0xffffffff) message.u64(htbAttribute.rate64, BigInt(rate));
    if (ceil > 0xffffffff) message.u64(htbAttribute.ceil64, BigInt(ceil));
  },
  read(options) {
    const found: Record<string, number> = {};
    readWith(found, options, htbClassReaders);
    return found;
  },
};

const htbClassReaders: Readers<Record<string, number>> = {
  [htbAttribute.parameters]: (found, { data, start }) => {
    found.rate = readU32(data, start + 8);
    found.ceil = readU32(data, start + 20);
    found.burst = readU32(data, start + 24);
    found.ceilBurst = readU32(data, start + 28);
    found.quantum = readU32(data, start + 32);
    found.priority = readU32(data, start + 40);
  },
  [htbAttribute.rate64]: (found, value) => (found.rate = Number(u64(value))),
  [htbAttribute.ceil64]: (found, value) => (found.ceil = Number(u64(value))),
};

/** TCA_HFSC_*; struct tc_service_curve: u32 first slope, its duration, second slope, in bytes per second. */
const hfscAttribute = { realTime: 1, fairShare: 2, upperLimit: 3 } as const;

function curve(rate: number): Buffer {
  const data = Buffer.alloc(12);
  writeU32(data, Math.min(rate, 0xffffffff), 8);
  return data;
}

/** A class of hfsc, with a guaranteed rate, which is also its share, and a rate that it never exceeds. */
const hfscClass: Codec = {
  append({ rate = 0, ceil = 0 }, message) {
    message
      .bytes(hfscAttribute.realTime, curve(rate))
      .bytes(hfscAttribute.fairShare, curve(rate))
      .bytes(hfscAttribute.upperLimit, curve(ceil));
  },
  read(options) {
    const found: Record<string, number> = {};
    readWith(found, options, {
      [hfscAttribute.realTime]: (target, { data, start }) => (target.rate = readU32(data, start + 8)),
      [hfscAttribute.upperLimit]: (target, { data, start }) => (target.ceil = readU32(data, start + 8)),
    });
    return found;
  },
};

/** The kinds that have classes. */
export const classCodecs: ReadonlyMap<string, Codec> = new Map([
  ['htb', htbClass],
  ['hfsc', hfscClass],
]);

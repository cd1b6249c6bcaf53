/**
 * Traffic control as rtnetlink describes it (linux/rtnetlink.h: struct tcmsg, then TCA_*): queueing disciplines, their
 * classes, and the filters of both. What their kinds have of their own is in queueing.ts and filter.ts.
 */
import { type Payload, type Readers, readWith, text, u64 } from './attribute.ts';
import { readI32, readU32, writeI32, writeU32 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';
import { flags, MessageBuilder } from './message.ts';

const types = {
  newQdisc: 36,
  deleteQdisc: 37,
  getQdisc: 38,
  newClass: 40,
  deleteClass: 41,
  getClass: 42,
  newFilter: 44,
  deleteFilter: 45,
  getFilter: 46,
} as const;

/** TCA_* */
const attributes = { kind: 1, options: 2 } as const;
const tcmsgLength = 20;

/** A handle or class as `tc` writes it, such as `1:fffe`, is its two halves. */
export const handleOf = (major: number, minor: number): number => ((major << 16) | minor) >>> 0;
export const majorOf = (handle: number): number => handle >>> 16;
export const minorOf = (handle: number): number => handle & 0xffff;

/** What stands for a place rather than a handle (TC_H_*). */
export const places = {
  root: 0xffffffff,
  /** Where both `ingress` and `clsact` are. */
  clsact: 0xfffffff1,
  /** The parents of the filters there: of what a device receives, and of what it sends. */
  ingress: 0xfffffff2,
  egress: 0xfffffff3,
} as const;
/** The handle of `ingress` and `clsact`. */
export const clsactHandle = 0xffff0000;

/** Packets and bytes that passed, and packets that were dropped. */
export interface TrafficCounters {
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly dropped: bigint;
}

/** A queueing discipline, class or filter: `info` is for each of them something else. */
export interface TrafficObject {
  readonly ifindex: number;
  readonly handle: number;
  readonly parent: number;
  readonly info: number;
  /** 'htb', 'matchall' … */
  readonly kind: string;
  /** What its kind has of its own; undefined where it has nothing. */
  readonly options: Payload | undefined;
  readonly counters: TrafficCounters;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** TCA_STATS_* : struct gnet_stats_basic (u64 bytes, u32 packets), struct gnet_stats_queue (drops is its third u32). */
const counterReaders: Readers<Mutable<TrafficCounters>> = {
  1: (counters, value) => {
    counters.bytes = u64(value);
    counters.packets = BigInt(readU32(value.data, value.start + 8));
  },
  3: (counters, { data, start }) => (counters.dropped = BigInt(readU32(data, start + 8))),
  // TCA_STATS_PKT64, sent when 32 bits are too few.
  8: (counters, value) => (counters.packets = u64(value)),
};

/** The counters in TCA_STATS2 or TCA_ACT_STATS. */
export function readCounters(payload: Payload): TrafficCounters {
  const counters = { packets: 0n, bytes: 0n, dropped: 0n };
  readWith(counters, payload, counterReaders);
  return counters;
}

const objectReaders: Readers<Mutable<TrafficObject>> = {
  1: (object, value) => (object.kind = text(value)),
  2: (object, value) => (object.options = value),
  7: (object, value) => (object.counters = readCounters(value)),
};

/** Parses an RTM_NEWQDISC, RTM_NEWTCLASS or RTM_NEWTFILTER message. */
export function parseTrafficObject({ data, start, end }: Payload): TrafficObject {
  if (end - start < tcmsgLength) throw new NetlinkFormatError(`tcmsg of ${end - start} bytes`);
  const object: Mutable<TrafficObject> = {
    ifindex: readI32(data, start + 4),
    handle: readU32(data, start + 8),
    parent: readU32(data, start + 12),
    info: readU32(data, start + 16),
    kind: '',
    options: undefined,
    counters: { packets: 0n, bytes: 0n, dropped: 0n },
  };
  readWith(object, { data, start: start + tcmsgLength, end }, objectReaders);
  return object;
}

interface Place {
  readonly ifindex: number;
  readonly handle?: number;
  readonly parent?: number;
  readonly info?: number;
}

/** struct tcmsg: u8 family, 3 pad, i32 ifindex, u32 handle, u32 parent, u32 info. */
function tcmsg({ ifindex, handle = 0, parent = 0, info = 0 }: Place): Buffer {
  const fixed = Buffer.alloc(tcmsgLength);
  writeI32(fixed, ifindex, 4);
  writeU32(fixed, handle, 8);
  writeU32(fixed, parent, 12);
  writeU32(fixed, info, 16);
  return fixed;
}

/** The queueing disciplines of all devices of the namespace, with those of `ingress` and `clsact`. */
export const dumpQdiscs = (): Buffer => new MessageBuilder(types.getQdisc, 0, tcmsg({ ifindex: 0 })).build();

/** The classes of one device; the kernel has no dump of all devices'. */
export const dumpClasses = (ifindex: number): Buffer =>
  new MessageBuilder(types.getClass, 0, tcmsg({ ifindex })).build();

/** The filters at one place of one device; the kernel has no dump of all devices'. */
export const dumpFilters = (ifindex: number, parent: number): Buffer =>
  new MessageBuilder(types.getFilter, 0, tcmsg({ ifindex, parent })).build();

/** Appends the attributes of a kind's options. */
export type BuildOptions = (message: MessageBuilder) => void;

interface New extends Place {
  readonly kind: string;
  /** TCA_OPTIONS; undefined where the kind has none. */
  readonly options?: BuildOptions | undefined;
}

/** `nla_nested` stays unset: some kinds predate it, and all read options without it. */
function newObject(type: number, messageFlags: number, { kind, options, ...place }: New): Buffer {
  const message = new MessageBuilder(type, messageFlags, tcmsg(place)).text(attributes.kind, kind);
  if (options) message.nested(attributes.options, options, 0);
  return message.build();
}

/** Puts a queueing discipline in the place of whatever is there. */
export const replaceQdisc = (qdisc: New): Buffer => newObject(types.newQdisc, flags.create | flags.replace, qdisc);
/** Changes what `options` name of a queueing discipline that is there. */
export const changeQdisc = (qdisc: New): Buffer => newObject(types.newQdisc, 0, qdisc);
/** Adds a queueing discipline where there is none but the kernel's own. */
export const addQdisc = (qdisc: New): Buffer => newObject(types.newQdisc, flags.create | flags.exclusive, qdisc);
export const deleteQdisc = (place: Place): Buffer => new MessageBuilder(types.deleteQdisc, 0, tcmsg(place)).build();

/** Adds a class, or changes the one that bears the handle. */
export const setClass = (trafficClass: New): Buffer => newObject(types.newClass, flags.create, trafficClass);
export const deleteClass = (place: Place): Buffer => new MessageBuilder(types.deleteClass, 0, tcmsg(place)).build();

export const addFilter = (filter: New): Buffer => newObject(types.newFilter, flags.create | flags.exclusive, filter);
/** Adds a filter, or replaces the one that bears the handle. */
export const setFilter = (filter: New): Buffer => newObject(types.newFilter, flags.create, filter);
export const deleteFilter = (filter: Omit<New, 'options'>): Buffer => newObject(types.deleteFilter, 0, filter);

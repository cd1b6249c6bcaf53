/**
 * Filters of traffic control (linux/pkt_cls.h): which frames of a device, and what becomes of them. A filter of ours
 * bears a mark in its first action's cookie, with a digest of all that it says: so one look tells whose it is, and
 * whether it is as wanted, without reading back what each classifier and action has of its own.
 */
import { createHash } from 'node:crypto';
import { endianness } from 'node:os';
import { type Action, appendAction } from './action.ts';
import { type Readers, readWith, text, u32, visitAttributes } from './attribute.ts';
import { writeI32, writeU16, writeU32 } from './bytes.ts';
import type { MessageBuilder } from './message.ts';
import {
  addFilter,
  deleteFilter,
  readCounters,
  setFilter,
  type TrafficCounters,
  type TrafficObject,
} from './traffic-control.ts';

/** One instruction of classic BPF (struct sock_filter). */
export type BpfInstruction = readonly [code: number, jumpTrue: number, jumpFalse: number, operand: number];

/** Which frames a filter is about. */
export type Classifier =
  | { readonly kind: 'matchall' }
  /** All keys must match: 32 bits in network order at `offset` from the network header. No keys: every frame. */
  | { readonly kind: 'u32'; readonly keys: readonly { value: number; mask: number; offset: number }[] }
  /** A program that returns 0 for no match, and 0xffffffff for a match. */
  | { readonly kind: 'bpf'; readonly program: readonly BpfInstruction[] };

/** One filter; only one can be of a priority at its place. */
export interface Filter {
  readonly ifindex: number;
  /** `places.ingress`, `places.egress`, or the handle of a queueing discipline. */
  readonly parent: number;
  /** The lower comes first. */
  readonly priority: number;
  readonly classifier: Classifier;
  readonly actions: readonly Action[];
}

/** A filter as the kernel has it. */
export interface PresentFilter {
  readonly ifindex: number;
  readonly parent: number;
  readonly priority: number;
  readonly kind: string;
  readonly handle: number;
  /** ETH_P_* in network order, as the kernel wants it again for deleting the filter. */
  readonly protocol: number;
  /**
   * The cookie of its first action in hexadecimal digits, or else a program's name; empty where there is none. Ours
   * begin with our mark, which is followed by a digest of all that the filter says.
   */
  readonly mark: string;
  /** Of its first action. */
  readonly counters: TrafficCounters;
  /** The kernel's number for its BPF program. */
  readonly programId: number | undefined;
}

/** A BPF program that decides by itself what becomes of each frame (direct action). */
export interface ProgramFilter {
  readonly ifindex: number;
  readonly parent: number;
  readonly priority: number;
  /** 0, or that of the filter which it replaces without a gap. */
  readonly handle: number;
  /** Begins with `programMark`. */
  readonly mark: string;
}

const allProtocols = 3;
const networkOrder = (value: number): number => (endianness() === 'LE' ? ((value & 0xff) << 8) | (value >>> 8) : value);

/** "ovsw", as a cookie has it. */
const cookieMark = '6f767377';
/** What the names of our programs begin with. */
export const programMark = 'ovsw';
const digestBytes = 12;

/** What a filter of ours has as its cookie: our mark, then a digest of all that the filter says. */
export function cookieOf(filter: Filter): string {
  const digest = createHash('sha256').update(JSON.stringify(filter)).digest('hex');
  return cookieMark + digest.slice(0, digestBytes * 2);
}

/** Whether the switch made a filter. */
export const isOurFilter = ({ mark }: PresentFilter): boolean =>
  mark.startsWith(cookieMark) || mark.startsWith(programMark);

/** TCA_MATCHALL_ACT, TCA_U32_ACT … */
const actionAttributes: ReadonlyMap<string, number> = new Map([
  ['matchall', 2],
  ['u32', 7],
  ['bpf', 1],
  ['basic', 3],
  ['flower', 3],
]);

/** Adds a filter; fails with EEXIST where one of another kind has its priority, and for most kinds of the same. */
export function newFilter(filter: Filter): Buffer {
  const { ifindex, parent, priority, classifier } = filter;
  return addFilter({
    ifindex,
    parent,
    info: ((priority << 16) | networkOrder(allProtocols)) >>> 0,
    kind: classifier.kind,
    options: (message) => {
      classify(message, classifier);
      const type = actionAttributes.get(classifier.kind) ?? 0;
      message.nested(type, (actions) => appendActions(actions, filter), 0);
    },
  });
}

/** TCA_BPF_FD, TCA_BPF_NAME, TCA_BPF_FLAGS with TCA_BPF_FLAG_ACT_DIRECT. */
const bpf = { descriptor: 6, name: 7, flags: 8, id: 11 } as const;
const directAction = 1;

/** Sets a filter whose program is behind the descriptor `program`. */
export const setProgram = ({ mark, priority, ...place }: ProgramFilter, program: number): Buffer =>
  setFilter({
    ...place,
    info: ((priority << 16) | networkOrder(allProtocols)) >>> 0,
    kind: 'bpf',
    options: (message) => {
      message.u32(bpf.descriptor, program).text(bpf.name, mark).u32(bpf.flags, directAction);
    },
  });

/** Deletes this filter and leaves others of its priority. Of u32 an empty table remains, which `removePriority` takes. */
export const removeFilter = ({ ifindex, parent, priority, protocol, handle, kind }: PresentFilter): Buffer =>
  deleteFilter({ ifindex, parent, handle, info: ((priority << 16) | protocol) >>> 0, kind });

/** Deletes all filters of the priority that this one has. */
export const removePriority = (filter: PresentFilter): Buffer => removeFilter({ ...filter, handle: 0 });

/** TC_U32_TERMINAL: a match is final, as with the other classifiers. */
const u32Terminal = 1;

function classify(message: MessageBuilder, classifier: Classifier): void {
  switch (classifier.kind) {
    case 'matchall':
      return;
    case 'u32':
      message.bytes(5, u32Selector(classifier.keys));
      return;
    case 'bpf':
      message.u16(4, classifier.program.length).bytes(5, bpfProgram(classifier.program));
      return;
    default:
      classifier satisfies never;
  }
}

/** struct tc_u32_sel, then struct tc_u32_key: mask and value in network order, i32 offset, i32 offset mask. */
function u32Selector(keys: readonly { value: number; mask: number; offset: number }[]): Buffer {
  // A selector without keys matches nothing on some kernels: one that compares no bit matches all.
  const compared = keys.length > 0 ? keys : [{ value: 0, mask: 0, offset: 0 }];
  const selector = Buffer.alloc(16 + compared.length * 16);
  selector.writeUInt8(u32Terminal, 0);
  selector.writeUInt8(compared.length, 2);
  compared.forEach(({ value, mask, offset }, index) => {
    const at = 16 + index * 16;
    selector.writeUInt32BE(mask, at);
    selector.writeUInt32BE(value, at + 4);
    writeI32(selector, offset, at + 8);
  });
  return selector;
}

function bpfProgram(program: readonly BpfInstruction[]): Buffer {
  const data = Buffer.alloc(program.length * 8);
  program.forEach(([code, jumpTrue, jumpFalse, operand], index) => {
    writeU16(data, code, index * 8);
    data.writeUInt8(jumpTrue, index * 8 + 2);
    data.writeUInt8(jumpFalse, index * 8 + 3);
    writeU32(data, operand, index * 8 + 4);
  });
  return data;
}

/** TCA_ACT_*; actions are numbered from 1. */
const actionAttribute = { kind: 1, options: 2, cookie: 6 } as const;

function appendActions(message: MessageBuilder, filter: Filter): void {
  filter.actions.forEach((action, index) => {
    message.nested(
      index + 1,
      (each) => {
        each.text(actionAttribute.kind, action.kind);
        each.nested(actionAttribute.options, (options) => appendAction(options, action));
        if (index === 0) each.bytes(actionAttribute.cookie, Buffer.from(cookieOf(filter), 'hex'));
      },
      0,
    );
  });
}

const actionReaders: Readers<{ cookie: string; counters: TrafficCounters }> = {
  4: (found, value) => (found.counters = readCounters(value)),
  6: (found, { data, start, end }) => (found.cookie = data.toString('hex', start, end)),
};

/** The handle of a table of u32 filters has no bits of a filter's own. */
const isTable = (kind: string, handle: number): boolean => kind === 'u32' && (handle & 0xfffff) === 0;

/** Reads a filter of a dump. The dump also tells of hash tables and priorities, which are no filters: undefined. */
export function readFilter(object: TrafficObject): PresentFilter | undefined {
  const { ifindex, parent, info, kind, handle, options } = object;
  const type = actionAttributes.get(kind);
  if (handle === 0 || options === undefined || isTable(kind, handle)) return undefined;
  const found = { cookie: '', counters: object.counters };
  let name = '';
  let programId: number | undefined;
  visitAttributes(options, (attribute, value) => {
    if (kind === 'bpf' && attribute === bpf.name) name = text(value);
    if (kind === 'bpf' && attribute === bpf.id) programId = u32(value);
    if (attribute !== type) return;
    visitAttributes(value, (order, action) => {
      if (order === 1) readWith(found, action, actionReaders);
    });
  });
  const { cookie, counters } = found;
  return {
    ifindex,
    parent,
    priority: info >>> 16,
    protocol: info & 0xffff,
    kind,
    handle,
    mark: cookie || name,
    counters,
    programId,
  };
}

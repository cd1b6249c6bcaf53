/**
 * Filters of what devices receive and send (tc-bpf(8), clsact). The aspects that need any only say which; clsact is
 * shared, so one place keeps it and them: it is there while something wants it, and others' filters are left alone.
 */
import { createHash } from 'node:crypto';
import type { Program } from '../bpf/assembler.ts';
import type { Desired } from '../desired.ts';
import { groupBy } from '../group.ts';
import type { KernelState } from '../kernel.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import {
  cookieOf,
  type Filter,
  isOurFilter,
  newFilter,
  type PresentFilter,
  programMark,
  removeFilter,
  removePriority,
} from '../netlink/filter.ts';
import { addQdisc, clsactHandle, deleteQdisc, places } from '../netlink/traffic-control.ts';
import type { LoadPrograms, Step, Subject } from '../step.ts';
import type { AspectDefinition } from './aspect.ts';
import { isInOurHands, trafficOf } from './traffic.ts';

/** A filter that shall be there. Of one priority at one place of a device there is one. */
export interface WantedFilter {
  /** Completes "could not …". */
  readonly what: string;
  readonly subject: Subject;
  readonly ifindex: number;
  readonly parent: typeof places.ingress | typeof places.egress;
  /** The lower comes first: see `priorities`. */
  readonly priority: number;
  /** Tells whose it is, and everything it says: see `PresentFilter.mark`. */
  readonly mark: string;
  readonly content: (() => Buffer) | WantedProgram;
}

/** A program in place of a classifier with actions. */
export interface WantedProgram {
  readonly program: Program;
  /** What it counts with, together with other filters that have the same name for it. */
  readonly counter?: { readonly name: string; readonly size: number } | undefined;
}

/**
 * Who comes before whom. A filter that does not decide about a frame must let the next ones see it ("continue").
 * Policing comes first: as in Open vSwitch, what VLANs do not admit counts too. Mirrors come last: what is dropped
 * before is not mirrored.
 */
export const priorities = {
  policing: 1,
  packetPolicing: 2,
  admission: 10,
  dscp: 12,
  reservation: 99,
  mirror: 100,
  mark: 1000,
} as const;

export function wantedFilter(
  filter: Filter & { readonly parent: WantedFilter['parent'] },
  subject: Subject,
  what: string,
): WantedFilter {
  const { ifindex, parent, priority } = filter;
  return { what, subject, ifindex, parent, priority, mark: cookieOf(filter), content: () => newFilter(filter) };
}

/** The mark of a program, from all that it depends on: the name of its counter is told in it. */
function programMarkOf({ program, counter }: WantedProgram): string {
  const digest = createHash('sha256').update(program.code).digest('hex').slice(0, 16);
  return [programMark, ...(counter ? [counter.name] : []), digest].join(':');
}

export function wantedProgram(
  place: Pick<WantedFilter, 'ifindex' | 'parent' | 'priority' | 'subject' | 'what'>,
  content: WantedProgram,
): WantedFilter {
  return { ...place, mark: programMarkOf(content), content };
}

/** A program in the kernel that counts with the counter of that name. */
export function countingProgram(found: FoundFilters, counter: string): number | undefined {
  const prefix = `${programMark}:${counter}:`;
  for (const { filters } of found.values()) {
    const filter = filters.find(({ mark, programId }) => programId !== undefined && mark.startsWith(prefix));
    if (filter) return filter.programId;
  }
  return undefined;
}

/** Filters that an aspect wants on devices that are there. Pure. */
export type FilterSource = (desired: Desired, kernel: KernelState) => readonly WantedFilter[];

/** By ifindex: the kind of queueing discipline at the place of `clsact`, and the filters there. */
export type FoundFilters = ReadonlyMap<number, { readonly kind: string; readonly filters: readonly PresentFilter[] }>;

function readFilters(kernel: KernelState, client: NetlinkClient): FoundFilters {
  const traffic = trafficOf(kernel, client);
  return new Map(
    [...traffic.holders].map(([ifindex, { kind }]) => [ifindex, { kind, filters: traffic.filters(ifindex) }]),
  );
}

const keyOf = ({ parent, priority }: { parent: number; priority: number }): string => `${parent} ${priority}`;

/** Ours that are not as wanted go; returned with them: what is there and as wanted. */
function staleFilters(present: readonly PresentFilter[], wanted: ReadonlyMap<string, WantedFilter>) {
  const stale: PresentFilter[] = [];
  const kept = new Set<string>();
  for (const filter of present) {
    if (!isOurFilter(filter)) continue;
    const key = keyOf(filter);
    if (!kept.has(key) && wanted.get(key)?.mark === filter.mark) kept.add(key);
    else stale.push(filter);
  }
  return { stale, kept };
}

/** Of u32 an empty table would remain. */
const removal = (filter: PresentFilter): Buffer =>
  filter.kind === 'u32' ? removePriority(filter) : removeFilter(filter);

const clsactMessage = (ifindex: number): Buffer =>
  addQdisc({ ifindex, kind: 'clsact', handle: clsactHandle, parent: places.clsact });

function deviceSteps(ifindex: number, wanted: readonly WantedFilter[], { found, pending, kernel }: Context): Step[] {
  const present = found.get(ifindex);
  const name = kernel.at(ifindex)?.name;
  // On its way out, and its filters with it.
  if (name === undefined) return [];
  const [first] = wanted;
  if (!present) {
    return first ? [send(first.subject, `let filters be set on ${name}`, clsactMessage(ifindex))] : [];
  }
  const byKey = new Map(wanted.map((filter) => [keyOf(filter), filter]));
  const { stale, kept } = staleFilters(present.filters, byKey);
  const subject = first?.subject ?? { port: name };
  const isHeld = (filter: PresentFilter): boolean => pending.has(counterOf(filter.mark)) || isReplaced(filter, byKey);
  const removed = stale.filter((filter) => !isHeld(filter));
  const steps = removed.map((filter) => send(subject, `remove a filter of ${name}`, removal(filter)));
  if (present.kind === 'clsact') {
    for (const filter of wanted) {
      if (kept.has(keyOf(filter)) || typeof filter.content !== 'function') continue;
      steps.push(send(filter.subject, filter.what, filter.content()));
    }
    if (!first && removed.length === stale.length && isOursToDelete(ifindex, present.filters, kernel)) {
      steps.push(send(subject, `remove clsact from ${name}`, deleteQdisc({ ifindex, parent: places.clsact })));
    }
  }
  return steps;
}

interface Context {
  readonly found: FoundFilters;
  readonly kernel: KernelState;
  /** Counters of programs that are still to be loaded: what counts with them now must not go before. */
  readonly pending: ReadonlySet<string>;
}

/** The name of its counter in a program's mark; empty for those that do not count. */
export const counterOf = (mark: string): string => {
  const [prefix, counter, digest] = mark.split(':');
  return prefix === programMark && digest !== undefined ? (counter ?? '') : '';
};

/** A program takes another's place without a gap. */
const isReplaced = (filter: PresentFilter, wanted: ReadonlyMap<string, WantedFilter>): boolean =>
  filter.programId !== undefined && typeof wanted.get(keyOf(filter))?.content === 'object';

/** The programs that are not in their places, and one step for all that count together. */
function programSteps(wanted: readonly WantedFilter[], found: FoundFilters) {
  const steps = new Map<string, LoadPrograms>();
  const pending = new Set<string>();
  for (const { content, subject, what, ...filter } of wanted) {
    if (typeof content === 'function') continue;
    const place = found.get(filter.ifindex);
    const present = place?.filters.find((other) => keyOf(other) === keyOf(filter) && isOurFilter(other));
    if (present?.mark === filter.mark) continue;
    const { program, counter } = content;
    if (counter) pending.add(counter.name);
    if (place?.kind !== 'clsact') continue;
    const handle = present?.programId === undefined ? 0 : present.handle;
    const key = counter?.name ?? JSON.stringify(filter);
    const loaded = { ...filter, handle, program };
    const others = steps.get(key)?.programs ?? [];
    const counting = counter && { size: counter.size, of: countingProgram(found, counter.name) };
    steps.set(key, { op: 'load-programs', subject, what, programs: [...others, loaded], counter: counting });
  }
  return { steps: [...steps.values()], pending: pending as ReadonlySet<string> };
}

const send = (subject: Subject, what: string, message: Buffer): Step => ({
  op: 'send',
  subject,
  what,
  messages: [message],
});

/** Nobody else has a filter there, and the device is a port of ours or bears a filter of ours. */
function isOursToDelete(ifindex: number, filters: readonly PresentFilter[], kernel: KernelState): boolean {
  const link = kernel.at(ifindex);
  const isPort = link !== undefined && isInOurHands(link);
  return filters.every(isOurFilter) && (filters.length > 0 || isPort);
}

/** The aspect, for filters from these sources. */
export const filtersOf = (sources: readonly FilterSource[]): AspectDefinition<Desired, FoundFilters> => {
  const wantedBy = (desired: Desired, kernel: KernelState): ReadonlyMap<number, readonly WantedFilter[]> =>
    groupBy(
      sources.flatMap((source) => source(desired, kernel)),
      ({ ifindex }) => ifindex,
    );
  return {
    name: 'filters',
    want: (desired) => desired,
    read: (_desired, kernel, client) => readFilters(kernel, client),
    diff: (desired, found, kernel) => {
      const wanted = wantedBy(desired, kernel);
      const { steps, pending } = programSteps([...wanted.values()].flat(), found);
      const devices = new Set([...found.keys(), ...wanted.keys()]);
      const context = { found, pending, kernel };
      return [...[...devices].flatMap((ifindex) => deviceSteps(ifindex, wanted.get(ifindex) ?? [], context)), ...steps];
    },
    problems: (desired, found, kernel) => ({
      interfaces: new Map(
        [...wantedBy(desired, kernel)].flatMap(([ifindex, [first]]) => {
          const kind = found.get(ifindex)?.kind ?? 'clsact';
          if (!first || kind === 'clsact' || !('port' in first.subject)) return [];
          const text = `could not ${first.what}: a queueing discipline ${kind} is in the place of clsact that the switch did not make; tc qdisc delete dev ${kernel.at(ifindex)?.name} ${kind} makes way`;
          return [[first.subject.port, text]];
        }),
      ),
    }),
  };
};

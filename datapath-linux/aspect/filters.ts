/**
 * Filters of what devices receive and send (tc-bpf(8), clsact). The aspects that need any only say which; clsact is
 * shared, so one place keeps it and them: it is there while something wants it, and others' filters are left alone.
 */
import type { Desired } from '../desired.ts';
import { groupBy } from '../group.ts';
import type { KernelState } from '../kernel.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import { DumpInterruptedError } from '../netlink/error.ts';
import {
  cookieOf,
  type Filter,
  isOurFilter,
  newFilter,
  type PresentFilter,
  readFilter,
  removeFilter,
  removePriority,
} from '../netlink/filter.ts';
import {
  addQdisc,
  clsactHandle,
  deleteQdisc,
  dumpFilters,
  parseTrafficObject,
  places,
} from '../netlink/traffic-control.ts';
import type { Step, Subject } from '../step.ts';
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
  readonly message: () => Buffer;
}

/**
 * Who comes before whom. A filter that does not decide about a frame must let the next ones see it ("continue").
 * Policing comes first: as in Open vSwitch, what VLANs do not admit counts too. Mirrors come last: what is dropped
 * before is not mirrored.
 */
export const priorities = { policing: 1, packetPolicing: 2, admission: 10, mirror: 100 } as const;

export function wantedFilter(
  filter: Filter & { readonly parent: WantedFilter['parent'] },
  subject: Subject,
  what: string,
): WantedFilter {
  const { ifindex, parent, priority } = filter;
  return { what, subject, ifindex, parent, priority, mark: cookieOf(filter), message: () => newFilter(filter) };
}

/** Filters that an aspect wants on devices that are there. Pure. */
export type FilterSource = (desired: Desired, kernel: KernelState) => readonly WantedFilter[];

/** By ifindex: the kind of queueing discipline at the place of `clsact`, and the filters there. */
export type FoundFilters = ReadonlyMap<number, { readonly kind: string; readonly filters: readonly PresentFilter[] }>;

function dumpOf(client: NetlinkClient, ifindex: number, parent: number): PresentFilter[] {
  try {
    return client
      .dump(dumpFilters(ifindex, parent), (payload) => readFilter(parseTrafficObject(payload)))
      .flatMap((filter) => filter ?? []);
  } catch (error) {
    // The device went away since: an event is on its way.
    if (error instanceof DumpInterruptedError) throw error;
    return [];
  }
}

function readFilters(kernel: KernelState, client: NetlinkClient): FoundFilters {
  return new Map(
    [...trafficOf(kernel, client).holders].map(([ifindex, { kind }]) => {
      const parents = kind === 'clsact' ? [places.ingress, places.egress] : [places.ingress];
      return [ifindex, { kind, filters: parents.flatMap((parent) => dumpOf(client, ifindex, parent)) }];
    }),
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

function deviceSteps(ifindex: number, wanted: readonly WantedFilter[], found: FoundFilters, kernel: KernelState) {
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
  const steps = stale.map((filter) => send(subject, `remove a filter of ${name}`, removal(filter)));
  if (present.kind === 'clsact') {
    for (const filter of wanted) {
      if (!kept.has(keyOf(filter))) steps.push(send(filter.subject, filter.what, filter.message()));
    }
    if (!first && isOursToDelete(ifindex, present.filters, kernel)) {
      steps.push(send(subject, `remove clsact from ${name}`, deleteQdisc({ ifindex, parent: places.clsact })));
    }
  }
  return steps;
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
      const devices = new Set([...found.keys(), ...wanted.keys()]);
      return [...devices].flatMap((ifindex) => deviceSteps(ifindex, wanted.get(ifindex) ?? [], found, kernel));
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

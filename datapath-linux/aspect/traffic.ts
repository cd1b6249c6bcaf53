/**
 * The kernel's traffic control. What every device has is read when an aspect first asks, and again when the kernel has
 * told of a change: so a look at a host of many ports where nothing has changed costs nothing.
 */
import { groupBy } from '../group.ts';
import { isOwned, type KernelState } from '../kernel.ts';
import { readMarks } from '../names.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import { DumpInterruptedError } from '../netlink/error.ts';
import { type PresentFilter, readFilter } from '../netlink/filter.ts';
import type { Link } from '../netlink/link.ts';
import {
  dumpClasses,
  dumpFilters,
  dumpQdiscs,
  parseTrafficObject,
  places,
  type TrafficObject,
} from '../netlink/traffic-control.ts';

/** What the kernel chooses by itself has no handle. */
const isChosen = ({ handle }: TrafficObject): boolean => handle !== 0;

/** Options are parts of what was received, which is much larger. */
function compact(object: TrafficObject): TrafficObject {
  const { options } = object;
  if (!options) return object;
  const data = Buffer.from(options.data.subarray(options.start, options.end));
  return { ...object, options: { data, start: 0, end: data.length } };
}

export class Traffic {
  readonly #client: NetlinkClient;
  readonly #qdiscs: ReadonlyMap<number, readonly TrafficObject[]>;
  readonly #classes = new Map<number, readonly TrafficObject[]>();
  readonly #filters = new Map<number, readonly PresentFilter[]>();
  /** By ifindex: what holds the filters of a device: `clsact`, or `ingress` for one direction only. */
  readonly holders: ReadonlyMap<number, TrafficObject>;

  constructor(client: NetlinkClient) {
    this.#client = client;
    const chosen = client.dump(dumpQdiscs(), parseTrafficObject).filter(isChosen).map(compact);
    this.#qdiscs = groupBy(chosen, ({ ifindex }) => ifindex);
    this.holders = new Map(
      chosen.filter(({ parent }) => parent === places.clsact).map((holder) => [holder.ifindex, holder]),
    );
  }

  /** The devices whose frames are queued otherwise than the kernel chooses. */
  get shaped(): number[] {
    return [...this.#qdiscs.keys()].filter((ifindex) => this.root(ifindex) !== undefined);
  }

  /** What queues the frames that a device sends; undefined where nothing does but the kernel's own choice. */
  root(ifindex: number): TrafficObject | undefined {
    return this.#qdiscs.get(ifindex)?.find(({ parent }) => parent === places.root);
  }

  classes(ifindex: number): readonly TrafficObject[] {
    const known = this.#classes.get(ifindex) ?? this.#dump(dumpClasses(ifindex)).map(compact);
    this.#classes.set(ifindex, known);
    return known;
  }

  /** The filters of a device in both directions. */
  filters(ifindex: number): readonly PresentFilter[] {
    const known = this.#filters.get(ifindex) ?? this.#readFilters(ifindex);
    this.#filters.set(ifindex, known);
    return known;
  }

  #readFilters(ifindex: number): PresentFilter[] {
    const holder = this.holders.get(ifindex);
    if (!holder) return [];
    const parents = holder.kind === 'clsact' ? [places.ingress, places.egress] : [places.ingress];
    const objects = parents.flatMap((parent) => this.#dump(dumpFilters(ifindex, parent)));
    return objects.flatMap((object) => readFilter(object) ?? []);
  }

  #dump(message: Buffer): readonly TrafficObject[] {
    try {
      return this.#client.dump(message, parseTrafficObject);
    } catch (error) {
      // The device went away since the links were read: an event is on its way.
      if (error instanceof DumpInterruptedError) throw error;
      return [];
    }
  }
}

const known = new WeakMap<object, Traffic>();

/** The traffic control as it was when the devices were read; its counters may be older. */
export function trafficOf({ traffic }: KernelState, client: NetlinkClient): Traffic {
  const found = known.get(traffic) ?? new Traffic(client);
  known.set(traffic, found);
  return found;
}

/** Whether the switch made a device, or bears it in one of its bridges: others' are not looked at. */
export const isInOurHands = (link: Link): boolean => isOwned(link) || readMarks(link.altnames).marks.length > 0;

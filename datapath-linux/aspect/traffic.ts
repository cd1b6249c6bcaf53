/** The kernel's traffic control at one look: read when an aspect first asks, and at most once. */
import { groupBy } from '../group.ts';
import { isOwned, type KernelState } from '../kernel.ts';
import { readMarks } from '../names.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import { DumpInterruptedError } from '../netlink/error.ts';
import type { Link } from '../netlink/link.ts';
import { dumpClasses, dumpQdiscs, parseTrafficObject, places, type TrafficObject } from '../netlink/traffic-control.ts';

const none: readonly TrafficObject[] = [];

export class Traffic {
  readonly #client: NetlinkClient;
  readonly #qdiscs: ReadonlyMap<number, readonly TrafficObject[]>;

  constructor(client: NetlinkClient) {
    this.#client = client;
    this.#qdiscs = groupBy(client.dump(dumpQdiscs(), parseTrafficObject), ({ ifindex }) => ifindex);
  }

  /** What queues the frames that a device sends; undefined where nothing does but the kernel's own choice. */
  root(ifindex: number): TrafficObject | undefined {
    return this.#of(ifindex).find(({ parent, handle }) => parent === places.root && handle !== 0);
  }

  /** By ifindex: what holds the filters of a device: `clsact`, or `ingress` for one direction only. */
  get holders(): ReadonlyMap<number, TrafficObject> {
    return new Map(
      [...this.#qdiscs].flatMap(([ifindex, qdiscs]) => {
        const holder = qdiscs.find(({ parent }) => parent === places.clsact);
        return holder ? [[ifindex, holder]] : [];
      }),
    );
  }

  classes(ifindex: number): readonly TrafficObject[] {
    return this.#dump(dumpClasses(ifindex));
  }

  #of(ifindex: number): readonly TrafficObject[] {
    return this.#qdiscs.get(ifindex) ?? none;
  }

  #dump(message: Buffer): readonly TrafficObject[] {
    try {
      return this.#client.dump(message, parseTrafficObject);
    } catch (error) {
      // The device went away since the links were read: an event is on its way.
      if (error instanceof DumpInterruptedError) throw error;
      return none;
    }
  }
}

const looks = new WeakMap<KernelState, Traffic>();

/** The traffic control of the moment at which the devices were read. */
export function trafficOf(kernel: KernelState, client: NetlinkClient): Traffic {
  const known = looks.get(kernel) ?? new Traffic(client);
  looks.set(kernel, known);
  return known;
}

/** Whether the switch made a device, or bears it in one of its bridges: others' are not looked at. */
export const isInOurHands = (link: Link): boolean => isOwned(link) || readMarks(link.altnames).marks.length > 0;

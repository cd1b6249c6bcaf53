/** The state of the kernel that the switch compares with what it wants, and how it is read. */
import type { Capabilities } from './capabilities.ts';
import { LinkIndex } from './link-index.ts';
import type { LinkTable } from './link-table.ts';
import { isOurs } from './names.ts';
import type { NetlinkClient } from './netlink/client.ts';
import { type Link, parseLink } from './netlink/link.ts';
import { getForeignLink } from './netlink/request.ts';

/** Whether the switch made the device. */
export const isOwned = ({ group, alias }: Link): boolean => isOurs(group, alias);

/** The host's end of an internal port. */
export interface Inner {
  readonly link: Link;
  /** Our number for the network namespace it was moved to. */
  readonly namespaceId: number | undefined;
}

export class KernelState {
  readonly #index: LinkIndex;
  readonly #foreign: ReadonlyMap<number, Link>;
  /** What it can do at all. */
  readonly capabilities: Capabilities;
  /** Another object whenever queues or filters of some device may have changed. */
  readonly traffic: object;

  /** `links`: all of the namespace. `foreign`: by the ifindex of a veth end here, its peer in another namespace. */
  constructor(
    links: readonly Link[] | LinkIndex,
    foreign: ReadonlyMap<number, Link> = new Map(),
    capabilities: Capabilities = { has: () => true },
    traffic: object = {},
  ) {
    this.#index = links instanceof LinkIndex ? links : new LinkIndex(links);
    this.#foreign = foreign;
    this.capabilities = capabilities;
    this.traffic = traffic;
  }

  get links(): readonly Link[] {
    return this.#index.all;
  }

  /**
   * The state once these devices are deleted, with their veth peers gone and their ports in no bridge; and those taken
   * out of their bridges.
   */
  without(ifindexes: ReadonlySet<number>, detached: ReadonlySet<number> = new Set()): KernelState {
    if (ifindexes.size === 0 && detached.size === 0) return this;
    const isGone = ({ ifindex, kind, link, linkNamespaceId }: Link): boolean =>
      ifindexes.has(ifindex) || (kind === 'veth' && linkNamespaceId === undefined && ifindexes.has(link));
    const isFreed = ({ ifindex, master }: Link): boolean => detached.has(ifindex) || ifindexes.has(master);
    const links = this.links.filter((link) => !isGone(link));
    const freed = links.map((link) => (isFreed(link) ? { ...link, master: 0 } : link));
    return new KernelState(freed, this.#foreign, this.capabilities, this.traffic);
  }

  /** All kernel bridges. */
  get bridges(): ReadonlySet<Link> {
    return this.#index.ofKind('bridge');
  }

  /** All devices with that MAC address. */
  withAddress(address: string): ReadonlySet<Link> {
    return this.#index.withAddress(address);
  }

  /** A device by its name or an alternative name. */
  find(name: string): Link | undefined {
    return this.#index.find(name);
  }

  at(ifindex: number): Link | undefined {
    return this.#index.at(ifindex);
  }

  /** The peer of a veth end, in this namespace or another; by index, because it may be renamed. */
  innerOf(outer: Link): Inner | undefined {
    const { linkNamespaceId } = outer;
    const link = linkNamespaceId === undefined ? this.#index.at(outer.link) : this.#foreign.get(outer.ifindex);
    return link && { link, namespaceId: linkNamespaceId };
  }
}

interface Foreign {
  /** By the ifindex of a veth end here: its peer. */
  readonly found: ReadonlyMap<number, Link>;
  /** Veth ends here whose peers are not where they were: gone, moved on, or not to be looked at. */
  readonly missing: readonly Link[];
}

/** Peers in other namespaces, of which no notice tells. */
function readForeign(client: NetlinkClient, links: readonly Link[]): Foreign {
  const outers: Link[] = [];
  const requests: Buffer[] = [];
  for (const link of links) {
    if (link.linkNamespaceId === undefined || link.kind !== 'veth' || !isOwned(link)) continue;
    outers.push(link);
    requests.push(getForeignLink(link.linkNamespaceId, link.link));
  }
  const found = new Map<number, Link>();
  for (let at = 0; at < requests.length; at += foreignPerBatch) {
    client.batch(requests.slice(at, at + foreignPerBatch)).forEach(({ payloads: [payload] }, index) => {
      const outer = outers[at + index];
      if (payload && outer) found.set(outer.ifindex, parseLink(payload));
    });
  }
  return { found, missing: outers.filter(({ ifindex }) => !found.has(ifindex)) };
}

const foreignPerBatch = 128;

/**
 * Reads the kernel's devices. What it returns holds until the next reading, or the next notice that is taken in.
 * @throws DumpInterruptedError when they change faster than they can be read.
 */
export function readKernel(client: NetlinkClient, table: LinkTable, capabilities: Capabilities): KernelState {
  let links = table.read();
  let foreign = readForeign(client, links.all);
  if (foreign.missing.length > 0) {
    table.suspect(foreign.missing);
    links = table.read();
    foreign = readForeign(client, links.all);
  }
  return new KernelState(links, foreign.found, capabilities, table.traffic);
}

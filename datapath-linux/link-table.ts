/**
 * The links of the network namespace, as a copy of the kernel's own that its notices keep fresh, so that a look costs what
 * has changed and not what is there. A notice still only says "look": this is what is looked at.
 *
 * The copy is always as the kernel was at the last `read`, but for what the kernel changes in silence: alias, group and
 * alternative names of devices that are down, the sysctls of IPv6, the settings of taps, the namespace of a veth's far
 * end. What the switch itself may have changed so is named to `suspect`, and read again; what others do is found when
 * the copy is old, and everything is read again.
 */

import { isDeepStrictEqual } from 'node:util';
import { LinkIndex } from './link-index.ts';
import type { NetlinkClient } from './netlink/client.ts';
import type { LinkEvents, LinkNotice } from './netlink/events.ts';
import { type Link, parseLink } from './netlink/link.ts';
import { dumpLinks, getLink, type LinkReference } from './netlink/request.ts';

/** From so many uncertain links on one dump is cheaper than asking for each. */
const uncertainMax = 64;
/** In milliseconds: when a copy is old. */
const oldAge = 60_000;

export interface LinkTableOptions {
  readonly client: Pick<NetlinkClient, 'batch' | 'dump'>;
  readonly events: Pick<LinkEvents, 'take'>;
  /** Milliseconds, ever growing. */
  readonly now: () => number;
}

export class LinkTable {
  readonly #options: LinkTableOptions;
  readonly #links = new LinkIndex();
  #hasNews = false;
  readonly #uncertain = new Set<number>();
  readonly #uncertainNames = new Set<string>();
  #traffic: object = {};
  /** undefined: nothing is known, and all must be read. */
  #readAt: number | undefined;

  constructor(options: LinkTableOptions) {
    this.#options = options;
  }

  /** Whether it is time to look, in case something has changed in silence. */
  get isOld(): boolean {
    return this.#readAt === undefined || this.#options.now() - this.#readAt > oldAge;
  }

  /** Another object whenever queues or filters of some device may have changed. */
  get traffic(): object {
    return this.#traffic;
  }

  /** Whether some links change in silence all the time. */
  get isRestless(): boolean {
    return this.#restless().length > 0;
  }

  /** Whether notices have told anything new since the last `read`. */
  get hasNews(): boolean {
    return this.#hasNews;
  }

  /** What protocols have come to: no notice tells of the state of a spanning tree, nor of all that LACP does. */
  #restless(): Link[] {
    const bridges = [...this.#links.ofKind('bridge')];
    const trees = new Set(bridges.filter(({ bridge }) => bridge?.stpState).map(({ ifindex }) => ifindex));
    if (trees.size === 0 && this.#links.ofKind('bond').size === 0) return [];
    return this.#links.all.filter(
      ({ bond, bondMember, ifindex, master }) => bond || bondMember || trees.has(ifindex) || trees.has(master),
    );
  }

  /** Takes in the notices that are waiting. Returns whether they tell anything new. */
  takeNotices(): boolean {
    let any = false;
    for (const notice of this.#options.events.take()) {
      // Everything is read anew then, and what notices tell until then is of no use.
      if (this.#readAt !== undefined && this.#uncertain.size > uncertainMax) this.forget();
      if (this.#readAt === undefined || this.#note(notice)) any = true;
    }
    this.#hasNews ||= any;
    return any;
  }

  /**
   * All links, as they are now, until more notices are taken in.
   * @throws DumpInterruptedError when they change faster than they can be read.
   */
  read(): LinkIndex {
    this.takeNotices();
    if (!this.isOld) this.#settle();
    if (this.isOld || this.#uncertain.size > 0) this.#readAll();
    this.#hasNews = false;
    return this.#links;
  }

  /** These may have changed without a notice. */
  suspect(links: readonly LinkReference[]): void {
    for (const link of links) {
      if ('name' in link) this.#uncertainNames.add(link.name);
      else if (link.namespaceId === undefined) this.#uncertain.add(link.ifindex);
    }
  }

  /** Anything may have changed without a notice. */
  forget(): void {
    this.#traffic = {};
    this.#readAt = undefined;
  }

  /** Returns whether it is news: the kernel tells of some changes several times, and of others what a dump told. */
  #note(notice: LinkNotice): boolean {
    switch (notice.kind) {
      case 'changed':
        return this.#set(notice.link());
      case 'gone':
        return this.#remove(notice.ifindex);
      case 'uncertain':
        this.#uncertain.add(notice.ifindex);
        return true;
      case 'lost':
        this.forget();
        return true;
      case 'traffic':
        this.#traffic = {};
        return true;
      default:
        return notice satisfies never;
    }
  }

  #set(link: Link): boolean {
    // Of a far end that has come from another namespace the near end's own notice tells nothing.
    if (!this.#links.at(link.ifindex)) this.#doubtPeer(link);
    return this.#replace(link);
  }

  /** Returns whether it is not as known. */
  #replace(link: Link): boolean {
    if (this.#asKnown(link) !== link) return false;
    const known = this.#links.at(link.ifindex);
    if (known?.mtu !== link.mtu || known.master !== link.master) this.#doubtMasters(known, link);
    this.#links.set(link);
    return true;
  }

  /** The MTU of a kernel bridge follows those of its ports, and no notice tells. */
  #doubtMasters(...ports: readonly (Link | undefined)[]): void {
    for (const port of ports) if (port && port.master !== 0) this.#uncertain.add(port.master);
  }

  /** What is known of a link if that is the same: who remembers a link may tell by its identity that it has not changed. */
  #asKnown(link: Link): Link {
    const known = this.#links.at(link.ifindex);
    return known && isDeepStrictEqual(known, link) ? known : link;
  }

  #remove(ifindex: number): boolean {
    // Should it come back from another namespace, its queues and filters do not.
    this.#traffic = {};
    const link = this.#links.delete(ifindex);
    this.#uncertain.delete(ifindex);
    // Gone, or moved to another namespace: then its peer is still here, and now has a number for that namespace.
    if (link) this.#doubtPeer(link);
    this.#doubtMasters(link);
    return link !== undefined;
  }

  #doubtPeer({ kind, link, linkNamespaceId }: Link): void {
    if (kind === 'veth' && linkNamespaceId === undefined && link !== 0) this.#uncertain.add(link);
  }

  /** Asks for the uncertain links, if they are not too many. */
  #settle(): void {
    for (const { ifindex } of this.#restless()) this.#uncertain.add(ifindex);
    for (const name of this.#uncertainNames) {
      const link = this.#links.find(name);
      if (link) this.#uncertain.add(link.ifindex);
    }
    this.#uncertainNames.clear();
    if (this.#uncertain.size > uncertainMax) return;
    const ifindexes = [...this.#uncertain];
    this.#uncertain.clear();
    this.#options.client.batch(ifindexes.map(getLink)).forEach(({ payloads: [payload], error }, index) => {
      const ifindex = ifindexes[index] ?? 0;
      if (payload) this.#replace(parseLink(payload));
      else if (error?.code === 'ENODEV') this.#links.delete(ifindex);
      else this.forget();
    });
    // What was read may be a reason to doubt others.
    if (this.#uncertain.size > 0 && !this.isOld) this.#settle();
  }

  #readAll(): void {
    const links = this.#options.client.dump(dumpLinks(), parseLink);
    const found = links.map((link) => this.#asKnown(link));
    this.#links.clear();
    for (const link of found) this.#links.set(link);
    this.#uncertain.clear();
    this.#uncertainNames.clear();
    this.#traffic = {};
    this.#readAt = this.#options.now();
  }
}

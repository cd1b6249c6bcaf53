/** Links by their numbers, by their names, and by what is asked for of few of many. */
import type { Link } from './netlink/link.ts';

/** Links that have something in common, by what that is. */
class Groups {
  readonly #links = new Map<string, Set<Link>>();

  get(key: string): ReadonlySet<Link> {
    return this.#links.get(key) ?? none;
  }

  add(key: string, link: Link): void {
    const group = this.#links.get(key);
    if (group) group.add(link);
    else this.#links.set(key, new Set([link]));
  }

  delete(key: string, link: Link): void {
    const group = this.#links.get(key);
    group?.delete(link);
    if (group?.size === 0) this.#links.delete(key);
  }

  clear(): void {
    this.#links.clear();
  }
}

const none: ReadonlySet<Link> = new Set();

export class LinkIndex {
  readonly #byIndex = new Map<number, Link>();
  readonly #byName = new Map<string, Link>();
  readonly #byKind = new Groups();
  readonly #byAddress = new Groups();
  #all: readonly Link[] | undefined = [];

  constructor(links: Iterable<Link> = []) {
    for (const link of links) this.set(link);
  }

  get all(): readonly Link[] {
    this.#all ??= [...this.#byIndex.values()];
    return this.#all;
  }

  at(ifindex: number): Link | undefined {
    return this.#byIndex.get(ifindex);
  }

  /** By its name or an alternative name: the kernel sees to it that all of them differ. */
  find(name: string): Link | undefined {
    return this.#byName.get(name);
  }

  ofKind(kind: string): ReadonlySet<Link> {
    return this.#byKind.get(kind);
  }

  withAddress(address: string): ReadonlySet<Link> {
    return this.#byAddress.get(address);
  }

  /** Takes in a link, in place of what was known of it. */
  set(link: Link): void {
    this.#forget(this.#byIndex.get(link.ifindex));
    this.#byIndex.set(link.ifindex, link);
    this.#byKind.add(link.kind, link);
    this.#byAddress.add(link.address, link);
    for (const name of link.altnames) this.#byName.set(name, link);
    this.#byName.set(link.name, link);
    this.#all = undefined;
  }

  /** Returns what was known of it. */
  delete(ifindex: number): Link | undefined {
    const link = this.#byIndex.get(ifindex);
    if (!link) return undefined;
    this.#forget(link);
    this.#byIndex.delete(ifindex);
    this.#all = undefined;
    return link;
  }

  clear(): void {
    this.#byIndex.clear();
    this.#byName.clear();
    this.#byKind.clear();
    this.#byAddress.clear();
    this.#all = undefined;
  }

  /** Another link may have taken one of its names meanwhile. */
  #forget(link: Link | undefined): void {
    if (!link) return;
    this.#byKind.delete(link.kind, link);
    this.#byAddress.delete(link.address, link);
    for (const name of [...link.altnames, link.name]) {
      if (this.#byName.get(name) === link) this.#byName.delete(name);
    }
  }
}

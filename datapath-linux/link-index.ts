/** Links by their numbers and by their names. */
import type { Link } from './netlink/link.ts';

export class LinkIndex {
  readonly #byIndex = new Map<number, Link>();
  readonly #byName = new Map<string, Link>();
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

  /** Takes in a link, in place of what was known of it. */
  set(link: Link): void {
    this.#forgetNames(this.#byIndex.get(link.ifindex));
    this.#byIndex.set(link.ifindex, link);
    for (const name of link.altnames) this.#byName.set(name, link);
    this.#byName.set(link.name, link);
    this.#all = undefined;
  }

  /** Returns what was known of it. */
  delete(ifindex: number): Link | undefined {
    const link = this.#byIndex.get(ifindex);
    if (!link) return undefined;
    this.#forgetNames(link);
    this.#byIndex.delete(ifindex);
    this.#all = undefined;
    return link;
  }

  clear(): void {
    this.#byIndex.clear();
    this.#byName.clear();
    this.#all = undefined;
  }

  /** Another link may have taken one of its names meanwhile. */
  #forgetNames(link: Link | undefined): void {
    for (const name of link ? [...link.altnames, link.name] : []) {
      if (this.#byName.get(name) === link) this.#byName.delete(name);
    }
  }
}

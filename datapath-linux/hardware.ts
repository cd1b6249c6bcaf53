/** What drivers say about devices, asked again only when the answer may have changed. */
import { type Driver, type LinkSettings, readDriver, readLinkSettings } from './netlink/ethtool.ts';
import type { Link } from './netlink/link.ts';

export interface Hardware {
  readonly driver: Driver | undefined;
  readonly settings: LinkSettings | undefined;
}

export const noHardware: Hardware = { driver: undefined, settings: undefined };

interface Known extends Hardware {
  readonly link: Pick<Link, 'name' | 'up' | 'carrierChanges'>;
}

export class HardwareCache {
  #known = new Map<number, Known>();

  /** The driver of a device of this namespace, and its speed: that changes with the carrier only. */
  of({ ifindex, name, up, carrierChanges }: Link): Hardware {
    const known = this.#known.get(ifindex);
    const isCurrent = known?.link.name === name && known.link.up === up && known.link.carrierChanges === carrierChanges;
    if (known && isCurrent) return known;
    const link = { name, up, carrierChanges };
    const found = { link, driver: readDriver(name), settings: readLinkSettings(name) };
    this.#known.set(ifindex, found);
    return found;
  }

  /** Forgets devices that are gone: their numbers may be given to others. */
  keepOnly(ifindexes: ReadonlySet<number>): void {
    for (const ifindex of this.#known.keys()) if (!ifindexes.has(ifindex)) this.#known.delete(ifindex);
  }
}

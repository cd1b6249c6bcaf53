/** What drivers say about devices of this namespace. */
import { type Driver, type LinkSettings, readDriver, readLinkSettings } from './netlink/ethtool.ts';
import type { Link } from './netlink/link.ts';
import { once } from './once.ts';

export interface Hardware {
  readonly driver: Driver | undefined;
  readonly settings: LinkSettings | undefined;
}

export const noHardware: Hardware = { driver: undefined, settings: undefined };

/** Asked again only when something about the link has changed: its speed does so with its carrier. */
export const hardwareOf = once(
  ({ name }: Link): Hardware => ({ driver: readDriver(name), settings: readLinkSettings(name) }),
);

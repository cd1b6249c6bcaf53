/** What drivers say about devices of this namespace. */
import { type Driver, type LinkSettings, readDriver, readLinkSettings } from './netlink/ethtool.ts';
import type { Link } from './netlink/link.ts';
import { once } from './once.ts';

export interface Hardware {
  readonly driver: Driver | undefined;
  readonly settings: LinkSettings | undefined;
}

export const noHardware: Hardware = { driver: undefined, settings: undefined };

/** What the driver of veth devices, which most ports are, says of each of them. */
let veth: Hardware | undefined;

/** Asked again only when something about the link has changed: its speed does so with its carrier. */
export const hardwareOf = once(({ name, kind }: Link): Hardware => {
  if (kind === 'veth' && veth) return veth;
  const found = { driver: readDriver(name), settings: readLinkSettings(name) };
  if (found.driver?.name === 'veth' && found.settings) veth = found;
  return found;
});

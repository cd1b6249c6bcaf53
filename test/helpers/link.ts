import { type Link, plainLink } from '../../datapath-linux/netlink/link.ts';

let ifindexes = 1;

/** A device as the kernel might describe it: a physical one that is up and has a link, unless told otherwise. */
export const linkOf = (name: string, details: Partial<Link> = {}): Link => ({
  ...plainLink(++ifindexes),
  name,
  up: true,
  carrier: true,
  carrierChanges: 1,
  mtu: 1500,
  address: '02:00:00:00:00:01',
  addressless6: false,
  ipv6Disabled: false,
  ...details,
});

/** A single-queue tap, which has a carrier while a program has it open. */
export const tapOf = (name: string, details: Partial<Link> = {}): Link =>
  linkOf(name, {
    kind: 'tun',
    tun: { tap: true, owner: undefined, group: undefined, multiQueue: false, persistent: true, queues: 0 },
    ...details,
  });

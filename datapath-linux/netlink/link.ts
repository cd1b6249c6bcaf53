/** Network devices as rtnetlink describes them (RTM_NEWLINK: struct ifinfomsg, then IFLA_* of linux/if_link.h). */
import { macAddress, type Payload, type Readers, readWith, text, u8, u32, visitAttributes } from './attribute.ts';
import { type BondMember, type BondSettings, readBondMember, readBondSettings } from './bond.ts';
import { type BridgePortSettings, type BridgeSettings, readBridgePortSettings, readBridgeSettings } from './bridge.ts';
import { readI32, readU32 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';
import { tunnelKinds } from './tunnel.ts';

/** What a tap's IFLA_INFO_DATA tells. */
export interface TunDetails {
  readonly tap: boolean;
  /** A user or group id, or undefined when anyone with the right to /dev/net/tun may open it. */
  readonly owner: number | undefined;
  readonly group: number | undefined;
  readonly multiQueue: boolean;
  readonly persistent: boolean;
  /** Attached and detached queues; only multi-queue taps tell. */
  readonly queues: number;
}

export interface Link {
  readonly ifindex: number;
  readonly name: string;
  readonly loopback: boolean;
  /** IFF_UP */
  readonly up: boolean;
  /** IFF_NOARP */
  readonly noArp: boolean;
  readonly carrier: boolean;
  readonly carrierChanges: number;
  readonly mtu: number;
  /** `aa:bb:cc:dd:ee:ff`, empty for devices without one. */
  readonly address: string;
  readonly group: number;
  /** ifalias, a free text of up to 255 bytes. */
  readonly alias: string;
  readonly altnames: readonly string[];
  /** ifindex of the bridge, bond … it is a port of; 0 for none. */
  readonly master: number;
  /** ifindex of the veth peer or lower device; 0 for none. */
  readonly link: number;
  /** Our number for the namespace in which `link` counts, when it is not this one. */
  readonly linkNamespaceId: number | undefined;
  /** 'veth', 'tun', 'bridge' …; empty for physical devices. */
  readonly kind: string;
  readonly tun: TunDetails | undefined;
  /** Of tunnel devices: what they were made with (IFLA_INFO_DATA), as hexadecimal digits. */
  readonly tunnel: ReadonlyMap<number, string> | undefined;
  readonly bridge: BridgeSettings | undefined;
  /** Its settings as the port of a bridge. */
  readonly bridgePort: BridgePortSettings | undefined;
  readonly bond: BondSettings | undefined;
  /** What its bond tells of it, as a member. */
  readonly bondMember: BondMember | undefined;
  /** Whether IPv6 gives the device no address of its own accord (IN6_ADDR_GEN_MODE_NONE). */
  readonly addressless6: boolean;
  /** Whether IPv6 is off on the device (the sysctl disable_ipv6); true also where the kernel has no IPv6. */
  readonly ipv6Disabled: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A device of which nothing has been told but that it is there, in a kernel without IPv6. */
export const plainLink = (ifindex: number): Mutable<Link> => ({
  ifindex,
  name: '',
  loopback: false,
  up: false,
  noArp: false,
  carrier: false,
  carrierChanges: 0,
  mtu: 0,
  address: '',
  group: 0,
  alias: '',
  altnames: [],
  master: 0,
  link: 0,
  linkNamespaceId: undefined,
  kind: '',
  tun: undefined,
  tunnel: undefined,
  bridge: undefined,
  bridgePort: undefined,
  bond: undefined,
  bondMember: undefined,
  addressless6: true,
  ipv6Disabled: true,
});

const interfaceFlags = { up: 0x1, loopback: 0x8, noArp: 0x80 } as const;
const ifinfomsgLength = 16;
const inet6 = 10;
const addressGenerationNone = 1;
const disableIpv6Index = 26;

const altnameReaders: Readers<string[]> = { 53: (names, value) => names.push(text(value)) };

const tunReaders: Readers<Mutable<TunDetails>> = {
  1: (tun, value) => (tun.owner = u32(value)),
  2: (tun, value) => (tun.group = u32(value)),
  3: (tun, value) => (tun.tap = u8(value) === 2),
  6: (tun, value) => (tun.persistent = u8(value) !== 0),
  7: (tun, value) => (tun.multiQueue = u8(value) !== 0),
  8: (tun, value) => (tun.queues += u32(value)),
  9: (tun, value) => (tun.queues += u32(value)),
};

function readTun(payload: Payload): TunDetails {
  const tun = { tap: false, owner: undefined, group: undefined, multiQueue: false, persistent: false, queues: 0 };
  readWith(tun, payload, tunReaders);
  return tun;
}

function readTunnel(payload: Payload): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  visitAttributes(payload, (type, { data, start, end }) => found.set(type, data.toString('hex', start, end)));
  return found;
}

/** IFLA_LINKINFO: a kind comes first and says how to read the data, the device's own and its data as a port. */
const linkInfoReaders: Readers<Mutable<Link> & { masterKind?: string }> = {
  1: (link, value) => (link.kind = text(value)),
  2: (link, value) => {
    if (tunnelKinds.has(link.kind)) link.tunnel = readTunnel(value);
    if (link.kind === 'tun') link.tun = readTun(value);
    if (link.kind === 'bridge') link.bridge = readBridgeSettings(value);
    if (link.kind === 'bond') link.bond = readBondSettings(value);
  },
  4: (link, value) => (link.masterKind = text(value)),
  5: (link, value) => {
    if (link.masterKind === 'bridge') link.bridgePort = readBridgePortSettings(value);
    if (link.masterKind === 'bond') link.bondMember = readBondMember(value);
  },
};

const inet6Readers: Readers<Mutable<Link>> = {
  2: (link, { data, start, end }) => {
    const at = start + disableIpv6Index * 4;
    if (at + 4 <= end) link.ipv6Disabled = readI32(data, at) !== 0;
  },
  8: (link, value) => (link.addressless6 = u8(value) === addressGenerationNone),
};

const familyReaders: Readers<Mutable<Link>> = {
  [inet6]: (link, value) => {
    link.addressless6 = false;
    link.ipv6Disabled = false;
    readWith(link, value, inet6Readers);
  },
};

const linkReaders: Readers<Mutable<Link>> = {
  1: (link, value) => (link.address = macAddress(value)),
  3: (link, value) => (link.name = text(value)),
  4: (link, value) => (link.mtu = u32(value)),
  5: (link, value) => (link.link = u32(value)),
  10: (link, value) => (link.master = u32(value)),
  18: (link, value) => readWith(link, value, linkInfoReaders),
  20: (link, value) => (link.alias = text(value)),
  26: (link, value) => readWith(link, value, familyReaders),
  27: (link, value) => (link.group = u32(value)),
  33: (link, value) => (link.carrier = u8(value) !== 0),
  35: (link, value) => (link.carrierChanges = u32(value)),
  37: (link, value) => (link.linkNamespaceId = u32(value) | 0),
  52: (link, value) => {
    const names: string[] = [];
    readWith(names, value, altnameReaders);
    link.altnames = names;
  },
};

/**
 * The device that an RTM_NEWLINK message describes.
 * @throws NetlinkFormatError when it is cut short.
 */
export function parseLink(message: Payload): Link {
  const { data, start, end } = message;
  if (end - start < ifinfomsgLength) throw new NetlinkFormatError(`ifinfomsg of ${end - start} bytes`);
  const flags = readU32(data, start + 8);
  const link = plainLink(readU32(data, start + 4));
  link.loopback = (flags & interfaceFlags.loopback) !== 0;
  link.up = (flags & interfaceFlags.up) !== 0;
  link.noArp = (flags & interfaceFlags.noArp) !== 0;
  readWith(link, { data, start: start + ifinfomsgLength, end }, linkReaders);
  return link;
}

/** Tunnel devices of the kernel (IFLA_VXLAN_*, IFLA_GENEVE_*, IFLA_GRE_* of linux/if_link.h and linux/if_tunnel.h). */
import { readU32, writeU32 } from './bytes.ts';
import { ipBytes, ipVersion } from './ip-address.ts';

/** What a tunnel device is made with: the kind, and attributes of IFLA_INFO_DATA by their numbers. */
export interface TunnelDevice {
  readonly kind: string;
  readonly attributes: ReadonlyMap<number, Buffer>;
}

/** The kinds whose attributes are read back. */
export const tunnelKinds: ReadonlySet<string> = new Set(['vxlan', 'geneve', 'gretap', 'ip6gretap']);

const byte = (value: number | boolean): Buffer => Buffer.from([Number(value)]);
const flag = Buffer.alloc(0);

function short(value: number): Buffer {
  const data = Buffer.alloc(2);
  data.writeUInt16BE(value);
  return data;
}

function word(value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeUInt32BE(value);
  return data;
}

const vxlan = { learning: 7, port: 15, zeroChecksum6Receive: 20, groupPolicy: 23, collectMetadata: 25 } as const;
const geneve = { port: 5, collectMetadata: 6, zeroChecksum6Receive: 10 } as const;

/** A VXLAN device that programs tell for each frame where to, and with what key. */
export const sharedVxlan = (port: number, groupPolicy: boolean): TunnelDevice => ({
  kind: 'vxlan',
  attributes: new Map([
    [vxlan.learning, byte(false)],
    [vxlan.port, short(port)],
    [vxlan.zeroChecksum6Receive, byte(true)],
    [vxlan.collectMetadata, byte(true)],
    ...(groupPolicy ? [[vxlan.groupPolicy, flag] as const] : []),
  ]),
});

/** The same for Geneve. */
export const sharedGeneve = (port: number): TunnelDevice => ({
  kind: 'geneve',
  attributes: new Map([
    [geneve.port, short(port)],
    [geneve.collectMetadata, flag],
    [geneve.zeroChecksum6Receive, byte(true)],
  ]),
});

const gre = {
  inFlags: 2,
  outFlags: 3,
  inKey: 4,
  outKey: 5,
  local: 6,
  remote: 7,
  ttl: 8,
  tos: 9,
  pathMtuDiscovery: 10,
  flowInformation: 12,
  flags: 13,
} as const;
const greFlags = { checksum: 0x8000, key: 0x2000 } as const;
/** Of ip6gretap: without the destination option that limits nested tunnels, and with the frame's traffic class. */
const ip6Flags = { ignoreEncapsulationLimit: 0x1, useFrameTrafficClass: 0x2 } as const;
/** Beyond them the kernel tells what it finds out about the addresses (IP6_TNL_F_CAP_* of linux/ip6_tunnel.h). */
const askedIp6Flags = 0xffff;

/** The packets that carry a tunnel's frames. */
export interface Packets {
  readonly remote: string;
  /** undefined: the kernel's choice, and on receiving any */
  readonly local: string | undefined;
  /** 'inherit': the frame's own, if it is IP. */
  readonly tos: number | 'inherit';
  readonly ttl: number | 'inherit';
  readonly dontFragment: boolean;
  readonly checksum: boolean;
}

export interface GreTunnel extends Packets {
  readonly inKey: number | undefined;
  readonly outKey: number | undefined;
}

/**
 * To the kernel a TTL of 0 and a TOS of 1 are the frame's own. An IPv6 tunnel whose `local` is the kernel's choice has no
 * such attribute: the kernel does not choose, and sends nothing before it is told (see `sentFrom`).
 */
export function greDevice(tunnel: GreTunnel): TunnelDevice {
  const { remote, inKey, outKey, tos, ttl, checksum } = tunnel;
  const isIpv6 = ipVersion(remote) === 6;
  const flags = (key: number | undefined): Buffer =>
    short((checksum ? greFlags.checksum : 0) | (key === undefined ? 0 : greFlags.key));
  const attributes = new Map<number, Buffer>([
    [gre.inFlags, flags(inKey)],
    [gre.outFlags, flags(outKey)],
    [gre.inKey, word(inKey ?? 0)],
    [gre.outKey, word(outKey ?? 0)],
    [gre.remote, ipBytes(remote)],
    [gre.ttl, byte(ttl === 'inherit' ? 0 : ttl)],
  ]);
  const local = tunnel.local ?? (isIpv6 ? undefined : '0.0.0.0');
  if (local !== undefined) attributes.set(gre.local, ipBytes(local));
  if (isIpv6) {
    const inherited = tos === 'inherit' ? ip6Flags.useFrameTrafficClass : 0;
    attributes.set(gre.flags, hostWord(ip6Flags.ignoreEncapsulationLimit | inherited));
    if (tos !== 'inherit') attributes.set(gre.flowInformation, word(tos << 20));
    return { kind: 'ip6gretap', attributes };
  }
  attributes.set(gre.tos, byte(tos === 'inherit' ? 1 : tos));
  attributes.set(gre.pathMtuDiscovery, byte(tunnel.dontFragment));
  return { kind: 'gretap', attributes };
}

/** A GRE tunnel's device whose packets come from an address, unless it has one of its own. */
export function sentFrom({ kind, attributes }: TunnelDevice, source: Buffer): TunnelDevice {
  return { kind, attributes: new Map([[gre.local, source], ...attributes]) };
}

/** The address that the packets of a GRE device come from; `present` are its attributes, in hexadecimal digits. */
export function sourceOf(present: ReadonlyMap<number, string> | undefined): Buffer | undefined {
  const digits = present?.get(gre.local);
  return digits === undefined ? undefined : Buffer.from(digits, 'hex');
}

function hostWord(value: number): Buffer {
  const data = Buffer.alloc(4);
  writeU32(data, value, 0);
  return data;
}

/** Whether a device in the kernel is as wanted; `present` are its attributes, in hexadecimal digits. */
export function isAsWanted(
  { kind, attributes }: TunnelDevice,
  present: { readonly kind: string; readonly tunnel: ReadonlyMap<number, string> | undefined },
): boolean {
  if (present.kind !== kind || present.tunnel === undefined) return false;
  if (kind === 'vxlan' && present.tunnel.has(vxlan.groupPolicy) !== attributes.has(vxlan.groupPolicy)) return false;
  const found = (type: number): string | undefined => {
    const digits = present.tunnel?.get(type);
    if (kind !== 'ip6gretap' || type !== gre.flags || digits === undefined) return digits;
    return hostWord(readU32(Buffer.from(digits, 'hex'), 0) & askedIp6Flags).toString('hex');
  };
  return [...attributes].every(([type, value]) => found(type) === value.toString('hex'));
}

/** Requests about links, statistics, addresses and forwarding entries, as messages ready to send. */
import { type BondSettings, writeBondSettings } from './bond.ts';
import {
  type BridgePortSettings,
  type BridgeSettings,
  quietBridge,
  writeBridgePortSettings,
  writeBridgeSettings,
} from './bridge.ts';
import { macBytes, readI32, readU16, writeI32, writeU16, writeU32 } from './bytes.ts';
import { flags, headerLength, MessageBuilder } from './message.ts';
import type { TunnelDevice } from './tunnel.ts';

const types = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  setLink: 19,
  getAddress: 22,
  newNeighbour: 28,
  deleteNeighbour: 29,
  getNeighbour: 30,
  getMulticast: 86,
  deleteMulticast: 85,
  getStatistics: 94,
  newLinkProperty: 108,
  deleteLinkProperty: 109,
} as const;

const ifla = {
  address: 1,
  name: 3,
  mtu: 4,
  master: 10,
  linkInfo: 18,
  alias: 20,
  familySpecific: 26,
  group: 27,
  extendedMask: 29,
  targetNamespaceId: 46,
  properties: 52,
  altname: 53,
} as const;
const linkInfo = { kind: 1, data: 2, masterKind: 4, masterData: 5 } as const;
const vethPeer = 1;
const skipStatistics = 1 << 3;

const interfaceFlags = { up: 0x1, noArp: 0x80 } as const;
const families = { bridge: 7, inet: 2, inet6: 10 } as const;

interface FlagChange {
  readonly up?: boolean | undefined;
  readonly noArp?: boolean | undefined;
}

/** struct ifinfomsg: u8 family, pad, u16 type, i32 index, u32 flags, u32 change mask. */
function ifinfomsg(ifindex: number, change: FlagChange = {}): Buffer {
  const fixed = Buffer.alloc(16);
  let value = 0;
  let mask = 0;
  for (const key of ['up', 'noArp'] as const) {
    if (change[key] === undefined) continue;
    mask |= interfaceFlags[key];
    if (change[key]) value |= interfaceFlags[key];
  }
  writeI32(fixed, ifindex, 4);
  writeU32(fixed, value, 8);
  writeU32(fixed, mask, 12);
  return fixed;
}

/** All links of the namespace, without their statistics (which are most of the bytes). */
export function dumpLinks(): Buffer {
  return new MessageBuilder(types.getLink, 0, ifinfomsg(0)).u32(ifla.extendedMask, skipStatistics).build();
}

/** One link of the namespace. */
export function getLink(ifindex: number): Buffer {
  return new MessageBuilder(types.getLink, 0, ifinfomsg(ifindex)).u32(ifla.extendedMask, skipStatistics).build();
}

/** One link of the namespace that has our number `namespaceId`. */
export function getForeignLink(namespaceId: number, ifindex: number): Buffer {
  return new MessageBuilder(types.getLink, 0, ifinfomsg(ifindex))
    .i32(ifla.targetNamespaceId, namespaceId)
    .u32(ifla.extendedMask, skipStatistics)
    .build();
}

/** struct if_stats_msg: u8 family, 3 pad, u32 ifindex, u32 filter mask; here IFLA_STATS_LINK_64. */
function ifStatsmsg(ifindex: number): Buffer {
  const fixed = Buffer.alloc(12);
  writeU32(fixed, ifindex, 4);
  writeU32(fixed, 1, 8);
  return fixed;
}

/** The 64-bit counters of one link. */
export const getStatistics = (ifindex: number): Buffer =>
  new MessageBuilder(types.getStatistics, 0, ifStatsmsg(ifindex)).build();

/** The 64-bit counters of all links. */
export const dumpStatistics = (): Buffer => new MessageBuilder(types.getStatistics, 0, ifStatsmsg(0)).build();

/** What bridges and bonds count of their ports: BPDUs, LACP frames (IFLA_STATS_LINK_XSTATS_SLAVE). */
export function dumpMasterCounters(): Buffer {
  const fixed = ifStatsmsg(0);
  writeU32(fixed, 1 << 2, 8);
  return new MessageBuilder(types.getStatistics, 0, fixed).build();
}

export function dumpAddresses(): Buffer {
  return new MessageBuilder(types.getAddress, 0, Buffer.alloc(8)).build();
}

const bridgeSettings =
  (settings: BridgeSettings) =>
  (info: MessageBuilder): void => {
    info.text(linkInfo.kind, 'bridge').nested(linkInfo.data, (data) => writeBridgeSettings(data, settings));
  };

/** The switch's kernel bridge: quiet, and with VLAN filtering off; kernels built without it refuse its attributes. */
export function createBridge(name: string, address: string, group: number, settings: BridgeSettings = {}): Buffer {
  return new MessageBuilder(types.newLink, flags.create | flags.exclusive, ifinfomsg(0))
    .text(ifla.name, name)
    .bytes(ifla.address, macBytes(address))
    .u32(ifla.group, group)
    .nested(ifla.linkInfo, bridgeSettings({ ...quietBridge, ...settings }))
    .build();
}

export function changeBridge(ifindex: number, settings: BridgeSettings): Buffer {
  return new MessageBuilder(types.newLink, 0, ifinfomsg(ifindex))
    .nested(ifla.linkInfo, bridgeSettings(settings))
    .build();
}

/** Changes settings of a bridge's port. */
export function changeBridgePort(ifindex: number, settings: BridgePortSettings): Buffer {
  return new MessageBuilder(types.newLink, 0, ifinfomsg(ifindex))
    .nested(ifla.linkInfo, (info) => {
      info
        .text(linkInfo.masterKind, 'bridge')
        .nested(linkInfo.masterData, (data) => writeBridgePortSettings(data, settings));
    })
    .build();
}

/** A bond without members, down. It takes the first member's address unless it has one given. */
export function createBond(name: string, group: number, settings: BondSettings, given: string | undefined): Buffer {
  const message = new MessageBuilder(types.newLink, flags.create | flags.exclusive, ifinfomsg(0))
    .text(ifla.name, name)
    .u32(ifla.group, group);
  if (given !== undefined) message.bytes(ifla.address, macBytes(given));
  return message.nested(ifla.linkInfo, bondInfo(settings)).build();
}

export const changeBond = (ifindex: number, settings: BondSettings): Buffer =>
  new MessageBuilder(types.newLink, 0, ifinfomsg(ifindex)).nested(ifla.linkInfo, bondInfo(settings)).build();

const bondInfo =
  (settings: BondSettings) =>
  (info: MessageBuilder): void => {
    info.text(linkInfo.kind, 'bond').nested(linkInfo.data, (data) => writeBondSettings(data, settings));
  };

/** A device of that kind with the kernel's defaults, and down. */
export function createLink(kind: string, name: string): Buffer {
  return new MessageBuilder(types.newLink, flags.create | flags.exclusive, ifinfomsg(0))
    .text(ifla.name, name)
    .nested(ifla.linkInfo, (info) => info.text(linkInfo.kind, kind))
    .build();
}

export interface NewTunnel extends TunnelDevice {
  readonly name: string;
  readonly group: number;
  readonly mtu: number;
  /** The bridge it becomes a port of. */
  readonly master?: number | undefined;
}

/** A tunnel device, up, with no address of its own and without ARP. */
export function createTunnel({ kind, attributes, name, group, mtu, master }: NewTunnel): Buffer {
  const fixed = ifinfomsg(0, { up: true, noArp: true });
  const message = new MessageBuilder(types.newLink, flags.create | flags.exclusive, fixed).text(ifla.name, name);
  if (master !== undefined) message.u32(ifla.master, master);
  return message
    .u32(ifla.group, group)
    .u32(ifla.mtu, mtu)
    .nested(ifla.linkInfo, (info) =>
      info.text(linkInfo.kind, kind).nested(linkInfo.data, (data) => {
        for (const [type, value] of attributes) data.bytes(type, value);
      }),
    )
    .build();
}

/** Changes what a tunnel device was made with. */
export const changeTunnel = (ifindex: number, { kind, attributes }: TunnelDevice): Buffer =>
  new MessageBuilder(types.newLink, 0, ifinfomsg(ifindex))
    .nested(ifla.linkInfo, (info) =>
      info.text(linkInfo.kind, kind).nested(linkInfo.data, (data) => {
        for (const [type, value] of attributes) data.bytes(type, value);
      }),
    )
    .build();

export interface NewVeth {
  /** The end that becomes a port of the bridge `master`. */
  readonly outer: string;
  readonly master: number;
  readonly group: number;
  /** The end that the host uses. */
  readonly inner: string;
  /** The group of that end, if it is the switch's as well. */
  readonly innerGroup?: number | undefined;
  readonly address?: string | undefined;
  readonly mtu?: number | undefined;
}

/** A veth pair, its outer end already in the bridge; both ends are down. */
export function createVeth({ outer, master, group, inner, innerGroup, address, mtu }: NewVeth): Buffer {
  const peer = (message: MessageBuilder): void => {
    message.raw(ifinfomsg(0)).text(ifla.name, inner);
    if (address !== undefined) message.bytes(ifla.address, macBytes(address));
    if (mtu !== undefined) message.u32(ifla.mtu, mtu);
    if (innerGroup !== undefined) message.u32(ifla.group, innerGroup);
  };
  const message = new MessageBuilder(types.newLink, flags.create | flags.exclusive, ifinfomsg(0))
    .text(ifla.name, outer)
    .u32(ifla.master, master)
    .u32(ifla.group, group);
  if (mtu !== undefined) message.u32(ifla.mtu, mtu);
  return message
    .nested(ifla.linkInfo, (info) =>
      info.text(linkInfo.kind, 'veth').nested(linkInfo.data, (data) => {
        data.nested(vethPeer, peer);
      }),
    )
    .build();
}

/**
 * Which link a built message changes: undefined if it is about no link, 'any' if it names one that is being made, or
 * goes by its name.
 */
export function changedLink(message: Buffer): { readonly ifindex: number } | 'any' | undefined {
  const type = readU16(message, 4);
  if (!linkChanges.has(type)) return undefined;
  const ifindex = readI32(message, headerLength + 4);
  return ifindex === 0 ? 'any' : { ifindex };
}

const linkChanges: ReadonlySet<number> = new Set([
  types.newLink,
  types.setLink,
  types.newLinkProperty,
  types.deleteLinkProperty,
]);

/** Which link a change is about: by number, or by the name it was created with a moment ago. */
export type LinkReference =
  | { readonly ifindex: number; readonly namespaceId?: number | undefined }
  | { readonly name: string };

export interface LinkChange extends FlagChange {
  readonly address?: string | undefined;
  readonly mtu?: number | undefined;
  /** ifindex of the new master, 0 for none. */
  readonly master?: number | undefined;
  readonly group?: number | undefined;
  readonly alias?: string | undefined;
  /** IPv6 shall give the device no address of its own accord. */
  readonly addressless6?: true | undefined;
  /** IPv4 shall take nothing that arrives on the device (rp_filter 1 on a device without addresses). */
  readonly strictSource4?: true | undefined;
}

/** Changes what `change` names and leaves the rest. */
export function changeLink(link: LinkReference, change: LinkChange): Buffer {
  const message = new MessageBuilder(types.newLink, 0, ifinfomsg('ifindex' in link ? link.ifindex : 0, change));
  if ('name' in link) message.text(ifla.name, link.name);
  else if (link.namespaceId !== undefined) message.i32(ifla.targetNamespaceId, link.namespaceId);
  if (change.address !== undefined) message.bytes(ifla.address, macBytes(change.address));
  if (change.mtu !== undefined) message.u32(ifla.mtu, change.mtu);
  if (change.master !== undefined) message.u32(ifla.master, change.master);
  if (change.group !== undefined) message.u32(ifla.group, change.group);
  if (change.alias !== undefined) message.text(ifla.alias, change.alias);
  if (change.addressless6 || change.strictSource4) {
    message.nested(ifla.familySpecific, (spec) => familySpecific(spec, change));
  }
  return message.build();
}

function familySpecific(spec: MessageBuilder, { addressless6, strictSource4 }: LinkChange): void {
  const inetConfiguration = 1;
  const reversePathFilter = 8;
  const inet6AddressGeneration = 8;
  const generateNone = 1;
  if (strictSource4) {
    spec.nested(families.inet, (inet) => {
      inet.nested(inetConfiguration, (configuration) => {
        configuration.u32(reversePathFilter, 1);
      });
    });
  }
  if (addressless6) {
    spec.nested(families.inet6, (inet6) => {
      inet6.u8(inet6AddressGeneration, generateNone);
    });
  }
}

export function deleteLink(ifindex: number): Buffer {
  return new MessageBuilder(types.deleteLink, 0, ifinfomsg(ifindex)).build();
}

/** Deletes every link of a group at the price of one. */
export function deleteGroup(group: number): Buffer {
  return new MessageBuilder(types.deleteLink, 0, ifinfomsg(0)).u32(ifla.group, group).build();
}

const altnameMessage =
  (type: number, messageFlags: number) =>
  (ifindex: number, altname: string): Buffer =>
    new MessageBuilder(type, messageFlags, ifinfomsg(ifindex))
      .nested(ifla.properties, (properties) => {
        properties.text(ifla.altname, altname);
      })
      .build();

export const addAltname = altnameMessage(types.newLinkProperty, flags.create | flags.exclusive);
export const deleteAltname = altnameMessage(types.deleteLinkProperty, 0);

/** struct ndmsg: u8 family, 3 pad, i32 ifindex, u16 state, u8 flags, u8 type. */
function ndmsg(ifindex: number, state: number, entryFlags: number): Buffer {
  const fixed = Buffer.alloc(12);
  fixed.writeUInt8(families.bridge, 0);
  writeI32(fixed, ifindex, 4);
  writeU16(fixed, state, 8);
  fixed.writeUInt8(entryFlags, 10);
  return fixed;
}

const neighbour = { linkAddress: 2, master: 9 } as const;
const stateStatic = 0x40;
const inMaster = 0x04;

/** Everything in the forwarding tables of the bridge. */
export const dumpBridgeForwarding = (ifindex: number): Buffer =>
  new MessageBuilder(types.getNeighbour, 0, ndmsg(0, 0, 0)).u32(neighbour.master, ifindex).build();

/** Forgets the addresses that a bridge has learned (IFLA_BR_FDB_FLUSH). */
export const flushForwarding = (ifindex: number): Buffer =>
  new MessageBuilder(types.newLink, 0, ifinfomsg(ifindex))
    .nested(ifla.linkInfo, (info) =>
      info.text(linkInfo.kind, 'bridge').nested(linkInfo.data, (data) => data.bytes(flushAttribute, Buffer.alloc(0))),
    )
    .build();
const flushAttribute = 21;

/** struct br_port_msg: u8 family, pad, u32 ifindex. */
const brPortMessage = (ifindex: number): Buffer => {
  const fixed = Buffer.alloc(8);
  fixed.writeUInt8(families.bridge, 0);
  writeU32(fixed, ifindex, 4);
  return fixed;
};

/** The groups and routers that all bridges have snooped. */
export const dumpMulticast = (): Buffer => new MessageBuilder(types.getMulticast, 0, brPortMessage(0)).build();

/** `entry`: a struct br_mdb_entry, as the dump gives it. */
export const deleteMulticast = (bridge: number, entry: Buffer): Buffer =>
  new MessageBuilder(types.deleteMulticast, 0, brPortMessage(bridge)).bytes(1, entry).build();

/** The forwarding entries of one bridge port. */
export function dumpForwarding(ifindex: number): Buffer {
  return new MessageBuilder(types.getNeighbour, 0, ndmsg(ifindex, 0, 0)).build();
}

/** Frames to `address` go out of this bridge port, even if the address is another port's own. */
export function setForwarding(ifindex: number, address: string): Buffer {
  return new MessageBuilder(types.newNeighbour, flags.create | flags.replace, ndmsg(ifindex, stateStatic, inMaster))
    .bytes(neighbour.linkAddress, macBytes(address))
    .build();
}

export function deleteForwarding(ifindex: number, address: string): Buffer {
  return new MessageBuilder(types.deleteNeighbour, 0, ndmsg(ifindex, 0, inMaster))
    .bytes(neighbour.linkAddress, macBytes(address))
    .build();
}

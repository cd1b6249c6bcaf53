/** Requests that make devices of the kinds that the switch needs, or change what is particular to a kind. */
import { type BondSettings, writeBondSettings } from './bond.ts';
import {
  type BridgePortSettings,
  type BridgeSettings,
  quietBridge,
  writeBridgePortSettings,
  writeBridgeSettings,
} from './bridge.ts';
import { macBytes } from './bytes.ts';
import { ifinfomsg, ifla, linkTypes } from './ifinfo.ts';
import { flags, MessageBuilder } from './message.ts';
import type { TunnelDevice } from './tunnel.ts';

const linkInfo = { kind: 1, data: 2, masterKind: 4, masterData: 5 } as const;
const vethPeer = 1;

const bridgeSettings =
  (settings: BridgeSettings) =>
  (info: MessageBuilder): void => {
    info.text(linkInfo.kind, 'bridge').nested(linkInfo.data, (data) => writeBridgeSettings(data, settings));
  };

/** The switch's kernel bridge: quiet, and with VLAN filtering off; kernels built without it refuse its attributes. */
export function createBridge(name: string, address: string, group: number, settings: BridgeSettings = {}): Buffer {
  return new MessageBuilder(linkTypes.newLink, flags.create | flags.exclusive, ifinfomsg(0))
    .text(ifla.name, name)
    .bytes(ifla.address, macBytes(address))
    .u32(ifla.group, group)
    .nested(ifla.linkInfo, bridgeSettings({ ...quietBridge, ...settings }))
    .build();
}

export function changeBridge(ifindex: number, settings: BridgeSettings): Buffer {
  return new MessageBuilder(linkTypes.newLink, 0, ifinfomsg(ifindex))
    .nested(ifla.linkInfo, bridgeSettings(settings))
    .build();
}

/** Forgets the addresses that a bridge has learned (IFLA_BR_FDB_FLUSH). */
export const flushForwarding = (ifindex: number): Buffer =>
  new MessageBuilder(linkTypes.newLink, 0, ifinfomsg(ifindex))
    .nested(ifla.linkInfo, (info) =>
      info.text(linkInfo.kind, 'bridge').nested(linkInfo.data, (data) => data.bytes(flushAttribute, Buffer.alloc(0))),
    )
    .build();
const flushAttribute = 21;

/** Changes settings of a bridge's port. */
export function changeBridgePort(ifindex: number, settings: BridgePortSettings): Buffer {
  return new MessageBuilder(linkTypes.newLink, 0, ifinfomsg(ifindex))
    .nested(ifla.linkInfo, (info) => {
      info
        .text(linkInfo.masterKind, 'bridge')
        .nested(linkInfo.masterData, (data) => writeBridgePortSettings(data, settings));
    })
    .build();
}

/** A bond without members, down. It takes the first member's address unless it has one given. */
export function createBond(name: string, group: number, settings: BondSettings, given: string | undefined): Buffer {
  const message = new MessageBuilder(linkTypes.newLink, flags.create | flags.exclusive, ifinfomsg(0))
    .text(ifla.name, name)
    .u32(ifla.group, group);
  if (given !== undefined) message.bytes(ifla.address, macBytes(given));
  return message.nested(ifla.linkInfo, bondInfo(settings)).build();
}

export const changeBond = (ifindex: number, settings: BondSettings): Buffer =>
  new MessageBuilder(linkTypes.newLink, 0, ifinfomsg(ifindex)).nested(ifla.linkInfo, bondInfo(settings)).build();

const bondInfo =
  (settings: BondSettings) =>
  (info: MessageBuilder): void => {
    info.text(linkInfo.kind, 'bond').nested(linkInfo.data, (data) => writeBondSettings(data, settings));
  };

/** A device of that kind with the kernel's defaults, and down. */
export function createLink(kind: string, name: string): Buffer {
  return new MessageBuilder(linkTypes.newLink, flags.create | flags.exclusive, ifinfomsg(0))
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

const tunnelInfo =
  ({ kind, attributes }: TunnelDevice) =>
  (info: MessageBuilder): void => {
    info.text(linkInfo.kind, kind).nested(linkInfo.data, (data) => {
      for (const [type, value] of attributes) data.bytes(type, value);
    });
  };

/** A tunnel device, up, with no address of its own and without ARP. */
export function createTunnel({ kind, attributes, name, group, mtu, master }: NewTunnel): Buffer {
  const fixed = ifinfomsg(0, { up: true, noArp: true });
  const message = new MessageBuilder(linkTypes.newLink, flags.create | flags.exclusive, fixed).text(ifla.name, name);
  if (master !== undefined) message.u32(ifla.master, master);
  return message
    .u32(ifla.group, group)
    .u32(ifla.mtu, mtu)
    .nested(ifla.linkInfo, tunnelInfo({ kind, attributes }))
    .build();
}

/** Changes what a tunnel device was made with. */
export const changeTunnel = (ifindex: number, device: TunnelDevice, mtu: number): Buffer =>
  new MessageBuilder(linkTypes.newLink, 0, ifinfomsg(ifindex))
    .u32(ifla.mtu, mtu)
    .nested(ifla.linkInfo, tunnelInfo(device))
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
  const message = new MessageBuilder(linkTypes.newLink, flags.create | flags.exclusive, ifinfomsg(0))
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

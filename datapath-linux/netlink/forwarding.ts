/** Entries of a bridge's forwarding table (RTM_NEWNEIGH of family AF_BRIDGE: struct ndmsg, then NDA_*). */
import { macAddress, type Payload, u16, visitAttributes } from './attribute.ts';
import { macBytes, readU16, readU32, writeI32, writeU16 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';
import { flags, MessageBuilder } from './message.ts';

/** One entry of a bridge's forwarding table on one of its ports. */
export interface ForwardingEntry {
  readonly address: string;
  /** 0: of frames while the bridge does not look at VLANs. */
  readonly vlan: number;
  /** NUD_NOARP: set by hand; neither learned nor the port's own address. */
  readonly static: boolean;
}

const ndmsgLength = 12;
const staticState = 0x40;

export function parseForwardingEntry({ data, start, end }: Payload): ForwardingEntry {
  if (end - start < ndmsgLength) throw new NetlinkFormatError(`ndmsg of ${end - start} bytes`);
  let address = '';
  let vlan = 0;
  visitAttributes({ data, start: start + ndmsgLength, end }, (type, value) => {
    if (type === 2) address = macAddress(value);
    if (type === 5) vlan = u16(value);
  });
  return { address, vlan, static: readU16(data, start + 8) === staticState };
}

/** An entry of a bridge's forwarding table, wherever it leads. */
export interface BridgeEntry extends ForwardingEntry {
  /** The bridge's port. */
  readonly ifindex: number;
  /** The address of the port itself, or of the bridge. */
  readonly local: boolean;
  /** In seconds: since a frame has come from the address. */
  readonly age: number;
}

const localState = 0x80;
/** Of struct nda_cacheinfo the third number says it, in hundredths of a second. */
const updatedOffset = 8;

/** An entry in the answer to `dumpBridgeForwarding`; undefined for those that are not the bridge's but a device's. */
export function parseBridgeEntry(payload: Payload): BridgeEntry | undefined {
  const { data, start, end } = payload;
  const entry = parseForwardingEntry(payload);
  let age = 0;
  let ofBridge = false;
  visitAttributes({ data, start: start + ndmsgLength, end }, (type, value) => {
    if (type === 3 && value.end - value.start >= updatedOffset + 4) {
      age = Math.floor(readU32(data, value.start + updatedOffset) / 100);
    }
    if (type === 9) ofBridge = true;
  });
  if (!ofBridge) return undefined;
  const local = readU16(data, start + 8) === localState;
  return { ...entry, ifindex: readU32(data, start + 4), local, age };
}

const types = { newNeighbour: 28, deleteNeighbour: 29, getNeighbour: 30 } as const;
const bridgeFamily = 7;

/** struct ndmsg: u8 family, 3 pad, i32 ifindex, u16 state, u8 flags, u8 type. */
function ndmsg(ifindex: number, state: number, entryFlags: number): Buffer {
  const fixed = Buffer.alloc(12);
  fixed.writeUInt8(bridgeFamily, 0);
  writeI32(fixed, ifindex, 4);
  writeU16(fixed, state, 8);
  fixed.writeUInt8(entryFlags, 10);
  return fixed;
}

const neighbour = { linkAddress: 2, master: 9 } as const;
const inMaster = 0x04;

/** Everything in the forwarding tables of the bridge. */
export const dumpBridgeForwarding = (ifindex: number): Buffer =>
  new MessageBuilder(types.getNeighbour, 0, ndmsg(0, 0, 0)).u32(neighbour.master, ifindex).build();

/** The forwarding entries of one bridge port. */
export function dumpForwarding(ifindex: number): Buffer {
  return new MessageBuilder(types.getNeighbour, 0, ndmsg(ifindex, 0, 0)).build();
}

/** Frames to `address` go out of this bridge port, even if the address is another port's own. */
export function setForwarding(ifindex: number, address: string): Buffer {
  return new MessageBuilder(types.newNeighbour, flags.create | flags.replace, ndmsg(ifindex, staticState, inMaster))
    .bytes(neighbour.linkAddress, macBytes(address))
    .build();
}

export function deleteForwarding(ifindex: number, address: string): Buffer {
  return new MessageBuilder(types.deleteNeighbour, 0, ndmsg(ifindex, 0, inMaster))
    .bytes(neighbour.linkAddress, macBytes(address))
    .build();
}

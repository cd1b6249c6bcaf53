/** Entries of a bridge's forwarding table (RTM_NEWNEIGH of family AF_BRIDGE: struct ndmsg, then NDA_*). */
import { macAddress, type Payload, u16, visitAttributes } from './attribute.ts';
import { readU16, readU32 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';

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

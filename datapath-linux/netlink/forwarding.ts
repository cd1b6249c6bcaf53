/** Entries of a bridge's forwarding table (RTM_NEWNEIGH of family AF_BRIDGE: struct ndmsg, then NDA_*). */
import { macAddress, type Payload, u16, visitAttributes } from './attribute.ts';
import { readU16 } from './bytes.ts';
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

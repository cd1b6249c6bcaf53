/** Entries of a bridge's forwarding table (RTM_NEWNEIGH of family AF_BRIDGE: struct ndmsg, then NDA_*). */
import { macAddress, type Payload, visitAttributes } from './attribute.ts';
import { readU16 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';

/** One entry of a bridge's forwarding table on one of its ports. */
export interface ForwardingEntry {
  readonly address: string;
  /** NUD_NOARP: set by hand; neither learned nor the port's own address. */
  readonly static: boolean;
}

const ndmsgLength = 12;
const staticState = 0x40;

export function parseForwardingEntry({ data, start, end }: Payload): ForwardingEntry {
  if (end - start < ndmsgLength) throw new NetlinkFormatError(`ndmsg of ${end - start} bytes`);
  let address = '';
  visitAttributes({ data, start: start + ndmsgLength, end }, (type, value) => {
    if (type === 2) address = macAddress(value);
  });
  return { address, static: readU16(data, start + 8) === staticState };
}

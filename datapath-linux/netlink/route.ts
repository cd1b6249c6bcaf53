/** Routes as the kernel chooses them (RTM_GETROUTE: struct rtmsg, then RTA_* of linux/rtnetlink.h). */
import { type Payload, u32, visitAttributes } from './attribute.ts';
import { NetlinkFormatError } from './error.ts';
import { ipBytes, ipVersion } from './ip-address.ts';
import { MessageBuilder } from './message.ts';

const getRouteType = 26;
const attributes = { destination: 1, source: 2, outDevice: 4, preferredSource: 7, mark: 16 } as const;
const rtmsgLength = 12;
const families = { 4: 2, 6: 10 } as const;

export interface RouteQuestion {
  readonly remote: string;
  readonly local: string | undefined;
  /** The firewall mark of the packets. */
  readonly mark: number | undefined;
}

/** Asks by which way packets to `remote` leave. struct rtmsg: u8 family, u8 bits of destination, u8 of source, … */
export function getRoute({ remote, local, mark }: RouteQuestion): Buffer {
  const version = ipVersion(remote) === 6 ? 6 : 4;
  const fixed = Buffer.alloc(rtmsgLength);
  fixed.writeUInt8(families[version], 0);
  const destination = ipBytes(remote);
  fixed.writeUInt8(destination.length * 8, 1);
  const source = local === undefined ? undefined : ipBytes(local);
  if (source) fixed.writeUInt8(source.length * 8, 2);
  const message = new MessageBuilder(getRouteType, 0, fixed).bytes(attributes.destination, destination);
  if (source) message.bytes(attributes.source, source);
  if (mark !== undefined) message.u32(attributes.mark, mark);
  return message.build();
}

/** The way of packets. */
export interface Route {
  /** The ifindex of the device by which they leave. */
  readonly device: number;
  /** The address that they come from if the sender names none; undefined when the kernel tells none. */
  readonly source: Buffer | undefined;
}

/** undefined: the route leads nowhere. */
export function parseRoute({ data, start, end }: Payload): Route | undefined {
  if (end - start < rtmsgLength) throw new NetlinkFormatError(`rtmsg of ${end - start} bytes`);
  let device: number | undefined;
  let source: Buffer | undefined;
  visitAttributes({ data, start: start + rtmsgLength, end }, (type, value) => {
    if (type === attributes.outDevice) device = u32(value);
    if (type === attributes.preferredSource) source = Buffer.from(value.data.subarray(value.start, value.end));
  });
  return device === undefined ? undefined : { device, source };
}

/**
 * Reading netlink attributes (struct nlattr of linux/netlink.h: u16 length with header, u16 type, payload, padding).
 * Nothing is copied: attributes are offsets into the datagram they came in.
 */
import { aligned, readU16, readU32, readU64 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';

/** One attribute's payload: the bytes from `start` to `end` of `data`. */
export interface Payload {
  readonly data: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Called with an attribute's type (without the flag bits NLA_F_NESTED and NLA_F_NET_BYTEORDER) and its payload. */
export type Visit = (type: number, payload: Payload) => void;

const headerLength = 4;
const typeMask = 0x3fff;

/**
 * Visits the attributes in `start..end` of `data`, in order.
 * @throws NetlinkFormatError when an attribute is shorter than its header or runs past the end.
 */
export function visitAttributes({ data, start, end }: Payload, visit: Visit): void {
  for (let at = start; at + headerLength <= end; ) {
    const length = readU16(data, at);
    if (length < headerLength || at + length > end)
      throw new NetlinkFormatError(`attribute of ${length} bytes at ${at}`);
    visit(readU16(data, at + 2) & typeMask, { data, start: at + headerLength, end: at + length });
    at += aligned(length);
  }
}

/** A table of what to do with which attribute, for `readWith`: others are skipped. */
export type Readers<T> = Readonly<Record<number, (target: T, payload: Payload) => void>>;

/** Fills `target` from the attributes for which `readers` has an entry. */
export function readWith<T>(target: T, payload: Payload, readers: Readers<T>): void {
  visitAttributes(payload, (type, value) => readers[type]?.(target, value));
}

function sized({ start, end }: Payload, size: number): void {
  if (end - start < size) throw new NetlinkFormatError(`${end - start} bytes where ${size} are needed, at ${start}`);
}

/** An unsigned 8-bit integer; longer payloads are cut, as the kernel itself does. */
export function u8(payload: Payload): number {
  sized(payload, 1);
  return payload.data.readUInt8(payload.start);
}

export function u16(payload: Payload): number {
  sized(payload, 2);
  return readU16(payload.data, payload.start);
}

export function u32(payload: Payload): number {
  sized(payload, 4);
  return readU32(payload.data, payload.start);
}

export function u64(payload: Payload, offset = 0): bigint {
  sized(payload, offset + 8);
  return readU64(payload.data, payload.start + offset);
}

/** Text up to its terminating NUL, or to the end where the kernel leaves the NUL out. */
export function text({ data, start, end }: Payload): string {
  const nul = data.indexOf(0, start);
  return data.toString('utf8', start, nul >= 0 && nul < end ? nul : end);
}

/** An Ethernet address as `aa:bb:cc:dd:ee:ff`; other lengths (tunnels, InfiniBand) likewise. */
export function macAddress({ data, start, end }: Payload): string {
  const hex = data.toString('hex', start, end);
  return hex.replace(/..(?!$)/g, '$&:');
}

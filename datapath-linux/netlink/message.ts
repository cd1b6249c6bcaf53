/**
 * Netlink messages (struct nlmsghdr of linux/netlink.h: u32 length, u16 type, u16 flags, u32 sequence, u32 port),
 * built and taken apart. Sequence numbers are the client's business: `withSequence`.
 */

import { type Payload, text, visitAttributes } from './attribute.ts';
import { aligned, readI32, readU16, readU32, writeI32, writeU16, writeU32, writeU64 } from './bytes.ts';
import { NetlinkError, NetlinkFormatError } from './error.ts';

export const headerLength = 16;

export const messageTypes = { noop: 1, error: 2, done: 3, overrun: 4 } as const;

/** NLM_F_* */
export const flags = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  dumpInterrupted: 0x10,
  capped: 0x100,
  ackAttributes: 0x200,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
} as const;

const nestedFlag = 0x8000;
const attributeMax = 0xffff;

/** A message under construction: the fixed part first, then attributes. */
export class MessageBuilder {
  #data: Buffer;
  #length: number;

  /** `fixed`: the structure that follows the header, such as ifinfomsg, already in place. */
  constructor(type: number, messageFlags: number, fixed: Buffer) {
    this.#data = Buffer.alloc(256);
    this.#length = headerLength;
    writeU16(this.#data, type, 4);
    writeU16(this.#data, messageFlags | flags.request, 6);
    this.#append(fixed);
  }

  #reserve(length: number): number {
    const at = this.#length;
    this.#length = at + aligned(length);
    if (this.#length > this.#data.length) {
      const larger = Buffer.alloc(this.#length * 2);
      this.#data.copy(larger);
      this.#data = larger;
    }
    return at;
  }

  #append(data: Buffer): void {
    data.copy(this.#data, this.#reserve(data.length));
  }

  #attribute(type: number, length: number): number {
    if (length + 4 > attributeMax) throw new RangeError(`a netlink attribute of ${length} bytes`);
    const at = this.#reserve(length + 4);
    writeU16(this.#data, length + 4, at);
    writeU16(this.#data, type, at + 2);
    return at + 4;
  }

  bytes(type: number, value: Buffer): this {
    const at = this.#attribute(type, value.length);
    value.copy(this.#data, at);
    return this;
  }

  /** Text with its terminating NUL. */
  text(type: number, value: string): this {
    return this.bytes(type, Buffer.from(`${value}\0`));
  }

  u8(type: number, value: number): this {
    const at = this.#attribute(type, 1);
    this.#data.writeUInt8(value, at);
    return this;
  }

  u16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    writeU16(this.#data, value, at);
    return this;
  }

  u32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    writeU32(this.#data, value, at);
    return this;
  }

  u64(type: number, value: bigint): this {
    const at = this.#attribute(type, 8);
    writeU64(this.#data, value, at);
    return this;
  }

  i32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    writeI32(this.#data, value, at);
    return this;
  }

  /** An attribute whose payload is what `build` appends; without NLA_F_NESTED, for readers that predate the flag. */
  nested(type: number, build: (message: this) => unknown, typeFlag: number = nestedFlag): this {
    const start = this.#attribute(type | typeFlag, 0) - 4;
    build(this);
    const length = this.#length - start;
    if (length > attributeMax) throw new RangeError(`a netlink attribute of ${length} bytes`);
    writeU16(this.#data, length, start);
    return this;
  }

  /** Raw bytes inside a nested attribute, such as the ifinfomsg in front of a veth peer's attributes. */
  raw(data: Buffer): this {
    this.#append(data);
    return this;
  }

  /** The finished message, its sequence number still 0. */
  build(): Buffer {
    writeU32(this.#data, this.#length, 0);
    return this.#data.subarray(0, this.#length);
  }
}

/** Sets the sequence number of a built message, and flags (such as NLM_F_ACK) in addition to its own. */
export function stamp(message: Buffer, sequence: number, addedFlags: number): void {
  writeU16(message, readU16(message, 6) | addedFlags, 6);
  writeU32(message, sequence, 8);
}

/** A received message: its header's fields and where its payload is. */
export interface Message extends Payload {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
}

/**
 * The messages of one datagram.
 * @throws NetlinkFormatError when a length does not fit.
 */
export function* messages(datagram: Buffer): Generator<Message> {
  for (let at = 0; at + headerLength <= datagram.length; ) {
    const length = readU32(datagram, at);
    if (length < headerLength || at + length > datagram.length) {
      throw new NetlinkFormatError(`message of ${length} bytes at ${at} of ${datagram.length}`);
    }
    yield {
      type: readU16(datagram, at + 4),
      flags: readU16(datagram, at + 6),
      sequence: readU32(datagram, at + 8),
      data: datagram,
      start: at + headerLength,
      end: at + length,
    };
    at += aligned(length);
  }
}

const extendedAckMessage = 1;

function extendedAckText(payload: Payload): string | undefined {
  let found: string | undefined;
  visitAttributes(payload, (type, value) => {
    if (type === extendedAckMessage) found = text(value);
  });
  return found;
}

/**
 * What an NLMSG_ERROR or NLMSG_DONE message says: undefined for success. An error carries the request's header (and
 * its payload, unless NLM_F_CAPPED), then the attributes of the extended ACK.
 */
export function errorOf(message: Message): NetlinkError | undefined {
  const { data, start, end } = message;
  if (end - start < 4) return message.type === messageTypes.done ? undefined : new NetlinkError(5);
  const errno = -readI32(data, start);
  if (errno <= 0) return undefined;
  if (!(message.flags & flags.ackAttributes)) return new NetlinkError(errno);
  let at = start + 4;
  if (message.type === messageTypes.error) {
    if (end - at < headerLength) return new NetlinkError(errno);
    at += message.flags & flags.capped ? headerLength : aligned(readU32(data, at));
  }
  return new NetlinkError(errno, at < end ? extendedAckText({ data, start: at, end }) : undefined);
}

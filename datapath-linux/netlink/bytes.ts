/** Numbers in the byte order of this machine, as the kernel's own structures have them. */
import { endianness } from 'node:os';

const little = endianness() === 'LE';

export const readU16 = (data: Buffer, at: number): number => (little ? data.readUInt16LE(at) : data.readUInt16BE(at));
export const readU32 = (data: Buffer, at: number): number => (little ? data.readUInt32LE(at) : data.readUInt32BE(at));
export const readI32 = (data: Buffer, at: number): number => (little ? data.readInt32LE(at) : data.readInt32BE(at));
export const readU64 = (data: Buffer, at: number): bigint =>
  little ? data.readBigUInt64LE(at) : data.readBigUInt64BE(at);

export const writeU16 = (data: Buffer, value: number, at: number): number =>
  little ? data.writeUInt16LE(value, at) : data.writeUInt16BE(value, at);
export const writeU32 = (data: Buffer, value: number, at: number): number =>
  little ? data.writeUInt32LE(value, at) : data.writeUInt32BE(value, at);
export const writeU64 = (data: Buffer, value: bigint, at: number): number =>
  little ? data.writeBigUInt64LE(value, at) : data.writeBigUInt64BE(value, at);
export const writeI32 = (data: Buffer, value: number, at: number): number =>
  little ? data.writeInt32LE(value, at) : data.writeInt32BE(value, at);

/** Netlink pads headers and attributes to four bytes. Lengths from outside may be near 2^32: no bit operations here. */
export const aligned = (length: number): number => Math.ceil(length / 4) * 4;

/** The six bytes of an address such as `aa:bb:cc:dd:ee:ff`. */
export const macBytes = (address: string): Buffer => Buffer.from(address.replaceAll(':', ''), 'hex');

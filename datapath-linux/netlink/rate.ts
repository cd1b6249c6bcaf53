/** Rates of traffic control, and its clock (linux/pkt_sched.h: struct tc_ratespec; /proc/net/psched). */
import { writeU16, writeU32 } from './bytes.ts';

/** Nanoseconds in a tick (1 << PSCHED_SHIFT of the kernel), the same on every machine since Linux 2.6.31. */
const tickNanoseconds = 64;
const u32Max = 0xffffffff;

/** Ticks that sending so many bytes takes at a rate in bytes per second. */
export const bytesToTicks = (rate: number, bytes: number): number =>
  rate === 0 ? 0 : Math.min(Math.floor((bytes * (1e9 / tickNanoseconds)) / rate), u32Max);

/** Bytes that are sent in so many ticks at a rate in bytes per second. */
export const ticksToBytes = (rate: number, ticks: number): number =>
  Math.floor((rate * ticks) / (1e9 / tickNanoseconds));

export const microsecondsToTicks = (microseconds: number): number =>
  Math.min(Math.floor((microseconds * 1000) / tickNanoseconds), u32Max);

export const ticksToMicroseconds = (ticks: number): number => Math.floor((ticks * tickNanoseconds) / 1000);

/** TC_LINKLAYER_ETHERNET: what a frame takes is its length. Without a word of it the kernel looks into rate tables. */
const linkLayerEthernet = 1;
/** The largest size that a rate table need tell of, in bytes. */
const tableMtu = 65535;
const tableCells = 256;
/** By how many bits a size is shifted to find its cell in a rate table. */
const cellLog = Math.ceil(Math.log2(tableMtu / tableCells));

/**
 * struct tc_ratespec: u8 cell log, u8 link layer, u16 overhead, i16, u16 least size, u32 bytes per second. A rate that
 * takes more than 32 bits is told in an attribute besides.
 */
export function rateSpec(bytesPerSecond: number, leastSize = 0): Buffer {
  const data = Buffer.alloc(12);
  data.writeUInt8(cellLog, 0);
  data.writeUInt8(linkLayerEthernet, 1);
  writeU16(data, leastSize, 6);
  writeU32(data, Math.min(bytesPerSecond, u32Max), 8);
  return data;
}

/** How long frames of each size take, which policing asks for although the kernel computes it by itself today. */
export function rateTable(bytesPerSecond: number): Buffer {
  const table = Buffer.alloc(tableCells * 4);
  for (let cell = 0; cell < tableCells; cell++) {
    writeU32(table, bytesToTicks(bytesPerSecond, (cell + 1) << cellLog), cell * 4);
  }
  return table;
}

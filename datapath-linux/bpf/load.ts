/** Brings programs into the kernel, and reads what they count. */
import { native } from '../../native/index.ts';
import { readU64 } from '../netlink/bytes.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import { setProgram } from '../netlink/filter.ts';
import type { Counter, LoadPrograms } from '../step.ts';
import { withMap } from './assembler.ts';

/** What the kernel's own tools list the programs and counters as. */
const objectName = 'vswitch';

const openCounter = ({ of, size }: Counter): number =>
  of === undefined ? native().counterCreate(objectName, size) : native().counterOf(of);

/** @throws Error with `errno` when the kernel refuses a program or a filter; those before it are in place. */
export function loadPrograms(client: NetlinkClient, { programs, counter }: LoadPrograms): void {
  const map = counter && openCounter(counter);
  try {
    for (const { program, ...filter } of programs) {
      const fd = native().programLoad(objectName, map === undefined ? program.code : withMap(program, map));
      try {
        client.request(setProgram(filter, fd));
      } finally {
        native().close(fd);
      }
    }
  } finally {
    if (map !== undefined) native().close(map);
  }
}

/** The 64-bit numbers that a program counts with, each the sum of all processors'. */
export function readCounter(programId: number, size: number): bigint[] {
  const map = native().counterOf(programId);
  try {
    const values = native().counterRead(map, size);
    const sums = Array<bigint>(size / 8).fill(0n);
    for (let at = 0; at < values.length; at += 8) {
      const index = (at % size) / 8;
      sums[index] = (sums[index] ?? 0n) + readU64(values, at);
    }
    return sums;
  } finally {
    native().close(map);
  }
}

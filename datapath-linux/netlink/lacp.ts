/**
 * The LACP frames that members of bonds have sent and received (RTM_NEWSTATS: struct if_stats_msg, then
 * IFLA_STATS_LINK_XSTATS_SLAVE with BOND_3AD_STAT_* of linux/if_bonding.h). Linux 5.1 and newer.
 */
import { type Payload, type Readers, readWith, u64, visitAttributes } from './attribute.ts';
import { readU32 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';

export interface LacpCounters {
  readonly ifindex: number;
  readonly received: bigint;
  readonly sent: bigint;
  /** Of an unknown kind, or not as they must be. */
  readonly bad: bigint;
  readonly markers: bigint;
}

const statsmsgLength = 12;
const layers = { masterStatistics: 3, bond: 2, lacp: 1 } as const;
const kinds = { received: 0, sent: 1, unknown: 2, illegal: 3, markers: 4 } as const;

type Found = { counts: Map<number, bigint> | undefined };

const bondReaders: Readers<Found> = {
  [layers.lacp]: (found, value) => {
    const counts = new Map<number, bigint>();
    visitAttributes(value, (kind, count) => counts.set(kind, count.end - count.start < 8 ? 0n : u64(count)));
    found.counts = counts;
  },
};
const masterReaders: Readers<Found> = { [layers.bond]: (found, value) => readWith(found, value, bondReaders) };
const readers: Readers<Found> = { [layers.masterStatistics]: (found, value) => readWith(found, value, masterReaders) };

/** undefined for a device that is no member of a bond. */
export function parseLacpCounters({ data, start, end }: Payload): LacpCounters | undefined {
  if (end - start < statsmsgLength) throw new NetlinkFormatError(`if_stats_msg of ${end - start} bytes`);
  const found: Found = { counts: undefined };
  readWith(found, { data, start: start + statsmsgLength, end }, readers);
  const { counts } = found;
  if (!counts) return undefined;
  const count = (kind: number): bigint => counts.get(kind) ?? 0n;
  return {
    ifindex: readU32(data, start + 4),
    received: count(kinds.received),
    sent: count(kinds.sent),
    bad: count(kinds.unknown) + count(kinds.illegal),
    markers: count(kinds.markers),
  };
}

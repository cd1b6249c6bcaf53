/** Counters of devices (RTM_NEWSTATS: struct if_stats_msg, then IFLA_STATS_LINK_64 with struct rtnl_link_stats64). */
import { type Payload, visitAttributes } from './attribute.ts';
import { readU32, readU64, writeU32 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';
import { MessageBuilder } from './message.ts';

/** Those counters of a device that Open vSwitch reports, by its keys. */
export interface LinkStatistics {
  readonly ifindex: number;
  readonly counters: Readonly<Record<string, bigint>>;
}

/** Open vSwitch's key for each 64-bit counter of rtnl_link_stats64, by its position there. */
const counterPositions = {
  rx_packets: 0,
  tx_packets: 1,
  rx_bytes: 2,
  tx_bytes: 3,
  rx_errors: 4,
  tx_errors: 5,
  rx_dropped: 6,
  tx_dropped: 7,
  rx_multicast_packets: 8,
  collisions: 9,
  rx_over_err: 11,
  rx_crc_err: 12,
  rx_frame_err: 13,
  rx_missed_errors: 15,
} as const;
const counters = Object.entries(counterPositions);
const counterBytes = 16 * 8;
const statsmsgLength = 12;

/** The counters in an RTM_NEWSTATS message (struct if_stats_msg, then IFLA_STATS_LINK_64). */
export function parseStatistics({ data, start, end }: Payload): LinkStatistics {
  if (end - start < statsmsgLength) throw new NetlinkFormatError(`if_stats_msg of ${end - start} bytes`);
  const found: Record<string, bigint> = {};
  visitAttributes({ data, start: start + statsmsgLength, end }, (type, value) => {
    if (type !== 1) return;
    if (value.end - value.start < counterBytes) throw new NetlinkFormatError('rtnl_link_stats64 is too short');
    for (const [key, position] of counters) {
      found[key] = readU64(value.data, value.start + position * 8);
    }
  });
  return { ifindex: readU32(data, start + 4), counters: found };
}

const getStatisticsType = 94;

/** struct if_stats_msg: u8 family, 3 pad, u32 ifindex, u32 filter mask; here IFLA_STATS_LINK_64. */
function ifStatsmsg(ifindex: number): Buffer {
  const fixed = Buffer.alloc(12);
  writeU32(fixed, ifindex, 4);
  writeU32(fixed, 1, 8);
  return fixed;
}

/** The 64-bit counters of one link. */
export const getStatistics = (ifindex: number): Buffer =>
  new MessageBuilder(getStatisticsType, 0, ifStatsmsg(ifindex)).build();

/** The 64-bit counters of all links. */
export const dumpStatistics = (): Buffer => new MessageBuilder(getStatisticsType, 0, ifStatsmsg(0)).build();

/** What bridges and bonds count of their ports: BPDUs, LACP frames (IFLA_STATS_LINK_XSTATS_SLAVE). */
export function dumpMasterCounters(): Buffer {
  const fixed = ifStatsmsg(0);
  writeU32(fixed, 1 << 2, 8);
  return new MessageBuilder(getStatisticsType, 0, fixed).build();
}

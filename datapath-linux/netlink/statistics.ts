/** Counters of devices (RTM_NEWSTATS: struct if_stats_msg, then IFLA_STATS_LINK_64 with struct rtnl_link_stats64). */
import { type Payload, visitAttributes } from './attribute.ts';
import { readU32, readU64, writeU32 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';
import { MessageBuilder } from './message.ts';

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

/** The counters of a device, of which most are as they were: they stay as the kernel tells them until they are asked for. */
export class LinkStatistics {
  readonly ifindex: number;
  readonly #data: Buffer;
  readonly #start: number;

  /** `start`: where the struct rtnl_link_stats64 begins. */
  constructor(ifindex: number, data: Buffer, start: number) {
    this.ifindex = ifindex;
    this.#data = data;
    this.#start = start;
  }

  /** Those that Open vSwitch reports, by its keys. */
  get counters(): Readonly<Record<string, bigint>> {
    const found: Record<string, bigint> = {};
    for (const [key, position] of counters) found[key] = readU64(this.#data, this.#start + position * 8);
    return found;
  }

  /** Whether all counters are the same. */
  equals(other: LinkStatistics): boolean {
    const [start, otherStart] = [this.#start, other.#start];
    const end = otherStart + counterBytes;
    return this.#data.compare(other.#data, otherStart, end, start, start + counterBytes) === 0;
  }

  /** The same, without the datagram that it came in. */
  copy(): LinkStatistics {
    const bytes = Buffer.alloc(counterBytes);
    this.#data.copy(bytes, 0, this.#start, this.#start + counterBytes);
    return new LinkStatistics(this.ifindex, bytes, 0);
  }
}

/**
 * The counters in an RTM_NEWSTATS message (struct if_stats_msg, then IFLA_STATS_LINK_64).
 * @throws NetlinkFormatError
 */
export function parseStatistics({ data, start, end }: Payload): LinkStatistics {
  if (end - start < statsmsgLength) throw new NetlinkFormatError(`if_stats_msg of ${end - start} bytes`);
  let found: number | undefined;
  visitAttributes({ data, start: start + statsmsgLength, end }, (type, value) => {
    if (type !== 1) return;
    if (value.end - value.start < counterBytes) throw new NetlinkFormatError('rtnl_link_stats64 is too short');
    found = value.start;
  });
  if (found === undefined) throw new NetlinkFormatError('a message about statistics has none');
  return new LinkStatistics(readU32(data, start + 4), data, found);
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

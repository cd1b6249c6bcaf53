/**
 * The BPDUs that bridge ports have sent and received (RTM_NEWSTATS: struct if_stats_msg, then
 * IFLA_STATS_LINK_XSTATS_SLAVE with struct bridge_stp_xstats of linux/if_bridge.h). Linux 5.6 and newer.
 */
import { type Payload, type Readers, readWith, u64 } from './attribute.ts';
import { readU32 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';

export interface SpanningTreeCounters {
  readonly ifindex: number;
  /** By Open vSwitch's keys; undefined for devices that are no bridge's ports. */
  readonly counters: Readonly<Record<string, bigint>> | undefined;
}

const statsmsgLength = 12;
const layers = { masterStatistics: 3, bridge: 1, stp: 4 } as const;
/** Of struct bridge_stp_xstats: after two transitions, four numbers of configuration and change notices. */
const positions = { receivedBpdus: 2, sentBpdus: 3, receivedChanges: 4, sentChanges: 5 } as const;

type Found = { counters: Record<string, bigint> | undefined };

const stpReaders: Readers<Found> = {
  [layers.stp]: (found, value) => {
    const at = (position: number): bigint => u64(value, position * 8);
    found.counters = {
      stp_tx_count: at(positions.sentBpdus) + at(positions.sentChanges),
      stp_rx_count: at(positions.receivedBpdus) + at(positions.receivedChanges),
    };
  },
};
const bridgeReaders: Readers<Found> = { [layers.bridge]: (found, value) => readWith(found, value, stpReaders) };
const readers: Readers<Found> = { [layers.masterStatistics]: (found, value) => readWith(found, value, bridgeReaders) };

/** @throws NetlinkFormatError when the message is cut short. */
export function parseSpanningTreeCounters({ data, start, end }: Payload): SpanningTreeCounters {
  if (end - start < statsmsgLength) throw new NetlinkFormatError(`if_stats_msg of ${end - start} bytes`);
  const found: Found = { counters: undefined };
  readWith(found, { data, start: start + statsmsgLength, end }, readers);
  return { ifindex: readU32(data, start + 4), counters: found.counters };
}

/** The settings of kernel bridges (IFLA_BR_* of linux/if_link.h) and of their ports (IFLA_BRPORT_*). */
import {
  bridgeIdentifier,
  byte,
  half,
  long,
  networkHalf,
  reader,
  type Settings,
  type Table,
  word,
  writer,
} from './settings.ts';

/**
 * To add a setting: its attribute and layout here; it is then read from every bridge, and can be set. Times are in
 * hundredths of a second.
 */
const bridgeTable = {
  forwardDelay: [1, word],
  helloTime: [2, word],
  maxAge: [3, word],
  ageingTime: [4, word],
  /** After the timers: while it is on, they must be in their ranges. */
  stpState: [5, word],
  priority: [6, half],
  vlanFiltering: [7, byte],
  vlanProtocol: [8, networkHalf],
  groupForwardMask: [9, half],
  /** What the spanning tree has come to: these are read only. */
  rootId: [10, bridgeIdentifier],
  bridgeId: [11, bridgeIdentifier],
  rootPort: [12, half],
  rootPathCost: [13, word],
  topologyChange: [14, byte],
  multicastSnooping: [23, byte],
  multicastQuerier: [25, byte],
  multicastHashMax: [27, word],
  multicastMembershipInterval: [31, long],
  callsIptables: [36, byte],
  callsIp6tables: [37, byte],
  callsArptables: [38, byte],
  /** The VLAN that new ports join; only kernels with VLAN filtering have it. */
  defaultPvid: [39, half],
  /** Learned addresses, and how many there may be (0: any number); Linux 6.7 and newer. The first is read only. */
  addressesLearned: [48, word],
  addressesMax: [49, word],
} as const satisfies Table;

/** The same, of a bridge's ports. */
const bridgePortTable = {
  /** BR_STATE_*, by their numbers: disabled, listening, learning, forwarding, blocking. */
  state: [1, byte],
  priority: [2, half],
  cost: [3, word],
  learning: [8, byte],
  unicastFlood: [9, byte],
  /** These are read only. */
  designatedBridge: [14, bridgeIdentifier],
  designatedPort: [15, half],
  id: [17, half],
  number: [18, half],
  multicastRouter: [25, byte],
  multicastFlood: [27, byte],
  groupForwardMask: [31, half],
  isolated: [33, byte],
} as const satisfies Table;

export type BridgeSettings = Settings<typeof bridgeTable>;
export type BridgePortSettings = Settings<typeof bridgePortTable>;

export const readBridgeSettings = reader(bridgeTable);
export const writeBridgeSettings = writer(bridgeTable);
export const readBridgePortSettings = reader(bridgePortTable);
export const writeBridgePortSettings = writer(bridgePortTable);

/**
 * A bridge that forwards and does nothing else: no part in multicast snooping or STP, and frames do not pass the host's
 * packet filter (bridge-nf-call-* is on in new namespaces of some kernels). Kernels without VLAN filtering take it too.
 */
export const quietBridge = {
  stpState: 0,
  multicastSnooping: 0,
  callsIptables: 0,
  callsIp6tables: 0,
  callsArptables: 0,
} as const satisfies BridgeSettings;

/**
 * Frames to the addresses that bridges and switches talk to each other with: Open vSwitch passes none of them on unless
 * `other_config:forward-bpdu` says so. The kernel keeps back most of those of IEEE 802.1D by itself, but not BPDUs
 * while it has no spanning tree, nor the manufacturers' own. Ports that take no part in a spanning tree neither send
 * BPDUs nor heed them.
 */
import type { Desired, DesiredBridge } from '../desired.ts';
import { bridgePort } from '../device.ts';
import type { KernelState } from '../kernel.ts';
import {
  addElements,
  addRule,
  createChain,
  createSet,
  createTable,
  deleteElements,
  drop,
  type ElementSet,
  equals,
  isIn,
  loadHeader,
  loadSource,
  loadTarget,
  numberKey,
  type TableName,
} from '../netlink/nftables.ts';
import type { WantedTable } from './packet-filter.ts';
import { forwardsControl } from './settings.ts';
import { speaksStp, takesPart } from './spanning-tree.ts';

/** One table for all bridges of the namespace. */
export const controlTable = { family: 'bridge', name: 'vswitch', sets: ['ports', 'mute'] } as const;

const range = (first: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => first.slice(0, -1) + (Number.parseInt(first.slice(-1), 16) + i).toString(16));

/** As ovs-vswitchd.conf.db(5) lists them at forward-bpdu. */
const controlAddresses = [
  // IEEE 802.1D
  ...range('0180c2000000', 16),
  // Extreme: EDP, EAPS
  '00e02b000000',
  '00e02b000004',
  '00e02b000006',
  // Cisco: ISL, CFM, CDP and others, PVST+, STP Uplink Fast
  '01000c000000',
  ...range('01000cccccc0', 8),
  '01000ccccccc',
  '01000ccccccd',
  '01000ccdcdcd',
];
const bpdu = Buffer.from('0180c2000000', 'hex');
/** Their first four bytes: most frames need not be looked at any further. */
const prefixes = [...new Set(controlAddresses.map((text) => text.slice(0, 8)))];

const prefixSet: ElementSet = { name: 'prefixes', id: 1, keyBytes: 4 };
const addressSet: ElementSet = { name: 'addresses', id: 2, keyBytes: 6 };
const portSet: ElementSet = { name: 'ports', id: 3, keyBytes: 4 };
const muteSet: ElementSet = { name: 'mute', id: 4, keyBytes: 4 };

const hexKeys = (texts: readonly string[]): Buffer[] => texts.map((text) => Buffer.from(text, 'hex'));

/** The table without its ports. Also the attempt that tells whether a kernel has what it takes. */
export function createControlTable(table: TableName & { readonly comment: string }): Buffer[] {
  const isReserved = [loadHeader(0, 4), isIn(prefixSet), loadHeader(0, 6), isIn(addressSet)];
  const isBpdu = [loadHeader(0, 6), equals(bpdu)];
  return [
    createTable(table),
    ...[prefixSet, addressSet, portSet, muteSet].map((set) => createSet(table, set)),
    ...addElements(table, prefixSet.name, hexKeys(prefixes)),
    ...addElements(table, addressSet.name, hexKeys(controlAddresses)),
    ...(['prerouting', 'input', 'output'] as const).map((hook) =>
      createChain(table.name, { family: 'bridge', name: hook, hook }),
    ),
    addRule(table, 'prerouting', [...isReserved, loadSource, isIn(portSet), drop]),
    addRule(table, 'input', [...isBpdu, loadSource, isIn(muteSet), drop]),
    addRule(table, 'output', [...isBpdu, loadTarget, isIn(muteSet), drop]),
  ];
}

const ifindexes = (
  bridges: readonly DesiredBridge[],
  kernel: KernelState,
  counts: (port: DesiredBridge['ports'][number], bridge: DesiredBridge) => boolean,
): ReadonlySet<number> =>
  new Set(
    bridges.flatMap((bridge) =>
      bridge.ports.flatMap((port) => (counts(port, bridge) ? (bridgePort(port, bridge, kernel)?.ifindex ?? []) : [])),
    ),
  );

export function controlFrames({ bridges }: Desired, kernel: KernelState): readonly WantedTable[] {
  const ports = ifindexes(bridges, kernel, (_port, bridge) => !forwardsControl(bridge));
  const mute = ifindexes(bridges, kernel, (port, bridge) => speaksStp(bridge) && !takesPart(port, bridge));
  if (ports.size + mute.size === 0 || !kernel.capabilities.has('bridge-filter')) return [];
  const { family, name } = controlTable;
  const table = { family, name, comment: 'Open vSwitch: control frames' };
  const sets = new Map([
    [portSet.name, ports],
    [muteSet.name, mute],
  ]);
  const changeSet = (set: string, added: readonly number[], removed: readonly number[]): Buffer[] => [
    ...deleteElements(table, set, removed.map(numberKey)),
    ...addElements(table, set, added.map(numberKey)),
  ];
  const create = (): Buffer[] => [
    ...createControlTable(table),
    ...[...sets].flatMap(([set, numbers]) => changeSet(set, [...numbers], [])),
  ];
  const what = 'hold back control frames between ports';
  return [{ ...table, subject: { bridge: bridges[0]?.name ?? '' }, what, create, sets, changeSet }];
}

export function controlProblem(bridge: DesiredBridge, kernel: KernelState): string | undefined {
  if (forwardsControl(bridge) || kernel.capabilities.has('bridge-filter')) return undefined;
  return `control frames such as BPDUs pass between the ports of bridge ${bridge.name}: this kernel has no packet filter for bridges (nf_tables)`;
}

/**
 * Frames to the addresses that bridges and switches talk to each other with: Open vSwitch passes none of them on unless
 * `other_config:forward-bpdu` says so. The kernel keeps back most of those of IEEE 802.1D by itself, but not BPDUs
 * while it has no spanning tree, nor the manufacturers' own. Ports that take no part in a spanning tree neither send
 * BPDUs nor heed them.
 */
import type { Desired, DesiredBridge } from '../desired.ts';
import { hiddenBridge } from '../device.ts';
import type { KernelState } from '../kernel.ts';
import { ownedGroup } from '../names.ts';
import {
  accept,
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
  isOutside,
  loadHeader,
  loadSource,
  loadSourceGroup,
  loadTarget,
  numberKey,
  type TableName,
} from '../netlink/nftables.ts';
import type { Port } from '../port/port.ts';
import type { WantedTable } from './packet-filter.ts';
import { forwardsControl } from './settings.ts';
import { speaksStp, takesPart } from './spanning-tree.ts';

/**
 * One table for all bridges of the namespace. Devices of the switch's making are known by their group, so that one port
 * more or less changes nothing; its sets are for those of others, and for bridges that are not as most are.
 */
export const controlTable = {
  family: 'bridge',
  name: 'vswitch',
  comment: 'Open vSwitch: control frames, by prefix and group',
  sets: ['taken', 'exempt', 'mute'],
} as const;

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
/** Their first four bytes, by which most frames are told apart. */
const prefixes = [...new Set(controlAddresses.map((text) => text.slice(0, 8)))];

const prefixSet: ElementSet = { name: 'prefixes', id: 1, keyBytes: 4 };
const addressSet: ElementSet = { name: 'addresses', id: 2, keyBytes: 6 };
/** Ports of others' making whose control frames are held back. */
const takenSet: ElementSet = { name: 'taken', id: 3, keyBytes: 4 };
/** Ports of our making whose control frames are not. */
const exemptSet: ElementSet = { name: 'exempt', id: 4, keyBytes: 4 };
/** Ports that take no part in their bridge's spanning tree. */
const muteSet: ElementSet = { name: 'mute', id: 5, keyBytes: 4 };

const hexKeys = (texts: readonly string[]): Buffer[] => texts.map((text) => Buffer.from(text, 'hex'));

/** The table without its ports. Also the attempt that tells whether a kernel has what it takes. */
export function createControlTable(table: TableName & { readonly comment: string }): Buffer[] {
  const isReserved = [loadHeader(0, 6), isIn(addressSet)];
  const isBpdu = [loadHeader(0, 6), equals(bpdu)];
  return [
    createTable(table),
    ...[prefixSet, addressSet, takenSet, exemptSet, muteSet].map((set) => createSet(table, set)),
    ...addElements(table, prefixSet.name, hexKeys(prefixes)),
    ...addElements(table, addressSet.name, hexKeys(controlAddresses)),
    ...(['prerouting', 'input', 'output'] as const).map((hook) =>
      createChain(table.name, { family: 'bridge', name: hook, hook }),
    ),
    // All that most frames ever meet.
    addRule(table, 'prerouting', [loadHeader(0, 4), isOutside(prefixSet), accept]),
    addRule(table, 'prerouting', [
      ...isReserved,
      loadSourceGroup,
      equals(numberKey(ownedGroup)),
      loadSource,
      isOutside(exemptSet),
      drop,
    ]),
    addRule(table, 'prerouting', [...isReserved, loadSource, isIn(takenSet), drop]),
    addRule(table, 'input', [...isBpdu, loadSource, isIn(muteSet), drop]),
    addRule(table, 'output', [...isBpdu, loadTarget, isIn(muteSet), drop]),
  ];
}

/** Of the ports that are in their bridges. */
function ifindexes(
  bridges: readonly DesiredBridge[],
  kernel: KernelState,
  counts: (port: Port, bridge: DesiredBridge, kernel: KernelState) => boolean,
): ReadonlySet<number> {
  const found = new Set<number>();
  for (const bridge of bridges) {
    const hidden = hiddenBridge(bridge, kernel);
    for (const port of hidden ? bridge.ports : []) {
      const link = counts(port, bridge, kernel) ? kernel.find(port.device) : undefined;
      if (link && link.master === hidden?.ifindex) found.add(link.ifindex);
    }
  }
  return found;
}

const isTakenFromOthers = ({ taken, device }: Port, _bridge: DesiredBridge, kernel: KernelState): boolean =>
  taken.includes(device) && kernel.find(device)?.group !== ownedGroup;

export function controlFrames({ bridges }: Desired, kernel: KernelState): readonly WantedTable[] {
  const holding = bridges.filter((bridge) => !forwardsControl(bridge) && hiddenBridge(bridge, kernel));
  const mute = ifindexes(bridges.filter(speaksStp), kernel, (port, bridge) => !takesPart(port, bridge));
  if (holding.length + mute.size === 0 || !kernel.capabilities.has('bridge-filter')) return [];
  const { family, name, comment } = controlTable;
  const table = { family, name, comment };
  const sets = new Map([
    [takenSet.name, ifindexes(holding, kernel, isTakenFromOthers)],
    [exemptSet.name, ifindexes(bridges.filter(forwardsControl), kernel, () => true)],
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

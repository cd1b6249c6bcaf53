/**
 * What makes a balance-slb bond safe. The switches at the other end know nothing of it: a broadcast comes back from
 * them through each other member, and one of theirs comes through all. So of the members one receives broadcasts and
 * multicasts, and what the bond has sent a moment ago is not taken from it again, as it would have to come in by
 * another member.
 */
import type { Desired } from '../desired.ts';
import type { KernelState } from '../kernel.ts';
import { bondModes, isMemberUp } from '../netlink/bond.ts';
import type { Link } from '../netlink/link.ts';
import {
  addRule,
  createChain,
  createSet,
  createTable,
  differs,
  drop,
  type ElementSet,
  equals,
  isIn,
  loadHeader,
  mask,
  remember,
  type Table,
} from '../netlink/nftables.ts';
import { BondPort } from '../port/bond.ts';
import { kernelMode } from '../port/bond-options.ts';
import { demandingPorts } from '../port/plain.ts';
import type { WantedTable } from './packet-filter.ts';

/** In milliseconds: how long an address that the bond has sent from is not heard from the other side. */
const memory = 5000;
const tagged: ElementSet = { name: 'tagged', id: 1, keyBytes: 12, timeout: memory };
const untagged: ElementSet = { name: 'untagged', id: 2, keyBytes: 6, timeout: memory };

const vlanProtocol = Buffer.from('8100', 'hex');
const groupBit = Buffer.from('01', 'hex');
/** 01:80:c2:00:00:0x concerns one link only, and is for whoever listens there. */
const linkLocal = Buffer.from('0180c2000000', 'hex');
const linkLocalMask = Buffer.from('fffffffffff0', 'hex');

/** The source address, and the VLAN in the third register: together a key of twelve bytes. */
const taggedKey = [
  loadHeader(12, 2),
  equals(vlanProtocol),
  loadHeader(6, 6),
  loadHeader(14, 2, 2),
  mask(Buffer.from('0fff', 'hex'), 2),
];
const untaggedKey = [loadHeader(12, 2), differs(vlanProtocol), loadHeader(6, 6)];

export interface SlbBond {
  readonly device: string;
  /** The names of the members that do not receive broadcasts. */
  readonly deaf: readonly string[];
}

/** The table of one bond. Also the attempt that tells whether a kernel has what it takes. */
export function createLoopGuard(table: Table, { device, deaf }: SlbBond): Buffer[] {
  return [
    createTable(table),
    createSet(table, tagged),
    createSet(table, untagged),
    createChain(table.name, { family: 'netdev', name: 'sent', hook: 'egress', device }),
    createChain(table.name, { family: 'netdev', name: 'received', hook: 'ingress', device }),
    addRule(table, 'sent', [...taggedKey, remember(tagged)]),
    addRule(table, 'sent', [...untaggedKey, remember(untagged)]),
    addRule(table, 'received', [...taggedKey, isIn(tagged), drop]),
    addRule(table, 'received', [...untaggedKey, isIn(untagged), drop]),
    ...deaf.flatMap((member) => [
      createChain(table.name, { family: 'netdev', name: `deaf-${member}`, hook: 'ingress', device: member }),
      addRule(table, `deaf-${member}`, [
        loadHeader(0, 1),
        mask(groupBit),
        equals(groupBit),
        loadHeader(0, 6),
        mask(linkLocalMask),
        differs(linkLocal),
        drop,
      ]),
    ]),
  ];
}

/** The member that receives broadcasts, and stands for the bond: the first, by name, that works. */
export const receiverOf = (members: readonly Link[]): Link | undefined =>
  members.find(({ bondMember }) => bondMember && isMemberUp(bondMember));

/** A bond's members that are there, in the order of their interfaces' names. */
export function membersOf(port: BondPort, kernel: KernelState): Link[] {
  const bond = kernel.find(port.device);
  return port.members.flatMap(({ device }) => {
    const link = kernel.find(device);
    return bond && link?.master === bond.ifindex ? [link] : [];
  });
}

export function loopGuards({ bridges }: Desired, kernel: KernelState): readonly WantedTable[] {
  return bridges.flatMap((bridge) =>
    demandingPorts(bridge).flatMap((port): WantedTable[] => {
      const bond = port instanceof BondPort ? kernel.find(port.device) : undefined;
      if (!(port instanceof BondPort) || !bond || kernelMode(port.options) !== bondModes.balanceXor) return [];
      const members = membersOf(port, kernel);
      const receiver = receiverOf(members);
      const deaf = members.filter((link) => link !== receiver);
      // The chains go with their devices: a device of the same name with another number needs them again.
      const comment = `bond ${bond.ifindex}, deaf members ${deaf.map(({ ifindex }) => ifindex).join(' ')}`;
      const table: Table = { family: 'netdev', name: `vswitch-${port.device}`, comment };
      return [
        {
          ...table,
          subject: { port: port.name },
          what: `guard bond ${port.name} against loops`,
          create: () => createLoopGuard(table, { device: bond.name, deaf: deaf.map(({ name }) => name) }),
          sets: new Map(),
          changeSet: () => [],
        },
      ];
    }),
  );
}

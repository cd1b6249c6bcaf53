/** `lacp/…`: what the members of bonds and their partners tell each other. */
import { readFileSync } from 'node:fs';
import { CommandError } from '../../rpc/command.ts';
import { membersOf } from '../aspect/loop-guard.ts';
import { type BondMember, bondModes, isCurrent, isEnabled, lacpStates } from '../netlink/bond.ts';
import { parseLacpCounters } from '../netlink/lacp.ts';
import type { Link } from '../netlink/link.ts';
import { dumpMasterCounters } from '../netlink/statistics.ts';
import type { BondPort } from '../port/bond.ts';
import type { CommandGroup } from './commands.ts';
import { bondsOf } from './place.ts';
import type { SwitchView } from './view.ts';

type Bond = ReturnType<typeof bondsOf>[number];

function lacpBonds(name: string | undefined, view: SwitchView): Bond[] {
  const bonds = bondsOf(view).filter(({ link }) => link.bond?.mode === bondModes.lacp);
  const found = bonds.filter(({ port }) => name === undefined || port.name === name);
  if (name !== undefined && found.length === 0) throw new CommandError('no such lacp object');
  return found;
}

/** One end of a link, as /proc/net/bonding tells it, to root only. */
interface End {
  readonly address: string;
  readonly priority: string;
  readonly portId: string;
  readonly portPriority: string;
  readonly key: string;
}

const unknownEnd: End = { address: '00:00:00:00:00:00', priority: '0', portId: '0', portPriority: '0', key: '0' };

/** By the name of a member's device: what it says (`actor`), and what its partner does. */
export function parseBondingFile(text: string): ReadonlyMap<string, { readonly actor: End; readonly partner: End }> {
  const found = new Map<string, { actor: End; partner: End }>();
  for (const section of text.split(/^Slave Interface: /m).slice(1)) {
    const [device = ''] = section.split('\n');
    const [, actor = '', partner = ''] = section.split(/^details (?:actor|partner) lacp pdu:$/m);
    found.set(device, { actor: endOf(actor), partner: endOf(partner) });
  }
  return found;
}

function endOf(lines: string): End {
  const value = (key: string, otherwise: string): string =>
    new RegExp(`^ +${key}: (\\S+)$`, 'm').exec(lines)?.[1] ?? otherwise;
  return {
    address: value('system mac address', unknownEnd.address),
    priority: value('system priority', unknownEnd.priority),
    portId: value('port number', unknownEnd.portId),
    portPriority: value('port priority', unknownEnd.portPriority),
    key: value('(?:port|oper) key', unknownEnd.key),
  };
}

function readDetails(device: string): ReturnType<typeof parseBondingFile> {
  try {
    return parseBondingFile(readFileSync(`/proc/net/bonding/${device}`, 'utf8'));
  } catch {
    return new Map();
  }
}

const stateWords = (state = 0): string =>
  Object.entries(lacpStates)
    .filter(([, bit]) => state & bit)
    .map(([word]) => ` ${word}`)
    .join('');

function endLines(who: 'actor' | 'partner', end: End, state: number | undefined): string {
  return [
    `  ${who} sys_id: ${end.address}\n`,
    `  ${who} sys_priority: ${end.priority}\n`,
    `  ${who} port_id: ${end.portId}\n`,
    `  ${who} port_priority: ${end.portPriority}\n`,
    `  ${who} key: ${end.key}\n`,
    `  ${who} state:${stateWords(state)}\n`,
  ].join('');
}

function statusOf(member: BondMember): string {
  const { actorState = 0 } = member;
  if (actorState & lacpStates.expired) return 'expired';
  return isCurrent(member) ? 'current' : 'defaulted';
}

function memberText(link: Link, { port, link: { bond = {} } }: Bond, details: ReturnType<typeof parseBondingFile>) {
  const member = link.bondMember ?? {};
  const { actor, partner } = details.get(link.name) ?? { actor: unknownEnd, partner: unknownEnd };
  const isAttached = isEnabled(member, bond);
  return [
    `\nmember: ${nameOf(link, port)}: ${statusOf(member)} ${isAttached ? 'attached' : 'detached'}\n`,
    `  port_id: ${actor.portId}\n`,
    `  port_priority: ${actor.portPriority}\n`,
    `  may_enable: ${isAttached}\n`,
    `\n${endLines('actor', actor, member.actorState)}`,
    `\n${endLines('partner', isCurrent(member) ? partner : unknownEnd, isCurrent(member) ? member.partnerState : 0)}`,
  ].join('');
}

const nameOf = (link: Link, port: BondPort): string =>
  port.members.find(({ device }) => device === link.name)?.name ?? link.name;

function show(bond: Bond, view: SwitchView): string {
  const { port, link } = bond;
  const details = readDetails(link.name);
  const members = membersOf(port, view.kernel);
  const [first] = members;
  const actor = (first && details.get(first.name)?.actor) ?? unknownEnd;
  const isNegotiated = members.some(({ bondMember }) => bondMember && isCurrent(bondMember));
  return [
    `---- ${port.name} ----\n`,
    `  status: ${port.options.lacp}${isNegotiated ? ' negotiated' : ''}\n`,
    `  sys_id: ${link.bond?.systemAddress ?? unknownEnd.address}\n`,
    `  sys_priority: ${link.bond?.systemPriority ?? 0}\n`,
    `  aggregation key: ${actor.key}\n`,
    `  lacp_time: ${link.bond?.lacpRate ? 'fast' : 'slow'}\n`,
    ...members.map((member) => memberText(member, bond, details)),
  ].join('');
}

/** The kernel counts no expiries, which the C daemon does. */
function showCounters({ port }: Bond, view: SwitchView): string {
  const counters = new Map(
    view.client.dump(dumpMasterCounters(), parseLacpCounters).flatMap((each) => (each ? [[each.ifindex, each]] : [])),
  );
  const members = membersOf(port, view.kernel).map((link) => {
    const { sent = 0n, received = 0n, bad = 0n, markers = 0n } = counters.get(link.ifindex) ?? {};
    return [
      `\nmember: ${nameOf(link, port)}:\n`,
      `  TX PDUs: ${sent}\n`,
      `  RX PDUs: ${received}\n`,
      `  RX Bad PDUs: ${bad}\n`,
      `  RX Marker Request PDUs: ${markers}\n`,
      `  Carrier Status Changed: ${link.carrierChanges}\n`,
    ].join('');
  });
  return `---- ${port.name} statistics ----\n${members.join('')}`;
}

export const lacpCommands: CommandGroup = (view) => {
  const each =
    (print: (bond: Bond, view: SwitchView) => string) =>
    ([name]: readonly string[]): string => {
      const now = view();
      return lacpBonds(name, now)
        .map((bond) => print(bond, now))
        .join('');
    };
  return [
    { name: 'lacp/show', usage: '[port]', min: 0, max: 1, run: each(show) },
    { name: 'lacp/show-stats', usage: '[port]', min: 0, max: 1, run: each(showCounters) },
  ];
};

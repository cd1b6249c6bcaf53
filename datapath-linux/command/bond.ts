/** `bond/…`: what the kernel's bonds do, in the words of the C daemon's. */
import { type Command, CommandError } from '../../rpc/command.ts';
import { activeMember } from '../aspect/bonds.ts';
import { membersOf } from '../aspect/loop-guard.ts';
import { deviceAddress } from '../mac.ts';
import { bondModes, isCurrent, isEnabled } from '../netlink/bond.ts';
import type { Link } from '../netlink/link.ts';
import { changeBond } from '../netlink/link-kind.ts';
import type { BondPort } from '../port/bond.ts';
import type { CommandGroup } from './commands.ts';
import { bondsOf } from './place.ts';
import type { SwitchView } from './view.ts';

type Bond = ReturnType<typeof bondsOf>[number];

/** @throws CommandError */
function bondNamed(name: string, view: SwitchView): Bond {
  const bond = bondsOf(view).find(({ port }) => port.name === name);
  if (!bond) throw new CommandError('no such bond');
  return bond;
}

/** A member that is there, by its interface's name. @throws CommandError */
function memberNamed(name: string, { port }: Bond, { kernel }: SwitchView): Link {
  const device = port.members.find((member) => member.name === name)?.device;
  const link = membersOf(port, kernel).find((each) => each.name === device);
  if (!link) throw new CommandError('no such member');
  return link;
}

const nameOf = (link: Link, port: BondPort): string =>
  port.members.find(({ device }) => device === link.name)?.name ?? link.name;

function list(view: SwitchView): string {
  const lines = bondsOf(view).map(({ port }) => {
    const members = membersOf(port, view.kernel).map((link) => nameOf(link, port));
    return `${port.name}\t${port.options.mode}\t0\t${members.join(', ')}\n`;
  });
  return `bond\ttype\trecircID\tmembers\n${lines.join('')}`;
}

function lacpStatus(members: readonly Link[], { lacp }: BondPort['options']): string {
  if (lacp === 'off') return 'off';
  return members.some(({ bondMember }) => bondMember && isCurrent(bondMember)) ? 'negotiated' : 'configured';
}

function primaryOf({ primary }: BondPort['options'], members: readonly string[]): string {
  if (primary === undefined) return '<none>';
  return members.includes(primary) ? primary : `${primary} (no such member)`;
}

const noMember = '00:00:00:00:00:00(none)';

/** What the C daemon has and kernel bonds do not (recirculation, rebalancing) reads as if it were turned off. */
function show({ port, link: { bond = {} } }: Bond, view: SwitchView): string {
  const { options } = port;
  const members = membersOf(port, view.kernel);
  const active = activeMember(port, view.kernel);
  const head = [
    `---- ${port.name} ----`,
    `bond_mode: ${options.mode}`,
    'bond may use recirculation: no, Recirc-ID : -1',
    'bond-hash-basis: 0',
    'lb_output action: disabled, bond-id: -1',
    ...(options.mode === 'balance-slb' ? ['all members active: false'] : []),
    `updelay: ${bond.updelay ?? 0} ms`,
    `downdelay: ${bond.downdelay ?? 0} ms`,
    `lacp_status: ${lacpStatus(members, options)}`,
    'lacp_fallback_ab: false',
    `active-backup primary: ${primaryOf(
      options,
      members.map((link) => nameOf(link, port)),
    )}`,
    `active member mac: ${active ? `${active.bondMember?.permanentAddress}(${nameOf(active, port)})` : noMember}`,
    '',
  ];
  const each = members.flatMap((link) => {
    const enabled = link.bondMember !== undefined && isEnabled(link.bondMember, bond);
    return [
      `member ${nameOf(link, port)}: ${enabled ? 'enabled' : 'disabled'}`,
      ...(link === active ? ['  active member'] : []),
      `  may_enable: ${enabled}`,
      '',
    ];
  });
  return [...head, ...each, ''].join('\n');
}

function setActive([name = '', member = '']: readonly string[], view: SwitchView): string {
  const bond = bondNamed(name, view);
  const link = memberNamed(member, bond, view);
  if (bond.link.bond?.mode !== bondModes.activeBackup) {
    throw new CommandError(
      `the kernel sends frames of ${name} through all of its members: none of them is the active one`,
    );
  }
  if (!link.bondMember || !isEnabled(link.bondMember, bond.link.bond)) {
    throw new CommandError('cannot make disabled member active');
  }
  if (bond.link.bond.active === link.ifindex) return 'no change';
  view.client.request(changeBond(bond.link.ifindex, { active: link.ifindex }));
  return 'done';
}

/** The C daemon forgets such an order at the next change of the link; here the link itself says it. */
const refuseEnabling =
  (upOrDown: 'up' | 'down') =>
  ([name = '', member = '']: readonly string[], view: SwitchView): string => {
    memberNamed(member, bondNamed(name, view), view);
    throw new CommandError(
      `the kernel decides by the link of ${member} whether it is used: ip link set ${member} ${upOrDown} changes that`,
    );
  };

function migrate([name = '', , member = '']: readonly string[], view: SwitchView): string {
  const bond = bondNamed(name, view);
  if (bond.port.options.mode !== 'balance-slb') throw new CommandError('not an SLB bond');
  memberNamed(member, bond, view);
  throw new CommandError(
    `the kernel chooses the member of ${name} for a frame by its source address and VLAN alone: they cannot be moved`,
  );
}

const number = (text: string | undefined, max: number, refusal: string): number => {
  if (text === undefined) return 0;
  if (!/^\d+$/.test(text) || Number(text) > max) throw new CommandError(refusal);
  return Number(text);
};

/** The kernel's hash for balance-slb (vlan+srcmac); the frame's member is the one at this number modulo their count. */
function hash([address = '', vlanText, basisText]: readonly string[]): string {
  const vlan = number(vlanText, 0xffff, 'invalid vlan');
  if (number(basisText, 0xffffffff, 'invalid basis') !== 0) {
    throw new CommandError("the hash of the kernel's bonds has no basis");
  }
  const known = deviceAddress(address);
  if (known === undefined) throw new CommandError('invalid mac');
  const digits = known.replaceAll(':', '');
  const [vendor, device] = [digits.slice(0, 6), digits.slice(6)].map((half) => Number.parseInt(half, 16));
  return String(vlan ^ (vendor ?? 0) ^ (device ?? 0));
}

type Run = (args: readonly string[], view: SwitchView) => string;

/** By the name of today, and by the one of old. */
const memberCommands: readonly [names: readonly [string, string], run: Run][] = [
  [['bond/set-active-member', 'bond/set-active-slave'], setActive],
  [['bond/enable-member', 'bond/enable-slave'], refuseEnabling('up')],
  [['bond/disable-member', 'bond/disable-slave'], refuseEnabling('down')],
];

export const bondCommands: CommandGroup = (view) => [
  { name: 'bond/list', usage: '', min: 0, max: 0, run: () => list(view()) },
  {
    name: 'bond/show',
    usage: '[port]',
    min: 0,
    max: 1,
    run: ([name]) => {
      const now = view();
      const bonds = name === undefined ? bondsOf(now) : [bondNamed(name, now)];
      return bonds.map((bond) => show(bond, now)).join('');
    },
  },
  ...memberCommands.flatMap(([[name, old], run]): Command[] => {
    const command = { usage: 'port member', min: 2, max: 2, run: (args: readonly string[]) => run(args, view()) };
    return [
      { name, ...command },
      { name: old, ...command, hidden: true },
    ];
  }),
  { name: 'bond/migrate', usage: 'port hash member', min: 3, max: 3, run: (args) => migrate(args, view()) },
  { name: 'bond/hash', usage: 'mac [vlan] [basis]', min: 1, max: 3, run: hash },
];

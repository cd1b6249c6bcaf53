/**
 * A port of several interfaces, or one that speaks LACP: a kernel bond of our making in the kernel bridge, and its
 * members, which are ports of any kind that has a device. The kernel takes a member only while it is down, gives it the
 * bond's address and MTU and sets it up; when it leaves, it has its own again and is down.
 */
import type { InterfaceRow, PortRow } from '../configuration.ts';
import type { DesiredBridge } from '../desired.ts';
import type { Device } from '../device.ts';
import { isOwned, type KernelState } from '../kernel.ts';
import { isGlobal } from '../mac.ts';
import { bondAlias, bondDevice, mtuMark, ownedGroup, readMarks, takenMark, upMark } from '../names.ts';
import type { BondSettings } from '../netlink/bond.ts';
import type { Link } from '../netlink/link.ts';
import { changeBond, createBond } from '../netlink/link-kind.ts';
import { changeLink } from '../netlink/request.ts';
import { differingSettings } from '../netlink/settings.ts';
import type { Step } from '../step.ts';
import { type BondOptions, bondSettings, kernelMode, parseBondOptions } from './bond-options.ts';
import { changeSteps, takenMtu } from './change.ts';
import { builderOf } from './kinds.ts';
import type { BuildContext, Built, Port, PortContext } from './port.ts';

/** The settings that a bond takes only while it is down. */
const whileDown: readonly (keyof BondSettings)[] = ['lacpRate', 'lacpActive'];
/** The kinds of ports whose device can be a member of a bond. */
const memberKinds: ReadonlySet<string> = new Set(['system', 'internal', 'tap']);

export class BondPort implements Port {
  readonly kind = 'bond';
  readonly local = false;
  readonly name: string;
  readonly row: PortRow;
  readonly interfaces: readonly InterfaceRow[];
  readonly device: string;
  readonly owned: readonly string[];
  readonly taken: readonly string[];
  readonly options: BondOptions;
  /** In the order of their names. */
  readonly members: readonly Port[];
  /** Interfaces that can be no members: name → one sentence. */
  readonly #refused: ReadonlyMap<string, string>;

  constructor(row: PortRow, options: BondOptions, members: readonly Port[], refused: ReadonlyMap<string, string>) {
    this.name = row.name;
    this.row = row;
    this.interfaces = row.interfaces;
    this.device = bondDevice(row.name);
    this.options = options;
    this.members = [...members].sort((a, b) => (a.name < b.name ? -1 : 1));
    this.owned = [this.device, ...members.flatMap(({ owned }) => owned)];
    this.taken = members.flatMap(({ taken }) => taken);
    this.#refused = refused;
  }

  /** The mode cannot change while there are members. */
  keeps(link: Link, kernel: KernelState): boolean {
    if (link.name === this.device) return link.bond?.mode === kernelMode(this.options);
    return this.#owner(link.name)?.keeps(link, kernel) === true;
  }

  #owner(device: string): Port | undefined {
    return this.members.find(({ owned }) => owned.includes(device));
  }

  obstacle(_bridge: DesiredBridge, kernel: KernelState): string | undefined {
    const { name, device, options } = this;
    if (options.mode === 'balance-tcp' && options.lacp === 'off') {
      return `could not add bond ${name}: balance-tcp needs LACP; set lacp to active or passive, or choose another bond_mode`;
    }
    if (!kernel.capabilities.has('bond')) {
      return `could not add bond ${name}: this kernel has no bonds (its module bonding is missing); give each interface a port of its own`;
    }
    if (options.mode === 'balance-slb' && options.lacp === 'off' && !kernel.capabilities.has('loop-guard')) {
      return `could not add bond ${name}: balance-slb would loop frames without a packet filter for what devices send (nf_tables of Linux 5.16 or newer, with CONFIG_NETFILTER_EGRESS); choose another bond_mode`;
    }
    const link = kernel.find(device);
    return link && !isOwned(link)
      ? `could not add bond ${name} (File exists): a device named ${device} is there that the switch did not make`
      : undefined;
  }

  reservations(bridge: DesiredBridge, kernel: KernelState): ReadonlyMap<string, string> {
    const [common] = this.options.reservations;
    const found = new Map(this.#refused);
    for (const { name } of this.members) if (common !== undefined) found.set(name, common);
    for (const member of this.members) {
      const obstacle = member.obstacle(bridge, kernel);
      if (obstacle !== undefined) found.set(member.name, obstacle);
    }
    return found;
  }

  /** Members that are there, or that the switch makes. */
  #usable(bridge: DesiredBridge, kernel: KernelState): readonly Port[] {
    return this.members.filter((member) => member.obstacle(bridge, kernel) === undefined);
  }

  steps(context: PortContext): Step[] {
    const { bridge, kernel, localAddress } = context;
    const link = kernel.find(this.device);
    const primary = this.options.primary === undefined ? undefined : kernel.find(this.options.primary);
    const isMember = primary !== undefined && primary.master === link?.ifindex;
    const wanted = bondSettings(this.options, isMember ? primary.ifindex : undefined, localAddress);
    if (!link) return [this.#create(wanted)];
    return [
      ...this.#settingSteps(link, wanted),
      ...this.#deviceSteps(link, context),
      ...this.#usable(bridge, kernel).flatMap((member) => this.#memberSteps(member, link, context)),
    ];
  }

  #create(wanted: BondSettings): Step {
    const { name, device, options } = this;
    // A primary can be named once it is a member.
    const message = createBond(device, ownedGroup, { ...wanted, primary: undefined }, options.address);
    return { op: 'send', subject: { port: name }, what: `add bond ${name}`, messages: [message] };
  }

  #settingSteps(link: Link, wanted: BondSettings): Step[] {
    // Where there is no primary the kernel leaves it out.
    const change = differingSettings({ primary: 0, ...link.bond }, wanted);
    if (!change) return [];
    const { ifindex } = link;
    const message = changeBond(ifindex, change);
    const names = Object.keys(change);
    const mustBeDown = link.up && whileDown.some((name) => names.includes(name));
    const messages = mustBeDown
      ? [changeLink({ ifindex }, { up: false }), message, changeLink({ ifindex }, { up: true })]
      : [message];
    return [
      { op: 'send', subject: { port: this.name }, what: `set ${names.join(', ')} of bond ${this.name}`, messages },
    ];
  }

  #deviceSteps(link: Link, { master, kernel }: PortContext): Step[] {
    const subject = { port: this.name };
    const alias = bondAlias(this.name);
    const wanted = { up: true, master: master.ifindex, group: ownedGroup, alias, addressless6: true } as const;
    const address = this.#address(link, kernel);
    return [
      ...changeSteps(subject, link, { mtu: this.mtuLimit(kernel) }),
      ...changeSteps(subject, link, wanted),
      ...(address === undefined ? [] : changeSteps(subject, link, { address })),
    ];
  }

  /** As given, else that of a member: the bond's own may be that of a device which has left. */
  #address(link: Link, kernel: KernelState): string | undefined {
    if (this.options.address !== undefined) return this.options.address;
    const members = kernel.links.filter(({ master }) => master === link.ifindex);
    const addresses = members.flatMap(({ bondMember }) => bondMember?.permanentAddress ?? []);
    return addresses.includes(link.address) ? undefined : addresses.sort()[0];
  }

  #memberSteps(member: Port, bond: Link, context: PortContext): Step[] {
    const link = context.kernel.find(member.device);
    const mtu = this.mtuLimit(context.kernel);
    if (!link || link.master === bond.ifindex) {
      const own = isOwnedOrMissing(link)
        ? member.steps({ ...context, master: bond, followed: mtu, toFollow: mtu })
        : [];
      return link && !isOwned(link) ? markSteps(member.name, link) : own;
    }
    const { ifindex } = link;
    const attach = [
      ...(link.up ? [changeLink({ ifindex }, { up: false })] : []),
      changeLink({ ifindex }, { master: bond.ifindex }),
      changeLink({ ifindex }, { up: true }),
    ];
    const what = `add network device ${member.name} to bond ${this.name}`;
    return [
      ...(isOwned(link) ? [] : markSteps(member.name, link)),
      { op: 'send', subject: { port: member.name }, what, messages: attach },
    ];
  }

  locate(name: string, kernel: KernelState, master: Link): Device | undefined {
    const bond = kernel.find(this.device);
    if (!bond || bond.master !== master.ifindex) return undefined;
    return this.members.find((member) => member.name === name)?.locate(name, kernel, bond);
  }

  /** The bond passes on what all its members do; while they are members they have its MTU, and a mark has their own. */
  mtuLimit(kernel: KernelState): number | undefined {
    const mtus = this.interfaces.flatMap(({ name, mtuRequest }) => {
      const link = kernel.find(this.members.find((member) => member.name === name)?.device ?? name);
      if (!link) return [];
      return [takenMtu(mtuRequest) ?? (isOwned(link) ? [] : (readMarks(link.altnames).mtu ?? link.mtu))].flat();
    });
    return mtus.length > 0 ? Math.min(...mtus) : undefined;
  }

  lentAddress(kernel: KernelState): string | undefined {
    if (this.options.address !== undefined) return this.options.address;
    const [first] = this.members.flatMap((member) => {
      const link = member.kind === 'system' ? kernel.find(member.device) : undefined;
      return link ? [link.bondMember?.permanentAddress ?? link.address] : [];
    });
    return first !== undefined && isGlobal(first) ? first : undefined;
  }
}

const isOwnedOrMissing = (link: Link | undefined): boolean => link === undefined || isOwned(link);

/** What a device was that others made, before the first change: a crash leaves nothing that cannot be undone. */
function markSteps(port: string, { ifindex, altnames, mtu, up, bondMember }: Link): Step[] {
  const known = readMarks(altnames);
  const mark = (text: string): Step => ({ op: 'mark', subject: { port }, ifindex, mark: text });
  return [
    ...(known.marks.length === 0 ? [mark(takenMark(ifindex))] : []),
    ...(known.mtu === undefined && !bondMember ? [mark(mtuMark(ifindex, mtu))] : []),
    ...(up && !known.wasUp && !bondMember ? [mark(upMark(ifindex))] : []),
  ];
}

/** The bond of a Port, with those of its interfaces that can be members. */
export function buildBond(context: BuildContext): Built {
  const { port, bridge } = context;
  const members: Port[] = [];
  const refused = new Map<string, string>();
  for (const row of port.interfaces) {
    const cannot = `could not add network device ${row.name} to bond ${port.name}`;
    if (row.name === bridge.name) {
      refused.set(row.name, `${cannot}: it is the own port of its bridge`);
      continue;
    }
    const built = builderOf(row.type)?.(row, context);
    if (!built)
      refused.set(row.name, `could not open network device ${row.name} (Address family not supported by protocol)`);
    else if ('error' in built) refused.set(row.name, built.error);
    else if (!memberKinds.has(built.port.kind))
      refused.set(row.name, `${cannot}: a ${row.type} interface cannot be a member`);
    else members.push(built.port);
  }
  const options = parseBondOptions(
    port.name,
    port.view,
    port.interfaces.map(({ view }) => view),
  );
  return { port: new BondPort(port, options, members, refused) };
}

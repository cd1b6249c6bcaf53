/**
 * How the VLANs of a bridge become those of a kernel bridge. Pure.
 *
 * The kernel has no VLAN 0 to which frames without a tag could belong: one that no port mentions stands in for it, and
 * frames that come with that VLAN's tag are dropped. While all ports pass all frames, the kernel bridge does not look
 * at VLANs at all.
 */
import type { DesiredBridge } from '../desired.ts';
import type { KernelState } from '../kernel.ts';
import { canonical, type VlanRange } from '../netlink/vlan.ts';
import { demandingPorts } from '../port/plain.ts';
import type { Port } from '../port/port.ts';
import { type Admission, customersMax } from './admission.ts';
import { isTransparent, tagTypes, type VlanMode, type VlanSet, vlanMode } from './mode.ts';

/** The VLANs that the kernel has. */
const lowest = 1;
const highest = 4094;

export interface PortPlan {
  /** As `canonical` has them; none: nothing passes. */
  readonly ranges: readonly VlanRange[];
  /** Frames to drop that the kernel bridge would take. */
  readonly admission: Admission | undefined;
  /** What the kernel cannot do of what is asked for, in words that follow "could not configure the VLANs of port p: ". */
  readonly problem: string | undefined;
}

export interface VlanPlan {
  /** The EtherType of the tags by which the kernel bridge tells VLANs. */
  readonly protocol: number;
  /** Stands in for VLAN 0; undefined when the ports mention all VLANs. */
  readonly substitute: number | undefined;
  readonly ports: ReadonlyMap<Port, PortPlan>;
  /** So many ports are in all VLANs that they are only in those which some port mentions. */
  readonly isLimited: boolean;
}

/** A port that is in all VLANs takes 5.4 MiB of the kernel's memory: more of them in one bridge could exhaust it. */
const portsInAllVlans = 64;

/** What the ports of a bridge share. */
interface Circumstances extends Pick<VlanPlan, 'protocol' | 'substitute'> {
  /** The VLANs of ports that are in all VLANs. */
  readonly all: VlanSet;
}

const plans = new WeakMap<DesiredBridge, VlanPlan | null>();

/** undefined while no port has any VLAN configuration, and on a kernel whose bridges know no VLANs. */
export function vlanPlan(bridge: DesiredBridge, kernel: KernelState): VlanPlan | undefined {
  const known = plans.get(bridge);
  if (known !== undefined) return known ?? undefined;
  const plan = makePlan(bridge, kernel);
  plans.set(bridge, plan ?? null);
  return plan;
}

const modesOf = (ports: readonly Port[]) => ports.map((port) => ({ port, mode: vlanMode(port.row?.view) }));

function makePlan(bridge: DesiredBridge, kernel: KernelState): VlanPlan | undefined {
  const isUnneeded = modesOf(demandingPorts(bridge)).every(({ mode }) => isTransparent(mode));
  if (isUnneeded || !kernel.capabilities.has('bridge-vlan')) return undefined;
  const modes = modesOf(bridge.ports);
  const isService = modes.some(({ mode }) => mode.kind === 'tunnel' && mode.type === tagTypes.service);
  const protocol = isService ? tagTypes.service : tagTypes.customer;
  const mentioned = new Set(modes.flatMap(({ mode }) => [...mentionedVlans(mode)]));
  const isLimited = modes.filter(({ mode }) => 'trunks' in mode && mode.trunks === undefined).length > portsInAllVlans;
  const circumstances = {
    protocol,
    substitute: substituteFor0(mentioned),
    all: isLimited ? new Set([0, ...mentioned]) : undefined,
  };
  const plans = new Map(modes.map(({ port, mode }) => [port, portPlan(mode, circumstances)]));
  return { protocol, substitute: circumstances.substitute, ports: plans, isLimited };
}

function* mentionedVlans(mode: VlanMode): Generator<number> {
  if (mode.kind !== 'trunk') yield mode.vlan;
  if (mode.kind === 'trunk' || mode.kind === 'native') yield* mode.trunks ?? [];
}

function substituteFor0(mentioned: ReadonlySet<number>): number | undefined {
  for (let vlan = highest; vlan >= lowest; vlan--) if (!mentioned.has(vlan)) return vlan;
  return undefined;
}

const nothing = (problem: string): PortPlan => ({ ranges: [], admission: undefined, problem });

const hasVlan = (vlan: number): boolean => vlan >= lowest && vlan <= highest;
const reserved = (vlan: number): string => `VLAN ${vlan} is reserved, and the kernel has none of that number`;
const noSubstitute = 'the ports of its bridge use all VLANs, and leave none for frames without a tag';

function portPlan(mode: VlanMode, circumstances: Circumstances): PortPlan {
  switch (mode.kind) {
    case 'access':
      return accessPlan(mode.vlan, circumstances);
    case 'trunk':
      return trunkPlan(mode.trunks ?? circumstances.all, circumstances);
    case 'native':
      return nativePlan(mode, circumstances);
    case 'tunnel':
      return tunnelPlan(mode, circumstances);
    default:
      return mode satisfies never;
  }
}

const untaggedRange = (vlan: number): VlanRange => ({ first: vlan, last: vlan, pvid: true, untagged: true });

function accessPlan(vlan: number, { protocol, substitute }: Circumstances): PortPlan {
  const inKernel = vlan === 0 ? substitute : vlan;
  if (inKernel === undefined) return nothing(noSubstitute);
  if (!hasVlan(inKernel)) return nothing(reserved(vlan));
  return { ranges: [untaggedRange(inKernel)], admission: { kind: 'untagged', protocol }, problem: undefined };
}

/** Tagged members of `trunks` beside the VLANs in `others`. */
function taggedRanges(trunks: VlanSet, others: readonly VlanRange[]): VlanRange[] {
  const taken = new Set(others.map(({ first }) => first));
  const ranges: VlanRange[] = [...others];
  for (let vlan = lowest; vlan <= highest; vlan++) {
    if (taken.has(vlan) || (trunks && !trunks.has(vlan))) continue;
    ranges.push({ first: vlan, last: vlan, pvid: false, untagged: false });
  }
  return canonical(ranges);
}

/** All VLANs but one, which most ports of most bridges have: made once. */
const allTagged = new Map<number, readonly VlanRange[]>();

function trunkPlan(trunks: VlanSet, { protocol, substitute }: Circumstances): PortPlan {
  const hasUntagged = trunks === undefined || trunks.has(0);
  // Without a VLAN of its own for them, the kernel bridge drops what has no tag that it knows.
  if (!hasUntagged) return { ranges: taggedRanges(trunks, []), admission: undefined, problem: undefined };
  if (substitute === undefined) return { ...nothing(noSubstitute), ranges: taggedRanges(trunks, []) };
  const known = trunks === undefined ? allTagged.get(substitute) : undefined;
  const ranges = known ?? taggedRanges(trunks, [untaggedRange(substitute)]);
  if (trunks === undefined) allTagged.set(substitute, ranges);
  return { ranges, admission: { kind: 'tagged', protocol, except: substitute }, problem: undefined };
}

function nativePlan(
  { vlan, tagged, trunks }: Extract<VlanMode, { kind: 'native' }>,
  { protocol, substitute, all }: Circumstances,
): PortPlan {
  if (!hasVlan(vlan)) return nothing(reserved(vlan));
  const own: VlanRange = { first: vlan, last: vlan, pvid: true, untagged: !tagged };
  // Frames of VLAN 0 have no way out here: they would count as the native VLAN's.
  const ranges = taggedRanges(trunks ?? all, [own]).flatMap((range) => without(range, substitute));
  return { ranges, admission: { kind: 'tagged', protocol, except: undefined }, problem: undefined };
}

function without(range: VlanRange, vlan: number | undefined): VlanRange[] {
  if (vlan === undefined || vlan < range.first || vlan > range.last) return [range];
  const parts = [
    { ...range, last: vlan - 1 },
    { ...range, first: vlan + 1 },
  ];
  return parts.filter(({ first, last }) => first <= last);
}

function tunnelPlan(
  { vlan, customers, type }: Extract<VlanMode, { kind: 'tunnel' }>,
  { substitute }: Circumstances,
): PortPlan {
  const inKernel = vlan === 0 ? substitute : vlan;
  if (inKernel === undefined) return nothing(noSubstitute);
  if (!hasVlan(inKernel)) return nothing(reserved(vlan));
  // The tags of customers would be the bridge's own. Traffic control can put another one around them, but some kernels
  // then lose the inner one of a frame that was tagged.
  if (type !== tagTypes.service) {
    return nothing('a kernel bridge cannot put 802.1Q tags around tagged frames; clear other_config:qinq-ethtype');
  }
  const admission = { kind: 'customers', vlans: customers } as const;
  const count = customers?.size ?? 0;
  const problem =
    count > customersMax
      ? `it has ${count} cvlans, more than the ${customersMax} that a filter can tell apart: all pass`
      : undefined;
  return { ranges: [untaggedRange(inKernel)], admission, problem };
}

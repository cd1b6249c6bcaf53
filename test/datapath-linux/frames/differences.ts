/**
 * Where our switch knowingly does something else with a frame than Open vSwitch, because the kernel leaves no choice.
 * To whom it may concern: ovs-vswitchd(8) lists the reasons, once each, under DIFFERENCES.
 */
import type { Subject } from './frame-lab.ts';

export interface Difference {
  /** A sentence for the manual page. */
  readonly why: string;
  /** By case file and frame: where it arrives. */
  readonly cases: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Of our switch. */
const ours: readonly Difference[] = [
  {
    why: 'A bridge none of whose ports has VLAN configuration passes frames as they are: a tag of VLAN 0 and priority 0 stays, where Open vSwitch takes it away.',
    cases: { transparent: { 'a 0': 'b:0 br0:0 i0:0' } },
  },
  {
    file: 'mirror-to-vlan',
    frame: 'a s10+20',
    arrives: 'b:s10+20 c:s10+20',
    why: 'Frames with two tags are not mirrored to a VLAN from the port where they come in, because some kernels spoil such a frame when its outer tag changes.',
  },
];

/** Of the C daemon's kernel datapath. The case files say what its userspace datapath does. */
const cSystem: readonly Difference[] = [
  {
    why: 'Of three tags the kernel datapath takes two away.',
    cases: { 'vlan-tunnel-8021q': { 'q 100+10': 'r:100 t:100+100' } },
  },
];

export const differences: Readonly<Record<Subject, readonly Difference[]>> = {
  ours,
  'c-netdev': [],
  'c-system': cSystem,
};

/**
 * Where our switch knowingly does something else with a frame than Open vSwitch, because the kernel leaves no choice.
 * To whom it may concern: ovs-vswitchd(8) lists the reasons, once each, under DIFFERENCES.
 */
import type { Subject } from './frame-lab.ts';

export interface Difference {
  /** The name of the case file. */
  readonly file: string;
  /** The frame, as the case has it. */
  readonly frame: string;
  /** Where it arrives. */
  readonly arrives: string;
  /** A sentence for the manual page. */
  readonly why: string;
}

/** Of our switch. */
const ours: readonly Difference[] = [
  {
    file: 'transparent',
    frame: 'a 0',
    arrives: 'b:0 br0:0 i0:0',
    why: 'A bridge none of whose ports has VLAN configuration passes frames as they are: a tag of VLAN 0 and priority 0 stays, where Open vSwitch takes it away.',
  },
  {
    file: 'mirror-to-vlan',
    frame: 'a s10+20',
    arrives: 'b:s10+20 c:s10+20',
    why: 'Frames with two tags are not mirrored to a VLAN from the port where they come in, because some kernels spoil such a frame when its outer tag changes.',
  },
];

/** Of the C daemon's datapaths among each other: what the case files say is what its userspace datapath does. */
const cSystem: readonly Difference[] = [];

export const differences: Readonly<Record<Subject, readonly Difference[]>> = {
  ours,
  'c-netdev': [],
  'c-system': cSystem,
};

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
    cases: {
      transparent: {
        'a 0': 'b:0 br0:0 i0:0',
      },
    },
  },
  {
    why: 'Frames leave a kernel bridge that tells VLANs with the tag of their VLAN or with none: a priority is not kept without a VLAN, and other_config:priority-tags is not provided.',
    cases: {
      'vlan-access-and-trunk': {
        't 0p5': 'v:untagged',
        'v 0p5': 't:untagged',
      },
      'vlan-priority-tags': {
        'a 0p5': 'b:untagged c:untagged n:untagged t:10p5 u:10p5',
        't 0': 'u:untagged',
        't 0p5': 'u:untagged',
        't 10p3': 'a:untagged b:untagged c:untagged n:untagged u:10p3',
      },
    },
  },
  {
    why: 'Tags of 802.1ad (EtherType 0x88a8) do not name VLANs where those of 802.1Q do, and the other way round: frames with the other kind of tag are dropped by ports with VLANs.',
    cases: {
      'vlan-access-and-trunk': {
        't s10': '-',
        't s20': '-',
        'u s10': '-',
        'u s20': '-',
        'v s10': '-',
      },
      'vlan-native': {
        't s10': '-',
        't s20': '-',
        'm s10': '-',
        'm s20': '-',
        'n s10': '-',
        'n s20': '-',
        'o s10': '-',
        'o s20': '-',
      },
      'vlan-tunnel': {
        'a untagged': 'q:untagged t:s100',
        'a 0': '-',
        't 100': '-',
        't 100+10': '-',
      },
    },
  },
  {
    why: 'VLAN 4095 is reserved, and the kernel has none of that number.',
    cases: {
      'vlan-odd': {
        'c 4095': '-',
        'e 4095': '-',
        'f untagged': '-',
        'g 4095': '-',
        't 4095': '-',
      },
    },
  },
  {
    why: "In a bridge with ports in mode dot1q-tunnel, an access port of their VLAN gets the frames that bear a customer's tag too.",
    cases: {
      'vlan-tunnel': {
        'q 10': 'a:10 r:10 t:s100+10',
        'q 30': 'a:30 t:s100+30',
        'q 100': 'a:100 t:s100+100',
        'q 100+10': 'a:100+10 t:s100+100+10',
        'q 10+20': 'a:10+20 r:10+20 t:s100+10+20',
        'r 10': 'a:10 q:10 t:s100+10',
        'r 10+20': 'a:10+20 q:10+20 t:s100+10+20',
      },
    },
  },
  {
    why: 'Ports in mode dot1q-tunnel take frames without a tag and with tags of 802.1Q, not with those of 802.1ad.',
    cases: {
      'vlan-tunnel': {
        'q s10': '-',
        'q s100': '-',
        'q s100+10': '-',
        'q s100+30': '-',
        'r s10': '-',
      },
    },
  },
  {
    why: "A tag that has only a priority is a customer's tag to a port in mode dot1q-tunnel.",
    cases: {
      'vlan-tunnel': {
        'q 0': 'a:0 t:s100+0',
      },
    },
  },
  {
    why: "Frames that come from a trunk reach the ports in mode dot1q-tunnel whose cvlans name the customer's VLAN; in the userspace datapath of Open vSwitch 3.1 they do not.",
    cases: {
      'vlan-tunnel': {
        't s100+10': 'a:10 q:10 r:10',
      },
    },
  },
  {
    why: 'Ports in mode dot1q-tunnel with other_config:qinq-ethtype=802.1q pass nothing: a kernel bridge cannot put 802.1Q tags around tagged frames.',
    cases: {
      'vlan-tunnel-8021q': {
        'q untagged': '-',
        'q 10': '-',
        'q 100': '-',
        'q 100+10': '-',
        't 100': '-',
        't 100+10': '-',
      },
    },
  },
  {
    cases: { 'mirror-to-vlan': { 'a s10+20': 'b:s10+20 c:s10+20' } },
    why: 'Frames with two tags are not mirrored to a VLAN from the port where they come in, because some kernels spoil such a frame when its outer tag changes.',
  },
  {
    cases: { 'forward-bpdu': { 'a untagged to 01:80:c2:00:00:01': '-' } },
    why: 'With other_config:forward-bpdu pause frames (01:80:c2:00:00:01) are still dropped: the kernel passes them on under no circumstances.',
  },
];

/** Of the C daemon's kernel datapath. The case files say what its userspace datapath does. */
const cSystem: readonly Difference[] = [
  {
    why: 'The kernel datapath knows two tags, and loses what is behind them when it puts one around them.',
    cases: {
      'vlan-tunnel-8021q': { 'q 100+10': 'r:100 t:100+100' },
      'vlan-tunnel': {
        'q s100+10': 't:s100+s100',
        'q s100+30': 't:s100+s100',
        'q 100+10': 't:s100+100',
        'q 10+20': 'r:10 t:s100+10',
        'r 10+20': 'q:10 t:s100+10',
      },
    },
  },
  {
    why: "In the kernel datapath frames with a customer's tag go to the ports in mode dot1q-tunnel, and not to access ports.",
    cases: {
      'vlan-tunnel': { 't s100+10': 'q:10 r:10', 't s100+30': 'q:30', 't 100+10': 'q:10 r:10' },
    },
  },
];

export const differences: Readonly<Record<Subject, readonly Difference[]>> = {
  ours,
  'c-netdev': [],
  'c-system': cSystem,
};

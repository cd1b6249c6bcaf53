/** Random edits of a configuration: bridges, ports of every kind, and what can be set of them. */
import type { Random } from '../../helpers/random.ts';

/** One ovs-vsctl command line, split into words. */
export type Edit = readonly string[];

const words = (line: string): string[] => line.split(' ').filter((word) => word !== '');

export const bridges = ['br0', 'br1'] as const;
/** The neighbours' cables, which others made; four become ports of their own, four members of bonds. */
export const cables = Array.from({ length: 8 }, (_, i) => `veth${i}`);

const kinds: Readonly<Record<string, (random: Random, index: number) => string>> = {
  int: () => 'type=internal',
  tap: (random) => `type=tap ${random.chance(0.3) ? 'options:owner=nobody' : ''}`,
  veth: () => 'type=system',
  vx: (random, index) =>
    `type=vxlan options:remote_ip=192.0.2.${1 + random.below(3)} options:key=${random.pick(['1', '2', `${10 + index}`])}`,
  gnv: (random, index) => `type=geneve options:remote_ip=192.0.2.${1 + random.below(3)} options:key=${20 + index}`,
  gre: (random, index) =>
    `type=gre options:remote_ip=192.0.2.${10 + index} ${random.chance(0.5) ? 'options:key=5' : ''}`,
};

/** A port anew, of the kind that its name says, in some bridge. */
function addPort(random: Random): string {
  const kind = random.pick(Object.keys(kinds));
  const index = random.below(4);
  const name = `${kind}${index}`;
  const settings = kinds[kind]?.(random, index) ?? '';
  return `--if-exists del-port ${name} -- add-port ${random.pick(bridges)} ${name} -- set Interface ${name} ${settings}`;
}

/** Two ports that face each other, in the same bridge or in both; sometimes one alone. */
function addPatch(random: Random): string {
  const end = (name: string, peer: string): string =>
    `--if-exists del-port ${name} -- add-port ${random.pick(bridges)} ${name} -- set Interface ${name} type=patch options:peer=${peer}`;
  return random.chance(0.2) ? end('pa', 'pb') : `${end('pa', 'pb')} -- ${end('pb', 'pa')}`;
}

/** By name of a bond: the interfaces that it is always made of. */
export const bondMembers: Readonly<Record<string, readonly string[]>> = {
  bond4: ['veth4', 'veth5'],
  bond6: ['veth6', 'veth7'],
};

function addBond(random: Random): string {
  const name = random.pick(Object.keys(bondMembers));
  const mode = random.pick(['active-backup', 'balance-tcp lacp=active', 'balance-slb']);
  return `--if-exists del-port ${name} -- add-bond ${random.pick(bridges)} ${name} ${bondMembers[name]?.join(' ')} bond_mode=${mode}`;
}

const portNames = [
  ...Object.keys(kinds).flatMap((kind) => [0, 1, 2, 3].map((i) => `${kind}${i}`)),
  'pa',
  'pb',
  ...Object.keys(bondMembers),
];

const portSettings = [
  'tag=10',
  'tag=20 vlan_mode=access',
  'trunks=10,20',
  'tag=10 trunks=20 vlan_mode=native-tagged',
  'tag=10 trunks=20 vlan_mode=native-untagged',
  'protected=true',
  'protected=false',
  'other_config:priority-tags=always',
] as const;

const bridgeSettings = [
  'stp_enable=true',
  'stp_enable=false',
  'mcast_snooping_enable=true',
  'mcast_snooping_enable=false',
  'other_config:mac-aging-time=60',
  'flood_vlans=10',
  'other_config:hwaddr=02:00:00:00:00:77',
] as const;

const qosTypes = [
  'linux-htb other_config:max-rate=10000000 queues:0=@a queues:3=@b',
  'linux-hfsc other_config:max-rate=10000000 queues:1=@a',
  'linux-sfq',
  'linux-fq_codel',
  'linux-netem other_config:latency=1000',
] as const;

const setPort = (random: Random): string =>
  `--if-exists set Port ${random.pick(portNames)} ${random.pick(portSettings)}`;
const clearPort = (random: Random): string =>
  `--if-exists clear Port ${random.pick(portNames)} tag trunks vlan_mode other_config`;

/** `@a` and `@b` are queues that not every type uses; what nothing refers to is not kept. */
const setQos = (random: Random): string =>
  [
    `--if-exists set Port ${random.pick(portNames)} qos=@q`,
    `--id=@q create QoS type=${random.pick(qosTypes)}`,
    '--id=@a create Queue other_config:min-rate=1000000',
    '--id=@b create Queue other_config:max-rate=5000000',
  ].join(' -- ');

const policing = (random: Random): string =>
  `--if-exists set Interface ${random.pick(portNames)} ingress_policing_rate=${random.pick(['0', '1000', '20000'])}`;

const mtu = (random: Random): string =>
  `--if-exists set Interface ${random.pick(portNames)} mtu_request=${random.pick(['1400', '1500', '2000'])}`;

function mirror(random: Random): string {
  const bridge = random.pick(bridges);
  const from = `--id=@m create Mirror name=m ${random.pick(['select_all=true', 'select_vlan=10 select_all=true'])} output_vlan=99`;
  return random.chance(0.5) ? `set Bridge ${bridge} mirrors=@m -- ${from}` : `clear Bridge ${bridge} mirrors`;
}

/** How often each comes, by how often it is named. */
const edits: readonly ((random: Random) => string)[] = [
  ...[
    addPort,
    addPort,
    addPort,
    addPort,
    addPatch,
    addBond,
    setPort,
    setPort,
    clearPort,
    setQos,
    policing,
    mtu,
    mirror,
  ],
  (random) => `--if-exists del-port ${random.pick(portNames)}`,
  (random) => `--if-exists del-port ${random.pick(portNames)}`,
  (random) => `--if-exists clear Port ${random.pick(portNames)} qos`,
  (random) => `set Bridge ${random.pick(bridges)} ${random.pick(bridgeSettings)}`,
];

/** Bridges go and come back now and then; they are there after every edit. */
export function randomEdit(random: Random): Edit {
  if (!random.chance(0.05)) return words(random.pick(edits)(random));
  const bridge = random.pick(bridges);
  return words(`del-br ${bridge} -- add-br ${bridge}`);
}

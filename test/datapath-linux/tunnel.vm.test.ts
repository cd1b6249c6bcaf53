/** Tunnels, against the C daemon at the other end and against ourselves. */
import type { ExecutionContext } from 'ava';
import { hostHas } from '../helpers/kernel.ts';
import { Lab } from '../helpers/lab.ts';
import { connect, type Namespace } from '../helpers/netns.ts';
import { cPrograms, kernel, program, root, testRequiring } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';

const test = (...features: readonly ReturnType<typeof kernel>[]) =>
  testRequiring(root(), cPrograms(), program('python3', 'python3'), ...features);

const addresses = {
  4: { ours: '10.0.0.1', theirs: '10.0.0.2', bits: 24 },
  6: { ours: 'fd00::1', theirs: 'fd00::2', bits: 64 },
} as const;
type Version = keyof typeof addresses;

/** ETHTOOL_STXCSUM: transmit checksums are computed at once. A userspace switch at the other end would find none. */
const offloadProgram = `
import array, fcntl, socket, struct, sys
value = array.array("B", struct.pack("II", 0x17, 0))
fcntl.ioctl(socket.socket(), 0x8946, struct.pack("16sP", sys.argv[1].encode(), value.buffer_info()[0]))
`;
const withoutOffloads = (namespace: Namespace, device: string): Promise<string> =>
  namespace.run('python3', '-c', offloadProgram, device);

/** Our host, and one with the C daemon's userspace datapath, whose tunnels need the underlay in a bridge of its own. */
async function twoHosts(t: ExecutionContext, version: Version) {
  const ours = await Lab.start(t);
  const theirs = await Lab.start(t, { daemon: 'c' });
  await connect(ours.host, 'u0', theirs.host, 'u0');
  for (const lab of [ours, theirs]) await withoutOffloads(lab.host, 'u0');
  const { ours: near, theirs: far, bits } = addresses[version];
  await ours.host.ip(`addr add ${near}/${bits} dev u0${version === 6 ? ' nodad' : ''}`);
  await theirs.vsctlAll(['add-br under -- set Bridge under datapath_type=netdev', 'add-port under u0']);
  await theirs.host.ip(`addr add ${far}/${bits} dev under${version === 6 ? ' nodad' : ''}`);
  await theirs.host.ip('link set under up');
  await theirs.vsctlAll(['add-br br0 -- set Bridge br0 datapath_type=netdev']);
  await ours.vsctl('add-br', 'br0');
  for (const [lab, address] of [
    [ours, '192.168.0.1'],
    [theirs, '192.168.0.2'],
  ] as const) {
    await lab.host.ip(`addr add ${address}/24 dev br0`);
    await lab.host.ip('link set br0 up');
  }
  return { ours, theirs };
}

const addTunnel = (lab: Lab, name: string, type: string, ...options: readonly string[]): Promise<string> =>
  lab.vsctl('add-port', 'br0', name, '--', 'set', 'Interface', name, `type=${type}`, ...options);

const features = {
  vxlan: { 4: 'vxlan', 6: 'vxlan' },
  geneve: { 4: 'geneve', 6: 'geneve' },
  gre: { 4: 'gretap', 6: 'ip6gretap' },
} as const;

for (const type of ['vxlan', 'geneve', 'gre'] as const) {
  for (const version of [4, 6] as const) {
    test(kernel(features[type][version]))(
      `a ${type} tunnel over IPv${version} reaches the C daemon, both ways`,
      async (t) => {
        const { ours, theirs } = await twoHosts(t, version);
        const { ours: near, theirs: far } = addresses[version];
        await addTunnel(ours, 't0', type, `options:remote_ip="${far}"`, 'options:key=42');
        await addTunnel(theirs, 't0', type, `options:remote_ip="${near}"`, 'options:key=42');
        t.is(await ours.get('Interface', 't0', 'error'), '[]');
        await until('the tunnel carries frames', () => ours.host.ping('192.168.0.2', 1, 2));
        t.true(await theirs.host.ping('192.168.0.1'));
        t.is(await ours.get('Interface', 't0', 'status'), '{tunnel_egress_iface=u0, tunnel_egress_iface_carrier=up}');
        await ours.assertSettled();
      },
    );
  }
}

test(kernel('ip6gretap'))(
  'a gre tunnel over IPv6 follows the address that the kernel chooses for its peer',
  async (t) => {
    const { ours, theirs } = await twoHosts(t, 6);
    const { ours: near, theirs: far } = addresses[6];
    await addTunnel(ours, 't0', 'gre', `options:remote_ip="${far}"`);
    await addTunnel(theirs, 't0', 'gre', 'options:remote_ip="fd00::9"');
    t.false(await ours.host.ping('192.168.0.2', 1, 2), 'the peer knows another address');
    await ours.host.ip('addr add fd00::9/64 dev u0 nodad');
    await ours.host.ip(`addr del ${near}/64 dev u0`);
    await until('frames come from the address that is left', () => ours.host.ping('192.168.0.2', 1, 2));
    await ours.vsctl('set', 'Interface', 't0', 'options:ttl=9');
    t.true(await theirs.host.ping('192.168.0.1'), 'and still do when another option changes');
    await ours.assertSettled();
  },
);

/** What both daemons make of options: the error, and whether the interface is a port. */
const options: readonly (readonly [type: string, options: string, expected: string])[] = [
  ['vxlan', '', `none "NAME: vxlan type requires valid 'remote_ip' argument"`],
  [
    'vxlan',
    'remote_ip=nonsense',
    String.raw`none "NAME: bad vxlan 'remote_ip'\nNAME: vxlan type requires valid 'remote_ip' argument"`,
  ],
  ['vxlan', 'remote_ip=224.0.0.1', 'none "NAME: multicast remote_ip=224.0.0.1 not allowed"'],
  [
    'vxlan',
    'remote_ip=10.0.0.2 local_ip=fe80::1',
    `none "NAME: 'remote_ip' and 'local_ip' has to be of the same address family"`,
  ],
  ['vxlan', 'remote_ip=10.0.0.9 key=0x10 tos=inherit ttl=inherit df_default=false csum=true', 'port []'],
  ['vxlan', 'remote_ip=10.0.0.9 in_key=1 out_key=2 dst_port=4790 egress_pkt_mark=7 exts=gbp', 'port []'],
  ['vxlan', 'remote_ip=fd00::9 local_ip=fd00::1', 'port []'],
  [
    'erspan2',
    'remote_ip=10.0.0.2',
    'none "could not open network device NAME (Address family not supported by protocol)"',
  ],
];

/** Words do not depend on the kernel: the virtual machine has no need to hear them again. */
const testOfWords = hostHas('vxlan') ? (): void => undefined : test(kernel('vxlan'));

for (const daemon of ['ours', 'c'] as const) {
  testOfWords(`options of tunnels are told in these words (${daemon})`, async (t) => {
    const lab = await Lab.start(t, { daemon });
    await lab.vsctlAll([`add-br br0${daemon === 'c' ? ' -- set Bridge br0 datapath_type=netdev' : ''}`]);
    for (const [index, [type, text, expected]] of options.entries()) {
      const name = `tunnel-with-a-long-name/${index}`;
      const set = text === '' ? [] : text.split(' ').map((each) => `options:${each.replace(/=(.*)/, '="$1"')}`);
      await addTunnel(lab, name, type, ...set);
      const told = await lab.get('Interface', name, 'error');
      const isPort = Number(await lab.get('Interface', name, 'ofport')) > 0;
      t.is(`${isPort ? 'port' : 'none'} ${told.replaceAll(name, 'NAME')}`, expected, `${type} ${text}`);
      await lab.vsctl('del-port', name);
    }
  });
}

testOfWords('the same tunnel twice is refused, and what is not understood is told of one that works', async (t) => {
  const lab = await Lab.start(t);
  await lab.vsctl('add-br', 'br0');
  await addTunnel(lab, 'z', 'vxlan', 'options:remote_ip=10.0.0.2', 'options:key=5');
  await addTunnel(lab, 'a', 'vxlan', 'options:remote_ip=10.0.0.2', 'options:key=5', 'options:tos=7', 'options:x=y');
  t.regex(await lab.get('Interface', 'a', 'error'), /^"could not add network device a to ofproto \(File exists\)/);
  t.is(await lab.get('Interface', 'z', 'error'), '[]');
  await lab.vsctl('set', 'Interface', 'a', 'options:key=6');
  t.is(await lab.get('Interface', 'a', 'error'), String.raw`"a: unknown vxlan argument 'x'\na: invalid TOS 7"`);
  t.not(await lab.get('Interface', 'a', 'ofport'), '-1');
  await addTunnel(lab, 'b', 'vxlan', 'options:remote_ip=flow');
  t.regex(await lab.get('Interface', 'b', 'error'), /OpenFlow, which is not provided/);
  await addTunnel(lab, 'c', 'erspan', 'options:remote_ip=10.0.0.2');
  t.regex(await lab.get('Interface', 'c', 'error'), /erspan tunnels are not provided/);
});

/** Hosts on one network, the first of them ours; each has a bridge `br0` with an address in 192.168.0.0/24. */
async function ourHosts(t: ExecutionContext, count: number): Promise<Lab[]> {
  const labs: Lab[] = [];
  for (let i = 0; i < count; i++) labs.push(await Lab.start(t));
  const [hub] = labs;
  if (!hub) throw new Error('no host');
  await hub.host.ip('link add net0 type bridge');
  await hub.host.ip('link set net0 up');
  await hub.host.ip('addr add 10.0.0.1/24 dev net0');
  for (const [index, lab] of labs.entries()) {
    if (lab !== hub) {
      await connect(hub.host, `n${index}`, lab.host, 'u0');
      await hub.host.ip(`link set n${index} master net0`);
      await lab.host.ip(`addr add 10.0.0.${index + 1}/24 dev u0`);
    }
    await lab.vsctl('add-br', 'br0');
    await lab.host.ip(`addr add 192.168.0.${index + 1}/24 dev br0`);
    await lab.host.ip('link set br0 up');
  }
  return labs;
}

test(kernel('vxlan'))(
  'several peers have the same key, frames pass between them, and strangers get no answer',
  async (t) => {
    const labs = await ourHosts(t, 4);
    const [hub, one, two, stranger] = labs;
    if (!hub || !one || !two || !stranger) throw new Error('too few hosts');
    await addTunnel(hub, 't1', 'vxlan', 'options:remote_ip=10.0.0.2', 'options:key=7');
    await addTunnel(hub, 't2', 'vxlan', 'options:remote_ip=10.0.0.3', 'options:key=7');
    for (const spoke of [one, two, stranger]) {
      await addTunnel(spoke, 't0', 'vxlan', 'options:remote_ip=10.0.0.1', 'options:key=7');
    }
    await until('frames pass', () => one.host.ping('192.168.0.1', 1, 2));
    t.true(await two.host.ping('192.168.0.1'));
    t.true(await one.host.ping('192.168.0.3'), 'from one peer to another');
    t.false(await stranger.host.ping('192.168.0.1', 1, 2), 'nobody has named the stranger');
    await hub.assertSettled();
    await hub.vsctl('set', 'Interface', 't2', 'options:remote_ip=10.0.0.4');
    await until('the stranger is known', () => stranger.host.ping('192.168.0.1', 1, 2));
    t.false(await two.host.ping('192.168.0.1', 1, 2));
    await hub.vsctl('set', 'Interface', 't1', 'options:key=8');
    t.false(await one.host.ping('192.168.0.1', 1, 2), 'another key is another network');
    await hub.vsctl('set', 'Interface', 't1', 'options:in_key=7', 'options:out_key=7');
    await until('the keys of the directions win', () => one.host.ping('192.168.0.1', 1, 2));
  },
);

test(kernel('vxlan'))('a killed switch leaves its tunnels working, and del-br leaves nothing', async (t) => {
  const [hub, one] = await ourHosts(t, 2);
  if (!hub || !one) throw new Error('too few hosts');
  const before = await hub.host.links();
  await addTunnel(hub, 't1', 'vxlan', 'options:remote_ip=10.0.0.2');
  await addTunnel(one, 't1', 'vxlan', 'options:remote_ip=10.0.0.1');
  await until('frames pass', () => hub.host.ping('192.168.0.2', 1, 2));
  const during = await hub.host.links();
  t.true(during.some(({ ifname }) => ifname === 'vxlan_sys_4789'));
  await hub.stopSwitch('SIGKILL');
  t.true(await hub.host.ping('192.168.0.2'));
  hub.startSwitch();
  await hub.assertSettled();
  t.deepEqual(await hub.host.links(), during);
  await hub.host.ip('link del vxlan_sys_4789');
  await until('it is there again', () => hub.host.has('vxlan_sys_4789'));
  await until('frames pass again', () => hub.host.ping('192.168.0.2', 1, 2));
  await hub.vsctl('del-port', 't1');
  t.deepEqual(await hub.host.links(), before);
});

/** To the loopback device, which has no use for it: not every kernel can drop. */
const away = ['action', 'mirred', 'egress', 'redirect', 'dev', 'lo'];
/** Classic BPF: every packet with the firewall mark 7. */
const marked = '4,32 0 0 4294963220,21 0 1 7,6 0 0 4294967295,6 0 0 0';

for (const type of ['vxlan', 'gre'] as const) {
  test(kernel(features[type][4]))(`the packets of a ${type} tunnel bear its firewall mark`, async (t) => {
    const [near, far] = await ourHosts(t, 2);
    if (!near || !far) throw new Error('too few hosts');
    await addTunnel(near, 't0', type, 'options:remote_ip=10.0.0.2', 'options:egress_pkt_mark=6');
    await addTunnel(far, 't0', type, 'options:remote_ip=10.0.0.1');
    await near.host.run('tc', 'qdisc', 'add', 'dev', 'n1', 'clsact');
    await near.host.run('tc', ...['filter', 'add', 'dev', 'n1', 'egress', 'bpf', 'bytecode', marked, ...away]);
    await until('frames pass', () => near.host.ping('192.168.0.2', 1, 2));
    await near.vsctl('set', 'Interface', 't0', 'options:egress_pkt_mark=7');
    t.false(await near.host.ping('192.168.0.2', 1, 2));
    await near.vsctl('remove', 'Interface', 't0', 'options', 'egress_pkt_mark');
    await until('frames pass again', () => near.host.ping('192.168.0.2', 1, 2));
    await near.assertSettled();
  });
}

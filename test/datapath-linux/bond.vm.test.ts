/** Bonds, with frames on real links: what passes, what must not, and what the database learns. */
import type { ExecutionContext } from 'ava';
import { ask } from '../helpers/ask.ts';
import { Lab } from '../helpers/lab.ts';
import { connect, type Namespace } from '../helpers/netns.ts';
import { cPrograms, kernel, program, root, testRequiring } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';

const test = testRequiring(root(), cPrograms(), kernel('bonding'));

/** A switch that knows nothing of bonds, with links m0 and m1 to the host, and an address of its own. */
async function simpleSwitch(lab: Lab): Promise<Namespace> {
  const neighbour = await lab.neighbour();
  await neighbour.ip('link add br9 type bridge');
  for (const i of [0, 1]) {
    await connect(lab.host, `m${i}`, neighbour, `p${i}`);
    await neighbour.ip(`link set p${i} master br9`);
  }
  await neighbour.ip('addr add 10.0.0.2/24 dev br9');
  await neighbour.ip('link set br9 up');
  return neighbour;
}

/** A host with bond0 of m0 and m1 on br0, which has an address. */
async function bondedHost(t: ExecutionContext, ...columns: readonly string[]) {
  const lab = await Lab.start(t);
  const neighbour = await simpleSwitch(lab);
  await lab.vsctl('add-br', 'br0', '--', 'add-bond', 'br0', 'bond0', 'm0', 'm1', ...columns);
  await lab.host.ip('addr add 10.0.0.1/24 dev br0');
  await lab.host.ip('link set br0 up');
  return { lab, neighbour };
}

const memberInUse = async (lab: Lab): Promise<string | undefined> =>
  (await lab.host.run('cat', '/sys/class/net/bo-bond0/bonding/active_slave')).trim();

test('an active-backup bond fails over, prefers its primary, and tells which member it uses', async (t) => {
  const { lab, neighbour } = await bondedHost(
    t,
    'bond_mode=active-backup',
    'bond_updelay=200',
    'other_config:bond-primary=m0',
  );
  await lab.host.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore');
  t.true(await neighbour.ping('10.0.0.1'));
  t.is(await memberInUse(lab), 'm0');
  const addresses = async (): Promise<string> => lab.host.run('cat', '/proc/net/bonding/bo-bond0');
  const own = new Map(
    [...(await addresses()).matchAll(/Slave Interface: (\w+)[\s\S]*?Permanent HW addr: (\S+)/g)].map(
      ([, name, address]) => [name, address],
    ),
  );
  await lab.await('Port', 'bond0', 'bond_active_slave', `"${own.get('m0')}"`);
  for (const member of ['m0', 'm1']) t.regex(await lab.get('Interface', member, 'ofport'), /^[1-9]/);
  await neighbour.ip('link set p0 down');
  await lab.await('Port', 'bond0', 'bond_active_slave', `"${own.get('m1')}"`);
  await lab.await('Interface', 'm0', 'link_state', 'down');
  t.true(await neighbour.ping('10.0.0.1'), 'through the other member');
  await neighbour.ip('link set p0 up');
  await lab.await('Port', 'bond0', 'bond_active_slave', `"${own.get('m0')}"`);
  t.true(await lab.host.ping('10.0.0.2'), 'through the primary again');
  await lab.assertSettled();
});

/** Prints the frames of RARP that arrive at a device, one a line, until it is ended. */
const rarpListener = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind((sys.argv[1], 3))
print("ready", flush=True)
while True:
    frame = s.recv(2048)
    if frame[12:14] == b"\\x80\\x35": print(frame.hex(), flush=True)
`;

test('at a failover the other end is told at once where the addresses are now', async (t) => {
  const { lab, neighbour } = await bondedHost(t, 'bond_mode=active-backup', 'other_config:bond-primary=m0');
  t.true(await neighbour.ping('10.0.0.1'));
  const { address } = await lab.host.link('br0');
  const listener = neighbour.spawn('/usr/bin/python3', '-c', rarpListener, 'p1');
  let heard = '';
  listener.stdout?.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
  });
  await until('it listens', async () => heard.includes('ready\n'));
  await neighbour.ip('link set p0 down');
  const told = `ffffffffffff${address.replaceAll(':', '')}8035`;
  await until('the address is told', async () => heard.includes(told));
  t.regex(await neighbour.run('bridge', 'fdb', 'show', 'br', 'br9'), new RegExp(`${address} dev p1`));
});

test('members come and go while the bond works, and leave it as they came', async (t) => {
  const lab = await Lab.start(t);
  const neighbour = await simpleSwitch(lab);
  await lab.host.ip('link set m1 mtu 1700 down');
  await lab.host.ip('link add spare type veth peer name spare1');
  const before = await lab.host.links();
  await lab.vsctl('add-br', 'br0', '--', 'add-bond', 'br0', 'bond0', 'm0', 'm1', 'bond_mode=active-backup');
  await lab.host.ip('addr add 10.0.0.1/24 dev br0');
  await lab.host.ip('link set br0 up');
  t.true(await neighbour.ping('10.0.0.1'));
  t.is((await lab.host.link('bo-bond0')).mtu, 1500);
  await lab.vsctl('add-bond-iface', 'bond0', 'spare');
  t.is((await lab.host.link('spare')).master, 'bo-bond0');
  await lab.vsctl('del-bond-iface', 'bond0', 'm0');
  const [m0] = before.filter(({ ifname }) => ifname === 'm0');
  t.deepEqual(await lab.host.link('m0'), m0);
  t.true(await neighbour.ping('10.0.0.1'), 'through what is left');
  await lab.vsctl('set', 'Port', 'bond0', 'bond_mode=balance-slb');
  t.true(await neighbour.ping('10.0.0.1'), 'in another mode');
  await lab.assertSettled();
  await lab.vsctl('del-bond-iface', 'bond0', 'spare');
  t.like(await lab.host.link('m1'), { master: 'sw-br0' }, 'a port of one interface is no bond');
  t.false(await lab.host.has('bo-bond0'));
  t.is(await lab.get('Port', 'bond0', 'bond_active_slave'), '[]');
  await lab.vsctl('del-br', 'br0');
  t.deepEqual(await lab.host.links(), before);
});

/** How often frames with this mark arrive at a device while something is sent. */
async function copies(namespace: Namespace, device: string, send: () => Promise<unknown>): Promise<number> {
  const counter = namespace.spawn('/usr/bin/python3', '-c', listener, device);
  let output = '';
  counter.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await until('it listens', async () => output.includes('ready\n'));
  await send();
  await until('it has counted', async () => /ready\n\d+\n/.test(output));
  return Number(output.slice('ready\n'.length));
}
const listener = `
import select, socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind((sys.argv[1], 3))
print("ready", flush=True)
count, end = 0, time.time() + 8
while (left := end - time.time()) > 0:
    if not select.select([s], [], [], left)[0]: break
    data, address = s.recvfrom(2000)
    if address[2] != 4 and b"frame of the test" in data: count, end = count + 1, time.time() + 2
print(count, flush=True)
`;
const sender = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind((sys.argv[1], 0))
for i in range(8): s.send(b"\\xff" * 6 + bytes([2, 0, 0, 0, int(sys.argv[2]), i]) + b"\\x88\\xb5" + b"frame of the test".ljust(50))
`;
const sendFrom = (namespace: Namespace, device: string, id: number) => () =>
  namespace.run('/usr/bin/python3', '-c', sender, device, String(id));

test('a balance-slb bond neither doubles nor reflects what is sent to everyone, and fails over', async (t) => {
  const { lab, neighbour } = await bondedHost(t, 'bond_mode=balance-slb');
  await lab.vsctl('add-port', 'br0', 'int0', '--', 'set', 'Interface', 'int0', 'type=internal');
  await lab.host.ip('link set int0 up');
  t.true(await neighbour.ping('10.0.0.1'));
  t.is(await copies(lab.host, 'int0', sendFrom(neighbour, 'br9', 1)), 8, 'from the switch once each');
  t.is(await copies(neighbour, 'br9', sendFrom(lab.host, 'int0', 2)), 8, 'to the switch once each');
  t.is(await copies(lab.host, 'br0', sendFrom(lab.host, 'int0', 3)), 8, 'and none comes back');
  await lab.assertSettled();
  await neighbour.ip('link set p0 down');
  await lab.await('Interface', 'm0', 'link_state', 'down');
  t.true(await neighbour.ping('10.0.0.1'));
  t.is(await copies(lab.host, 'int0', sendFrom(neighbour, 'br9', 4)), 8, 'by the member that is left');
  await lab.vsctl('del-port', 'bond0');
  t.is(await lab.host.run('sh', '-c', 'cat /proc/net/bonding/* 2>/dev/null; true'), '');
});

test('what a kernel bond cannot do is told in a sentence', async (t) => {
  const { lab } = await bondedHost(t, 'bond_mode=balance-tcp').catch((error: unknown) => {
    throw error;
  });
  t.regex(await lab.get('Interface', 'm0', 'error'), /balance-tcp needs LACP; set lacp to active or passive/);
  await lab.vsctl('set', 'Port', 'bond0', 'lacp=active', 'other_config:lacp-fallback-ab=true');
  t.regex(await lab.get('Interface', 'm0', 'error'), /lacp-fallback-ab=true has no effect/);
  t.regex(await lab.get('Interface', 'm0', 'ofport'), /^[1-9]/);
});

const withC = testRequiring(root(), cPrograms(), program('ovs-vswitchd', 'openvswitch-switch'), kernel('bonding'));

/** Ours at one end, the C daemon's userspace datapath at the other, two links between them. */
async function twoSwitches(t: ExecutionContext, oursLacp: string, cLacp: string) {
  const [ours, c] = [await Lab.start(t), await Lab.start(t, { daemon: 'c' })];
  for (const i of [0, 1]) await connect(ours.host, `m${i}`, c.host, `p${i}`);
  const columns = ['bond_mode=balance-tcp', 'other_config:lacp-time=fast'];
  await ours.vsctl('add-br', 'br0', '--', 'add-bond', 'br0', 'bond0', 'm0', 'm1', ...columns, `lacp=${oursLacp}`);
  await c.vsctl('add-br', 'br0', '--', 'set', 'Bridge', 'br0', 'datapath_type=netdev');
  await c.vsctl('add-bond', 'br0', 'bond0', 'p0', 'p1', ...columns, `lacp=${cLacp}`);
  for (const [lab, address] of [
    [ours, '10.0.0.1/24'],
    [c, '10.0.0.2/24'],
  ] as const) {
    await lab.host.ip(`addr add ${address} dev br0`);
    await lab.host.ip('link set br0 up');
  }
  return { ours, c };
}

for (const [oursLacp, cLacp] of [
  ['active', 'passive'],
  ['passive', 'active'],
] as const) {
  withC(`LACP ${oursLacp} here and ${cLacp} in the C daemon make one link of two`, async (t) => {
    const { ours, c } = await twoSwitches(t, oursLacp, cLacp);
    // A passive side that hears nothing is asked only every 30 seconds.
    for (const member of ['m0', 'm1']) {
      await until(
        'both ends speak LACP',
        async () => (await ours.get('Interface', member, 'lacp_current')) === 'true',
        120_000,
      );
    }
    for (const member of ['p0', 'p1']) await c.await('Interface', member, 'lacp_current', 'true');
    await until('a ping passes', () => c.host.ping('10.0.0.1', 1));
    const details = await ours.host.run('cat', '/proc/net/bonding/bo-bond0');
    t.regex(details, /Number of ports: 2/);
    t.regex(details, /System priority: 65534/);
    await c.host.ip('link set p0 down');
    await ours.await('Interface', 'm0', 'link_state', 'down');
    await until('a ping passes by the other link', () => c.host.ping('10.0.0.1', 1));
    await ours.assertSettled();
  });
}

/** Of members that LACP enables, the first is active at either end: which one, chance decides. */
const withoutActive = (text: string): string =>
  text.replace(/^ {2}active member\n/gm, '').replace(/(active member mac: ADDRESS)\(.*\)/, '$1');

/** Without names, addresses and numbers that each end has of its own, and without what kernel bonds do not do. */
const form = (text: string): string =>
  text
    .replace(/\bp([01])\b/g, 'm$1')
    .replace(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'ADDRESS')
    .replace(/((?:key|port_id|port_priority): )\d+/g, '$1N')
    .replace(/^(bond may use recirculation|next rebalance|\s+hash ).*\n/gm, '');

withC('bond/show and lacp/show tell of live bonds in the form of the C daemon', async (t) => {
  const { ours, c } = await twoSwitches(t, 'active', 'active');
  /** What both tell, once they tell the same: the bonds may still be on their way to it. */
  const compare = async (command: string, also = (text: string): string => text): Promise<string> => {
    const shown = (): Promise<string[]> =>
      Promise.all([ours, c].map(async (lab) => also(form(await ask(lab, command, 'bond0')))));
    let [told, expected] = await shown();
    const same = async (): Promise<boolean> => {
      [told, expected] = await shown();
      return told === expected;
    };
    await until('both tell the same', same, 60_000).catch(() => t.is(told, expected, command));
    return told ?? '';
  };
  t.regex(await compare('lacp/show'), /member: m1: current attached\n[\s\S]*partner state: .* collecting distributing/);
  t.regex(await compare('bond/show', withoutActive), /lacp_status: negotiated/);
  t.is((await ask(ours, 'bond/show', 'bond0')).match(/^ {2}active member$/gm)?.length, 1);
  for (const [lab, ...members] of [
    [ours, 'm0', 'm1'],
    [c, 'p0', 'p1'],
  ] as const) {
    const columns = ['bond_mode=active-backup', `other_config:bond-primary=${members[0]}`, 'bond_updelay=100'];
    await lab.vsctl('del-port', 'bond0');
    await lab.vsctl('add-bond', 'br0', 'bond0', ...members, ...columns);
  }
  t.regex(
    await compare('bond/show'),
    /updelay: 100 ms[\s\S]*primary: m0\n[\s\S]*member m0: enabled\n {2}active member/,
  );
  await c.host.ip('link set p1 down');
  t.regex(await compare('bond/show'), /member m1: disabled\n {2}may_enable: false/);
});

/** As policing.vm.test.ts: one burst of 40,960 bytes and 20 a second thereafter, of packets of 1042 bytes. */
const policed = ['ingress_policing_rate=166', 'ingress_policing_burst=320'] as const;

testRequiring(
  root(),
  cPrograms(),
  kernel('bonding'),
  kernel('police'),
  kernel('htb'),
)('members of a bond are policed, each for itself, and what leaves through them is queued', async (t) => {
  const { lab, neighbour } = await bondedHost(t, 'bond_mode=active-backup', 'other_config:bond-primary=m0');
  t.true(await neighbour.ping('10.0.0.1'));
  const queue = ['--id=@q', 'create', 'QoS', 'type=linux-htb', 'other_config:max-rate=100000000'];
  await lab.vsctl('set', 'Interface', 'm0', ...policed, '--', 'set', 'Port', 'bond0', 'qos=@q', '--', ...queue);
  for (const member of ['m0', 'm1']) t.is(await lab.get('Interface', member, 'error'), '[]');
  const arrived = async (): Promise<number> =>
    JSON.parse(await lab.host.ip('-s -j link show br0'))[0].stats64.rx.packets;
  const queued = async (member: string): Promise<number> => {
    const classes = await lab.host.run('tc', '-s', 'class', 'show', 'dev', member);
    return Math.max(...[...classes.matchAll(/Sent \d+ bytes (\d+) pkt/g)].map(([, count]) => Number(count)));
  };
  /** How many of 400 pings arrive, and in how many seconds they were sent. */
  const flood = async (): Promise<{ packets: number; seconds: number }> => {
    const [before, start] = [await arrived(), performance.now()];
    const ping = ['-n', '-q', '-c', '400', '-i', '0.005', '-s', '1000', '-W', '1', '10.0.0.1'];
    await neighbour.run('ping', ...ping).catch(() => '');
    return { packets: (await arrived()) - before, seconds: (performance.now() - start) / 1000 };
  };
  const { packets, seconds } = await flood();
  const expected = 39 + 20 * seconds;
  t.true(packets > expected * 0.5 && packets < expected * 1.3, `${packets} packets in ${seconds} s`);
  t.true((await queued('m0')) >= packets * 0.9, 'the answers');
  await neighbour.ip('link set p0 down');
  await lab.await('Interface', 'm0', 'link_state', 'down');
  await until('the other member is used', () => neighbour.ping('10.0.0.1', 1));
  const before = await queued('m1');
  const unpoliced = await flood();
  t.true(unpoliced.packets >= 400, `${unpoliced.packets} packets through the member that is not policed`);
  t.true((await queued('m1')) - before >= 400);
  await lab.assertSettled();
});

/** Crashes, restarts and other people's hands: traffic goes on, and what was broken is mended. */
import { Lab } from '../helpers/lab.ts';
import { connect, type Namespace, rootTest as test } from '../helpers/netns.ts';
import { until } from '../helpers/until.ts';

/** Two neighbours on a bridge with one port of every kind. */
async function bridgeWithTraffic(lab: Lab): Promise<{ a: Namespace; b: Namespace }> {
  const [a, b] = [await lab.neighbour(), await lab.neighbour()];
  await connect(lab.host, 'va', a, 'eth0');
  await a.ip('addr add 10.0.0.1/24 dev eth0');
  await lab.vsctlAll([
    'add-br br0',
    'add-port br0 va',
    'add-port br0 int0 -- set Interface int0 type=internal ofport_request=7',
    'add-port br0 tap0 -- set Interface tap0 type=tap options:owner=nobody',
  ]);
  await lab.host.ip(`link set int0 netns ${b.name}`);
  await b.ip('addr add 10.0.0.2/24 dev int0');
  await b.ip('link set int0 up');
  return { a, b };
}

const lossOf = (output: string): string => /(\d+)% packet loss/.exec(output)?.[1] ?? output;

test('SIGKILL and a restart lose no packet, and find nothing to do', async (t) => {
  const lab = await Lab.start(t);
  const { a } = await bridgeWithTraffic(lab);
  t.true(await a.ping('10.0.0.2'));
  const before = await lab.host.links();
  const numbers = await lab.vsctl('--columns=name,ofport', '-f', 'csv', 'list', 'Interface');
  const traffic = a.run('ping', '-n', '-c', '400', '-i', '0.005', '-W', '2', '10.0.0.2');
  const from = lab.log.length;
  await lab.stopSwitch('SIGKILL');
  lab.startSwitch();
  await lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:restarted=1');
  await lab.stopSwitch('SIGKILL');
  lab.startSwitch();
  await lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:restarted=2');
  t.is(lossOf(await traffic), '0');
  t.deepEqual(lab.stepsSince(from), []);
  t.deepEqual(await lab.host.links(), before);
  t.is(await lab.vsctl('--columns=name,ofport', '-f', 'csv', 'list', 'Interface'), numbers);
});

test('SIGTERM ends the switch and leaves the network forwarding', async (t) => {
  const lab = await Lab.start(t);
  const { a } = await bridgeWithTraffic(lab);
  await lab.stopSwitch('SIGTERM');
  t.true(await a.ping('10.0.0.2'));
  t.regex(lab.log, /fatal_signal\|WARN\|terminating with signal 15/);
  t.notRegex(lab.log, /\|(WARN|ERR|EMER)\|(?!terminating)/);
});

test('what the database dropped while the switch was dead goes when it is back', async (t) => {
  const lab = await Lab.start(t);
  const { a, b } = await bridgeWithTraffic(lab);
  await lab.stopSwitch('SIGKILL');
  await lab.vsctl('--no-wait', '--', 'del-port', 'tap0', '--', 'del-port', 'va', '--', 'add-port', 'br0', 'int1');
  await lab.vsctl('--no-wait', 'set', 'Interface', 'int1', 'type=internal');
  t.true(await lab.host.has('tap0'));
  lab.startSwitch();
  await lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:restarted=1');
  t.false(await lab.host.has('tap0'));
  t.true(await lab.host.has('int1'));
  t.is((await lab.host.link('va')).master, undefined);
  t.true(await b.has('int0'));
  t.false(await a.ping('10.0.0.2', 1));
  await lab.assertSettled();
});

test('the database server goes away and comes back: the network stays, and the switch follows again', async (t) => {
  const lab = await Lab.start(t);
  const { a } = await bridgeWithTraffic(lab);
  await lab.restartServer(async () => {
    t.true(await a.ping('10.0.0.2'));
  });
  await lab.vsctl('add-port', 'br0', 'int9', '--', 'set', 'Interface', 'int9', 'type=internal');
  t.true(await lab.host.has('int9'));
  t.true(await a.ping('10.0.0.2'));
});

test('what others break is mended when the kernel tells', async (t) => {
  const lab = await Lab.start(t);
  const { a, b } = await bridgeWithTraffic(lab);
  await lab.vsctlAll(['add-port br0 int1 -- set Interface int1 type=internal']);
  const { host } = lab;
  const inBridge = (device: string) =>
    until(`${device} is a port`, async () =>
      (await host.links()).some((l) => l.ifname === device && l.master === 'sw-br0'),
    );

  await host.ip('link set va nomaster');
  await inBridge('va');
  await host.ip('link set to-int0 down');
  await until('the outer end is up', async () => (await host.link('to-int0')).flags.includes('UP'));
  await host.ip('link set sw-br0 down');
  await until('the kernel bridge is up', async () => (await host.link('sw-br0')).flags.includes('UP'));
  t.true(await a.ping('10.0.0.2'));

  await host.ip('link del to-int1');
  await inBridge('to-int1');
  await host.ip('link del int1');
  await inBridge('to-int1');
  await host.ip('link del tap0');
  await inBridge('tap0');
  await host.ip('link set tap0 nomaster');
  await inBridge('tap0');

  await host.ip('link del sw-br0');
  await inBridge('va');
  await inBridge('to-int0');
  await inBridge('tap0');
  t.true(await a.ping('10.0.0.2'));
  t.true(await b.has('int0'));
  await lab.await('Interface', 'int1', 'error', '[]');
  await lab.assertSettled();
});

test('an internal port whose namespace was deleted is made anew', async (t) => {
  const lab = await Lab.start(t);
  const container = await lab.neighbour();
  await lab.vsctlAll(['add-br br0', 'add-port br0 int0 -- set Interface int0 type=internal']);
  const ofport = await lab.get('Interface', 'int0', 'ofport');
  await lab.host.ip(`link set int0 netns ${container.name}`);
  await until('it is gone from here', async () => !(await lab.host.has('int0')));
  await lab.drop(container);
  await until('it is here again', () => lab.host.has('int0'));
  await lab.await('Interface', 'int0', 'ofport', ofport);
  t.is(await lab.get('Interface', 'int0', 'error'), '[]');
});

test('of two switches one acts, and the other takes over when it ends', async (t) => {
  const lab = await Lab.start(t);
  const first = lab.switch;
  lab.startSwitch();
  await until('the second is idle', () => lab.log.includes('another ovs-vswitchd'));
  await lab.vsctl('add-br', 'br0');
  t.true(await lab.host.has('br0'));
  first.kill('SIGKILL');
  await lab.vsctl('add-br', 'br1');
  t.true(await lab.host.has('br1'));
});

test("the local port bears a physical port's address, and its frames arrive", async (t) => {
  const lab = await Lab.start(t);
  const neighbour = await lab.neighbour();
  await connect(lab.host, 'nic0', neighbour, 'eth0');
  await lab.host.ip('link set nic0 address 00:16:3e:00:00:01');
  await neighbour.ip('addr add 10.0.0.2/24 dev eth0');
  await lab.vsctl('add-br', 'br0');
  const own = await lab.get('Interface', 'br0', 'mac_in_use');
  await lab.vsctl('add-port', 'br0', 'nic0');
  t.is(await lab.get('Interface', 'br0', 'mac_in_use'), '"00:16:3e:00:00:01"');
  t.is(await lab.get('Bridge', 'br0', 'datapath_id'), '"000000163e000001"');
  await lab.host.ip('addr add 10.0.0.1/24 dev br0');
  await lab.host.ip('link set br0 up');
  t.true(await neighbour.ping('10.0.0.1'));
  await lab.assertSettled();
  await lab.vsctl('set', 'Bridge', 'br0', 'other_config:hwaddr=02:00:00:00:00:42');
  t.is(await lab.get('Interface', 'br0', 'mac_in_use'), '"02:00:00:00:00:42"');
  await neighbour.ip('neigh flush dev eth0');
  t.true(await neighbour.ping('10.0.0.1'));
  await lab.vsctl('clear', 'Bridge', 'br0', 'other_config');
  await lab.vsctl('del-port', 'nic0');
  t.is(await lab.get('Interface', 'br0', 'mac_in_use'), own);
  await lab.assertSettled();
});

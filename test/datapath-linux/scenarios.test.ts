/** The mailing-list scenarios of the switch, with real devices and packets. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Lab } from '../helpers/lab.ts';
import { connect, rootTest as test } from '../helpers/netns.ts';
import { until } from '../helpers/until.ts';

for (const server of ['c', 'ours'] as const) {
  test(`an internal port takes an address and reaches a neighbour (${server} server)`, async (t) => {
    const lab = await Lab.start(t, { server });
    const neighbour = await lab.neighbour();
    await connect(lab.host, 'veth0', neighbour, 'eth0');
    await neighbour.ip('addr add 10.0.0.2/24 dev eth0');
    await lab.vsctlAll(['add-br br0', 'add-port br0 int0', 'set Interface int0 type=internal', 'add-port br0 veth0']);
    await lab.host.ip('addr add 10.0.0.1/24 dev int0');
    await lab.host.ip('link set int0 up');
    t.true(await lab.host.ping('10.0.0.2'));
    t.true(await neighbour.ping('10.0.0.1'));
    await lab.assertSettled();
  });
}

test("an address on the bridge's own device reaches a neighbour", async (t) => {
  const lab = await Lab.start(t);
  const neighbour = await lab.neighbour();
  await connect(lab.host, 'veth0', neighbour, 'eth0');
  await neighbour.ip('addr add 10.0.0.2/24 dev eth0');
  await lab.vsctlAll(['add-br br0', 'add-port br0 veth0']);
  await lab.host.ip('addr add 10.0.0.1/24 dev br0');
  await lab.host.ip('link set br0 up');
  t.true(await lab.host.ping('10.0.0.2'));
  await lab.assertSettled();
});

test('ports reach each other while the local port is down and has no address', async (t) => {
  const lab = await Lab.start(t);
  const [a, b] = [await lab.neighbour(), await lab.neighbour()];
  await connect(lab.host, 'va', a, 'eth0');
  await connect(lab.host, 'vb', b, 'eth0');
  await a.ip('addr add 10.0.0.1/24 dev eth0');
  await b.ip('addr add 10.0.0.2/24 dev eth0');
  await lab.vsctlAll(['add-br br0', 'add-port br0 va', 'add-port br0 vb']);
  t.true(await a.ping('10.0.0.2'));
});

test("one answer comes for the local port's address: the kernel bridge itself is mute", async (t) => {
  const lab = await Lab.start(t);
  const neighbour = await lab.neighbour();
  await connect(lab.host, 'veth0', neighbour, 'eth0');
  await neighbour.ip('addr add 10.0.0.2/24 dev eth0');
  await lab.vsctlAll(['add-br br0', 'add-port br0 veth0']);
  await lab.host.ip('addr add 10.0.0.1/24 dev br0');
  await lab.host.ip('link set br0 up');
  for (let i = 0; i < 5; i++) {
    await neighbour.ip('neigh flush dev eth0');
    t.true(await neighbour.ping('10.0.0.1', 1));
    t.regex(await neighbour.ip('neigh show 10.0.0.1'), new RegExp((await lab.host.link('br0')).address));
  }
  t.is((await lab.host.ip('-6 addr show dev sw-br0')).trim(), '');
});

const tapProgram = fileURLToPath(new URL('../fixtures/tap-program.js', import.meta.url));
/** Runs the tap program as user and group 65534, with a /dev/net/tun that everybody may open. */
const asNobody = (directory: string, ...args: readonly string[]): string[] => [
  '-c',
  `[ -e ${directory}/tun ] || mknod -m 666 ${directory}/tun c 10 200; mount --bind ${directory}/tun /dev/net/tun && exec setpriv --reuid=65534 --regid=65534 --clear-groups ${process.execPath} ${tapProgram} ${args.join(' ')}`,
];

test('an ordinary user opens the tap that was made for it, and only that', async (t) => {
  const lab = await Lab.start(t);
  const neighbour = await lab.neighbour();
  await connect(lab.host, 'veth0', neighbour, 'eth0');
  await neighbour.ip('addr add 10.0.0.2/24 dev eth0');
  await lab.vsctlAll([
    'add-br br0',
    'add-port br0 veth0',
    'add-port br0 tap0 -- set Interface tap0 type=tap options:owner=nobody',
    'add-port br0 tap1 -- set Interface tap1 type=tap options:owner=daemon options:group=daemon',
  ]);
  t.is(await lab.get('Interface', 'tap0', 'link_state'), 'down');
  const program = lab.host.spawn('sh', ...asNobody(lab.directory, 'tap0', '10.0.0.9'));
  const [ready] = await once(program.stdout ?? process.stdin, 'data');
  t.is(String(ready), 'ready\n');
  t.true(await neighbour.ping('10.0.0.9'), 'the program answers through the bridge');
  await lab.await('Interface', 'tap0', 'link_state', 'up');
  const refused = lab.host.spawn('sh', ...asNobody(lab.directory, 'tap1', '10.0.0.10'));
  const [message] = await once(refused.stderr ?? process.stdin, 'data');
  t.regex(String(message), /EPERM/);
});

test('a tap made by hand, with a program on it, is a port like any other', async (t) => {
  const lab = await Lab.start(t);
  const neighbour = await lab.neighbour();
  await connect(lab.host, 'veth0', neighbour, 'eth0');
  await neighbour.ip('addr add 10.0.0.2/24 dev eth0');
  await lab.host.ip('tuntap add dev kvm0 mode tap');
  await lab.host.ip('link set kvm0 up');
  const program = lab.host.spawn(process.execPath, tapProgram, 'kvm0', '10.0.0.9');
  await once(program.stdout ?? process.stdin, 'data');
  await lab.vsctlAll(['add-br br0', 'add-port br0 veth0', 'add-port br0 kvm0']);
  t.true(await neighbour.ping('10.0.0.9'));
  await lab.vsctl('del-port', 'kvm0');
  t.is((await lab.host.link('kvm0')).master, undefined);
});

test('an internal port works in another namespace, and goes from there with the port', async (t) => {
  const lab = await Lab.start(t);
  const [container, neighbour] = [await lab.neighbour(), await lab.neighbour()];
  await connect(lab.host, 'veth0', neighbour, 'eth0');
  await neighbour.ip('addr add 10.0.0.2/24 dev eth0');
  await lab.vsctlAll(['add-br br0', 'add-port br0 veth0', 'add-port br0 int0 -- set Interface int0 type=internal']);
  const ofport = await lab.get('Interface', 'int0', 'ofport');
  await lab.host.ip(`link set int0 netns ${container.name}`);
  await container.ip('link set int0 name eth7 address 02:00:00:00:00:07 mtu 1400 up');
  await container.ip('addr add 10.0.0.1/24 dev eth7');
  t.true(await container.ping('10.0.0.2'));
  await lab.await('Interface', 'int0', 'mac_in_use', '"02:00:00:00:00:07"');
  await lab.await('Interface', 'int0', 'mtu', '1400');
  t.is(await lab.get('Interface', 'int0', 'ofport'), ofport);
  t.is((await lab.host.link('to-int0')).mtu, 1400, 'both ends are alike');
  await lab.assertSettled();
  await lab.vsctl('del-port', 'int0');
  t.false(await container.has('eth7'));
});

test('del-br leaves nothing behind, and what was there before is as it was', async (t) => {
  const lab = await Lab.start(t);
  await lab.host.ip('link add foreign0 type veth peer name foreign1');
  await lab.host.ip('link set foreign0 mtu 1700 alias mine');
  const before = await lab.host.links();
  await lab.vsctlAll([
    'add-br br0',
    'add-port br0 int0 -- set Interface int0 type=internal',
    'add-port br0 tap0 -- set Interface tap0 type=tap',
    'add-port br0 foreign0 -- set Interface foreign0 mtu_request=1600',
  ]);
  const during = await lab.host.link('foreign0');
  t.is(during.master, 'sw-br0');
  t.is(during.mtu, 1600);
  await lab.vsctl('del-br', 'br0');
  t.deepEqual(await lab.host.links(), before);
});

test('a device that appears later becomes a port then, with the C wording meanwhile', async (t) => {
  const lab = await Lab.start(t);
  const neighbour = await lab.neighbour();
  await lab.vsctlAll(['add-br br0', 'add-port br0 late0']);
  t.is(await lab.get('Interface', 'late0', 'error'), '"could not open network device late0 (No such device)"');
  t.is(await lab.get('Interface', 'late0', 'ofport'), '-1');
  await connect(lab.host, 'late0', neighbour, 'eth0');
  await lab.await('Interface', 'late0', 'ofport', '1');
  t.is(await lab.get('Interface', 'late0', 'error'), '[]');
  await until('the port is up', async () => (await lab.get('Interface', 'late0', 'link_state')) === 'up');
  await lab.host.ip('link del late0');
  await lab.await('Interface', 'late0', 'error', /No such device/);
  t.is(await lab.get('Interface', 'late0', 'ofport'), '-1');
});

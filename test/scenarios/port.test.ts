/** What becomes of ports, end to end: taps that programs open, ports that move away, bridges that go. */
import { chmodSync, cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { firstWords, Installation, isSilent } from '../helpers/installation.ts';
import { Namespace, rootTest as test } from '../helpers/netns.ts';
import { projectFile } from '../helpers/project.ts';
import { until } from '../helpers/until.ts';

/** The tap program where everybody may read it, wherever the project is. */
const publicTapProgram = ({ directory }: Installation): string => {
  const folder = join(directory, 'public');
  for (const path of ['dist/native', 'dist/test/fixtures', 'native/build/Release/vswitch.node', 'package.json']) {
    cpSync(projectFile(path), join(folder, path), { recursive: true });
  }
  for (const path of [directory, folder]) chmodSync(path, 0o755);
  return join(folder, 'dist/test/fixtures/tap-program.js');
};

/** A command line that runs it as user and group nobody, with a /dev/net/tun that everybody may open. */
const asNobody = (installation: Installation, program: string, ...args: readonly string[]): string[] => {
  const folder = join(installation.directory, 'device');
  mkdirSync(folder, { recursive: true });
  const device = join(folder, 'tun');
  return [
    'sh',
    '-c',
    `[ -e ${device} ] || mknod -m 666 ${device} c 10 200; mount --bind ${device} /dev/net/tun && exec setpriv --reuid=65534 --regid=65534 --clear-groups ${process.execPath} ${program} ${args.join(' ')}`,
  ];
};

test('an ordinary user opens the tap that was made for it, and exchanges frames; another one is refused', async (t) => {
  const installation = await Installation.start(t);
  const neighbour = await installation.neighbour(t, 'veth0', '10.0.0.2');
  await installation.vsctl('add-br', 'br0', '--', 'add-port', 'br0', 'veth0');
  await installation.vsctl(
    'add-port',
    'br0',
    'tap0',
    '--',
    'set',
    'Interface',
    'tap0',
    'type=tap',
    'options:owner=nobody',
  );
  await installation.vsctl(
    'add-port',
    'br0',
    'tap1',
    '--',
    'set',
    'Interface',
    'tap1',
    'type=tap',
    'options:owner=daemon',
  );
  t.regex((await installation.doctor()).text, /^No program has opened the tap tap0 of bridge br0/m);

  const program = publicTapProgram(installation);
  const [command = '', ...args] = asNobody(installation, program, 'tap0', '10.0.0.9');
  await firstWords(installation.host.spawn(command, ...args));
  t.true(await neighbour.ping('10.0.0.9'));
  t.notRegex((await installation.doctor()).text, /tap tap0/);
  const [again = '', ...others] = asNobody(installation, program, 'tap1', '10.0.0.10');
  await t.throwsAsync(firstWords(installation.host.spawn(again, ...others)), { message: /EPERM/ });
});

test('a tap made by hand, with a program on it, is a port like any other', async (t) => {
  const installation = await Installation.start(t);
  const { host } = installation;
  const neighbour = await installation.neighbour(t, 'veth0', '10.0.0.2');
  await host.ip('tuntap add dev kvm0 mode tap');
  await host.ip('link set kvm0 up');
  await installation.openTap('kvm0', '10.0.0.9');
  await installation.vsctl('add-br', 'br0', '--', 'add-port', 'br0', 'veth0', '--', 'add-port', 'br0', 'kvm0');
  t.true(await neighbour.ping('10.0.0.9'));
  await installation.vsctl('del-port', 'br0', 'kvm0');
  t.true(await isSilent(neighbour, '10.0.0.9'));
});

test('an internal port moved to another namespace works there, and goes from there', async (t) => {
  const installation = await Installation.start(t);
  await installation.neighbour(t, 'veth0', '10.0.0.2');
  const container = await Namespace.create();
  t.teardown(() => container.close());
  await installation.vsctl('add-br', 'br0', '--', 'add-port', 'br0', 'veth0');
  await installation.vsctl('add-port', 'br0', 'int0', '--', 'set', 'Interface', 'int0', 'type=internal');
  await installation.host.ip(`link set int0 netns ${container.name}`);
  await container.ip('addr add 10.0.0.1/24 dev int0');
  await until('the switch has seen it down', async () =>
    (await installation.doctor()).text.includes('ip -n NAMESPACE link set int0 up'),
  );
  await container.ip('link set int0 up');
  t.true(await container.ping('10.0.0.2'));
  await installation.vsctl('del-port', 'int0');
  t.false(await container.has('int0'));
});

test('del-br leaves nothing behind, and what was there before is as it was', async (t) => {
  const installation = await Installation.start(t);
  const { host } = installation;
  await installation.neighbour(t, 'veth0', '10.0.0.2');
  await host.ip('link set veth0 mtu 1400 alias mine');
  const before = await host.links();
  await installation.vsctl(
    'add-br',
    'br0',
    '--',
    'add-port',
    'br0',
    'veth0',
    '--',
    'add-port',
    'br0',
    'int0',
    '--',
    'set',
    'Interface',
    'int0',
    'type=internal',
  );
  await installation.vsctl('add-port', 'br0', 'tap0', '--', 'set', 'Interface', 'tap0', 'type=tap');
  t.is((await host.link('veth0')).master, 'sw-br0');
  await installation.vsctl('del-br', 'br0');
  t.deepEqual(await host.links(), before);
});

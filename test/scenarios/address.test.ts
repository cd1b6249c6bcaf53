/** Where a host's address belongs: the scenarios of the mailing lists and of the FAQ, end to end. */
import type { ExecutionContext } from 'ava';
import { Installation, isSilent, type Peers } from '../helpers/installation.ts';
import { rootTest as test } from '../helpers/netns.ts';

const combinations: readonly Peers[] = [
  { server: 'vswitch', vsctl: 'ours' },
  { server: 'vswitch', vsctl: 'C' },
  { server: 'C ovsdb-server', vsctl: 'ours' },
];
const title = ({ server, vsctl }: Peers): string => `${server}, ${vsctl === 'C' ? 'C ovs-vsctl' : 'our ovs-vsctl'}`;

const onInternalPort = async (t: ExecutionContext, peers: Peers): Promise<void> => {
  const installation = await Installation.start(t, peers);
  const { host } = installation;
  const neighbour = await installation.neighbour(t, 'veth0', '10.0.0.2');
  await installation.vsctl(
    'add-br',
    'br0',
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
  await installation.vsctl('add-port', 'br0', 'veth0');
  // ovs-vsctl has waited for the switch: the device is there.
  await host.ip('addr add 10.0.0.1/24 dev int0');
  t.deepEqual(await installation.doctor(), {
    text: 'int0, an internal port of bridge br0, is down: nothing passes it.\n  Set it up:\n      ip link set int0 up\n',
    status: 1,
  });
  await host.ip('link set int0 up');
  t.true(await host.ping('10.0.0.2'));
  t.true(await neighbour.ping('10.0.0.1'));
  t.like(await installation.doctor(), { status: 0 });
};

const onBridge = async (t: ExecutionContext, peers: Peers): Promise<void> => {
  const installation = await Installation.start(t, peers);
  const { host } = installation;
  const neighbour = await installation.neighbour(t, 'veth0', '10.0.0.2');
  await installation.vsctl('add-br', 'br0', '--', 'add-port', 'br0', 'veth0');
  await host.ip('addr add 10.0.0.1/24 dev br0');
  await host.ip('link set br0 up');
  t.true(await host.ping('10.0.0.2'));
  t.true(await neighbour.ping('10.0.0.1'));
  t.deepEqual(await installation.doctor(), {
    text: 'Nothing is wrong: the switch is running, with 1 bridge and 2 ports.\n',
    status: 0,
  });
};

for (const peers of combinations) {
  test(`an address on an internal port works (${title(peers)})`, (t) => onInternalPort(t, peers));
  test(`an address on the bridge's own device works (${title(peers)})`, (t) => onBridge(t, peers));
}

test('an address on a tap that is a port does not work: the doctor says why, and what it says to do helps', async (t) => {
  const installation = await Installation.start(t);
  const { host } = installation;
  await installation.neighbour(t, 'veth0', '10.0.0.2');
  await host.ip('tuntap add dev tap0 mode tap');
  await host.ip('link set tap0 up');
  await host.ip('addr add 10.0.0.1/24 dev tap0');
  await installation.vsctl('add-br', 'br0', '--', 'add-port', 'br0', 'veth0', '--', 'add-port', 'br0', 'tap0');
  t.true(await isSilent(host, '10.0.0.2'), 'no program has opened the tap');
  const { text, status } = await installation.doctor();
  t.is(status, 1);
  t.regex(
    text,
    /^tap0 has the address 10\.0\.0\.1\/24, but it is a port of bridge br0: .* no program has opened tap0\.$/m,
  );
  await installation.openTap('tap0', '10.0.0.9');
  t.true(await isSilent(host, '10.0.0.2'), 'nor does a program on the tap help');
  t.notRegex((await installation.doctor()).text, /no program/);

  const commands = /own device:\n((?: {6}.*\n)+)/.exec(text)?.[1] ?? '';
  t.is(commands.match(/\n/g)?.length, 3);
  await host.run('sh', '-ec', commands);
  t.true(await host.ping('10.0.0.2'), 'the commands that it named, carried out as they stand');
  t.notRegex((await installation.doctor()).text, /tap0|br0/);
});

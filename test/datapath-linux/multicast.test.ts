/** Multicast snooping by packets: where those to a group arrive, here and in the C daemon. */
import type { ExecutionContext } from 'ava';
import { Lab } from '../helpers/lab.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, program, root, testRequiring } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';

const test = testRequiring(
  root(),
  cPrograms(),
  program('ovs-vswitchd', 'openvswitch-switch'),
  program('python3', 'python3'),
);

type Daemon = 'c' | 'ours';

const fixture = projectFile('test/fixtures/multicast.py');
const multicast = async (lab: Lab, kind: 'join' | 'leave' | 'send', port: string, group: string): Promise<string> =>
  (await lab.host.run('/usr/bin/python3', fixture, kind, `far-${port}`, group)).trim().replaceAll('far-', '');

/** A bridge with four ports, whose far ends are `far-p0` and so on. */
async function start(t: ExecutionContext, daemon: Daemon, ...columns: readonly string[]): Promise<Lab> {
  const lab = await Lab.start(t, { daemon });
  await lab.host.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6');
  const ports = ['p0', 'p1', 'p2', 'p3'];
  for (const name of ports) {
    await lab.host.ip(`link add ${name} type veth peer name far-${name}`);
    for (const each of [name, `far-${name}`]) await lab.host.ip(`link set ${each} up`);
  }
  const datapath = daemon === 'c' ? ['datapath_type=netdev'] : [];
  await lab.vsctl('add-br', 'br0', '--', 'set', 'Bridge', 'br0', 'mcast_snooping_enable=true', ...datapath, ...columns);
  await lab.vsctlAll(ports.map((name) => `add-port br0 ${name}`));
  return lab;
}

const [joined, other, local] = ['239.1.2.3', '239.9.9.9', '224.0.0.251'];

/** Where packets to groups that nobody has joined arrive; the differences are in ovs-vswitchd(8). */
const unregistered = {
  ours: { preset: '', flooded: 'p3', heldBack: { other: 'p3', local: 'p3' } },
  c: { preset: 'p1 p2 p3', flooded: 'p1 p2 p3', heldBack: { other: 'p3', local: 'p1 p2 p3' } },
} as const;

for (const daemon of ['ours', 'c'] as const) {
  const expected = unregistered[daemon];

  test(`what is sent to a group reaches those who have joined it (${daemon})`, async (t) => {
    const lab = await start(t, daemon);
    const arrivals = (group: string): Promise<string> => multicast(lab, 'send', 'p0', group);
    t.is(await arrivals(joined), 'p1 p2 p3', 'as long as nobody has');
    await multicast(lab, 'join', 'p1', joined);
    await until('others are left out', async () => (await arrivals(joined)) === 'p1');
    await multicast(lab, 'join', 'p2', joined);
    await until('the second is known', async () => (await arrivals(joined)) === 'p1 p2');
    t.is(await arrivals(other), expected.preset);
    t.is(await arrivals(local), 'p1 p2 p3', '224.0.0.0/24 needs no membership');
    await multicast(lab, 'leave', 'p1', joined);
    await until('who leaves gets nothing', async () => (await arrivals(joined)) === 'p2');
  });

  test(`ports that are to get all multicast do, and others nothing that nobody has asked for (${daemon})`, async (t) => {
    const lab = await start(t, daemon);
    const arrivals = (group: string): Promise<string> => multicast(lab, 'send', 'p0', group);
    await lab.vsctl('set', 'Port', 'p3', 'other_config:mcast-snooping-flood=true');
    await multicast(lab, 'join', 'p2', joined);
    await until('one port has joined, and one gets all', async () => (await arrivals(joined)) === 'p2 p3');
    t.is(await arrivals(other), expected.flooded);
    await lab.vsctl('set', 'Bridge', 'br0', 'other_config:mcast-snooping-disable-flood-unregistered=true');
    t.is(await arrivals(joined), 'p2 p3');
    t.is(await arrivals(other), expected.heldBack.other);
    t.is(await arrivals(local), expected.heldBack.local);
    await lab.vsctl('set', 'Bridge', 'br0', 'mcast_snooping_enable=false');
    t.is(await arrivals(joined), 'p1 p2 p3');
  });
}

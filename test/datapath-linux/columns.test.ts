/** What is told of interfaces, ports and bridges is what the C daemon tells. */
import type { ExecutionContext } from 'ava';
import { Lab } from '../helpers/lab.ts';
import { cPrograms, program, root, testRequiring } from '../helpers/requires.ts';

async function start(t: ExecutionContext, daemon: 'c' | 'ours'): Promise<Lab> {
  const lab = await Lab.start(t, { daemon });
  await lab.host.ip('link add p0 address 02:00:00:00:00:21 type veth peer name q0');
  await lab.host.ip('link set p0 up');
  await lab.host.ip('link set q0 up');
  await lab.host.ip('link add p1 address 02:00:00:00:00:22 mtu 1400 type veth peer name q1');
  const bridge = daemon === 'c' ? ' -- set Bridge br0 datapath_type=netdev' : '';
  await lab.vsctlAll([
    `add-br br0${bridge}`,
    'add-port br0 p0 -- set Interface p0 ofport_request=5',
    'add-port br0 p1 -- set Interface p1 mtu_request=1300 ofport_request=6',
    'add-port br0 gone -- set Interface gone ofport_request=7',
  ]);
  return lab;
}

/** The columns of a row, counters as 0, and without those that name the row or the device. */
async function columns(lab: Lab, table: string, record: string): Promise<string[]> {
  const text = await lab.vsctl('list', table, record);
  return text
    .split('\n')
    .filter((line) => !/^(_uuid|ifindex|interfaces|ports) /.test(line))
    .map((line) => (line.startsWith('statistics ') ? line.replace(/=\d+/g, '=0') : line));
}

testRequiring(
  root(),
  cPrograms(),
  program('ovs-vswitchd', 'openvswitch-switch'),
)('the columns of interfaces and ports are those of the C daemon', async (t) => {
  t.timeout(120_000);
  const [ours, theirs] = [await start(t, 'ours'), await start(t, 'c')];
  for (const lab of [ours, theirs]) {
    for (const name of ['p0', 'p1']) await lab.await('Interface', name, 'statistics', /tx_packets/);
  }
  for (const name of ['p0', 'p1', 'gone']) {
    t.deepEqual(await columns(ours, 'Interface', name), await columns(theirs, 'Interface', name), `Interface ${name}`);
    t.deepEqual(await columns(ours, 'Port', name), await columns(theirs, 'Port', name), `Port ${name}`);
  }
  for (const lab of [ours, theirs]) {
    await lab.host.ip('link set p0 down');
    await lab.await('Interface', 'p0', 'admin_state', 'down');
    await lab.host.ip('link set p0 up');
    await lab.await('Interface', 'p0', 'admin_state', 'up');
    await lab.await('Interface', 'p0', 'link_state', 'up');
    await lab.vsctl('set', 'Interface', 'p0', 'mtu_request=1450', 'ofport_request=9');
  }
  const resets = /^link_resets/;
  const settled = async (lab: Lab): Promise<string[]> =>
    (await columns(lab, 'Interface', 'p0')).filter((line) => !resets.test(line));
  t.deepEqual(await settled(ours), await settled(theirs));
});

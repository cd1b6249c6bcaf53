/** What the switch writes back, beside what the C daemon writes for the same devices. */
import type { ExecutionContext } from 'ava';
import { Lab } from '../helpers/lab.ts';
import { rootTest as test } from '../helpers/netns.ts';

/** `ovs-vsctl list`, with what differs from one run to another made alike. */
async function interfaceColumns(lab: Lab, name: string): Promise<readonly string[]> {
  const listed = await lab.vsctl('list', 'Interface', name);
  return listed.split('\n').map((line) =>
    line
      .replace(/^(_uuid +: ).*/, '$1…')
      .replace(/^(ifindex +: )\d+$/, '$1…')
      .replace(/^(mac_in_use +: )"([0-9a-f]{2}:){5}[0-9a-f]{2}"$/, '$1…')
      .replace(/=\d+/g, '=…'),
  );
}

/** A veth in each state, a vanished device and a wrong type, on a bridge of that kind. */
async function configure(lab: Lab, bridge: string): Promise<void> {
  await lab.host.ip('link add up0 type veth peer name up1');
  await lab.host.ip('link set up0 up');
  await lab.host.ip('link set up1 up');
  await lab.host.ip('link add down0 mtu 1400 type veth peer name down1');
  await lab.vsctlAll([`add-br br0${bridge}`, 'add-port br0 up0', 'add-port br0 down0']);
  await lab.vsctl('--no-wait', 'add-port', 'br0', 'gone0');
  await lab.vsctl('--no-wait', 'add-port', 'br0', 'odd0', '--', 'set', 'Interface', 'odd0', 'type=odd');
  await lab.await('Interface', 'odd0', 'ofport', '-1');
  await lab.await('Interface', 'up0', 'statistics', /tx_packets/);
  await lab.await('Interface', 'down0', 'statistics', /tx_packets/);
}

const compare = async (t: ExecutionContext): Promise<void> => {
  const [ours, theirs] = [await Lab.start(t), await Lab.start(t, { daemon: 'c' })];
  await configure(ours, '');
  await configure(theirs, ' -- set Bridge br0 datapath_type=netdev');
  for (const name of ['up0', 'down0', 'gone0', 'odd0']) {
    t.deepEqual(await interfaceColumns(ours, name), await interfaceColumns(theirs, name), name);
  }
  for (const lab of [ours, theirs]) {
    t.is(await lab.get('Interface', 'br0', 'ofport'), '65534');
    t.is(await lab.get('Interface', 'br0', 'mtu'), '1400', "it follows the ports'");
    const uuid = (await lab.get('Bridge', 'br0', '_uuid')).replaceAll('-', '');
    const [mac = ''] = /[0-9a-f:]{17}/.exec(await lab.get('Interface', 'br0', 'mac_in_use')) ?? [];
    const expected = uuid.slice(6, 8) + uuid.slice(4, 6) + uuid.slice(2, 4) + uuid.slice(0, 2) + uuid.slice(14, 16);
    t.is(mac.replaceAll(':', '').slice(2, 10), expected.slice(2), 'derived from the row');
    t.is(await lab.get('Bridge', 'br0', 'datapath_id'), `"0000${mac.replaceAll(':', '')}"`);
  }
};
test('interfaces have the columns that the C daemon gives them', compare);

test('the switch says what it is, and what it can do', async (t) => {
  const lab = await Lab.start(t);
  await lab.vsctl('add-br', 'br0');
  const root = async (column: string): Promise<string> => lab.get('Open_vSwitch', '.', column);
  t.is(await root('iface_types'), '[geneve, gre, internal, ip6gre, patch, system, tap, vxlan]');
  t.is(await root('datapath_types'), '[system]');
  t.regex(await root('ovs_version'), /^"\d+\.\d+\.\d+"$/);
  t.is(await root('db_version'), '"8.8.0"');
  t.regex(await root('system_type'), /^\w+$/);
  t.regex(await root('system_version'), /^"?[\w.]+"?$/);
  t.is(await root('cur_cfg'), await root('next_cfg'));
  t.regex(await lab.get('Bridge', 'br0', 'datapath_version'), /^"\d+\.\d+/);
  await lab.vsctl('set', 'Bridge', 'br0', 'other_config:datapath-id=42');
  t.is(await lab.get('Bridge', 'br0', 'datapath_id'), '"0000000000000042"');
});

test('counters are refreshed, and count what the bridge receives from a port as rx', async (t) => {
  const lab = await Lab.start(t);
  await lab.vsctlAll(['add-br br0', 'add-port br0 int0 -- set Interface int0 type=internal']);
  t.is(await lab.get('Interface', 'int0', 'statistics:rx_packets'), '0');
  await lab.host.ip('addr add 10.0.0.1/24 dev int0');
  await lab.host.ip('link set int0 up');
  await lab.await('Interface', 'int0', 'link_resets', '1');
  await lab.host.ping('10.0.0.99', 3);
  await lab.await('Interface', 'int0', 'statistics:rx_packets', /^[1-9]/);
  t.is(await lab.get('Interface', 'int0', 'statistics:tx_packets'), '0');
});

test('an MTU is what is asked for, or else follows the smallest of the other ports', async (t) => {
  const lab = await Lab.start(t);
  const mtu = async (device: string): Promise<number> => (await lab.host.link(device)).mtu;
  await lab.host.ip('link add nic0 mtu 9000 type veth peer name nic1');
  await lab.vsctlAll([
    'add-br br0',
    'add-port br0 int0 -- set Interface int0 type=internal',
    'add-port br0 int1 -- set Interface int1 type=internal mtu_request=1300',
  ]);
  t.deepEqual([await mtu('int0'), await mtu('int1'), await mtu('to-int1')], [1500, 1300, 1300]);
  await lab.vsctl('add-port', 'br0', 'nic0');
  await lab.vsctl('set', 'Interface', 'nic0', 'mtu_request=1400');
  t.deepEqual([await mtu('nic0'), await mtu('br0'), await mtu('int0'), await mtu('int1')], [1400, 1400, 1400, 1300]);
  await lab.vsctl('set', 'Interface', 'nic0', 'mtu_request=8000');
  t.deepEqual([await mtu('nic0'), await mtu('br0'), await mtu('to-br0'), await mtu('int1')], [8000, 8000, 8000, 1300]);
  await lab.host.ip('link set int0 mtu 1200');
  await lab.await('Interface', 'int0', 'mtu', '1200');
  t.deepEqual([await mtu('int0'), await mtu('to-int0')], [1200, 1200], 'a smaller one set by hand stays');
  await lab.vsctl('set', 'Interface', 'nic0', 'mtu_request=65535');
  t.is(await lab.get('Interface', 'nic0', 'error'), '[]');
  await lab.assertSettled();
  await lab.vsctl('del-port', 'nic0');
  t.is(await mtu('nic0'), 9000, 'as it was');
});

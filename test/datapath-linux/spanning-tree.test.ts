import type { ExecutionContext } from 'ava';
import { costOf } from '../../datapath-linux/aspect/spanning-tree.ts';
import { Lab } from '../helpers/lab.ts';
import { connect, rootTest as test } from '../helpers/netns.ts';
import { until } from '../helpers/until.ts';

/** What `ip -d -j link` tells of a bridge or of a bridge's port. */
async function details(
  lab: Lab,
  device: string,
  of: 'info_data' | 'info_slave_data',
): Promise<Record<string, unknown>> {
  const [link]: { linkinfo?: Record<string, Record<string, unknown>> }[] = JSON.parse(
    await lab.host.ip(`-d -j link show ${device}`),
  );
  return link?.linkinfo?.[of] ?? {};
}

const fast = 'other_config:stp-forward-delay=4 other_config:stp-max-age=6 other_config:stp-hello-time=1';

/** Two bridges with two links between them: without a spanning tree one broadcast would go round for ever. */
async function loop(t: ExecutionContext, ...settings: readonly string[]): Promise<Lab> {
  const lab = await Lab.start(t);
  await lab.vsctlAll([
    `add-br br0 -- set Bridge br0 ${settings.join(' ')} other_config:stp-priority=4096`,
    `add-br br1 -- set Bridge br1 ${settings.join(' ')}`,
  ]);
  for (const link of ['a', 'b']) await connect(lab.host, `${link}0`, lab.host, `${link}1`);
  await lab.vsctlAll(['add-port br0 a0', 'add-port br0 b0', 'add-port br1 a1', 'add-port br1 b1']);
  return lab;
}

test('the spanning tree opens a loop of two bridges, tells of it, and closes it when the link in use fails', async (t) => {
  const lab = await loop(t, 'stp_enable=true', fast);
  await lab.await('Port', 'a1', 'status:stp_role', 'root');
  await lab.await('Port', 'a1', 'status:stp_state', 'forwarding');
  t.is(await lab.get('Port', 'b1', 'status:stp_role'), 'alternate');
  t.is(await lab.get('Port', 'b1', 'status:stp_state'), 'blocking');
  for (const port of ['a0', 'b0']) t.is(await lab.get('Port', port, 'status:stp_role'), 'designated');
  const root = await lab.get('Bridge', 'br0', 'status:stp_bridge_id');
  t.regex(root, /^"1000\.[0-9a-f]{12}"$/);
  t.is(await lab.get('Bridge', 'br1', 'status:stp_designated_root'), root);
  t.is(await lab.get('Bridge', 'br1', 'status:stp_root_path_cost'), '"2"');
  t.is(await lab.get('Port', 'a1', 'status:stp_port_id'), '"32770"');
  await lab.await('Port', 'a1', 'status:stp_sec_in_state', /^"[1-9]/);
  await until('BPDUs are counted', async () => Number(await lab.get('Port', 'a1', 'statistics:stp_rx_count')) > 0);

  await lab.host.ip('link set a0 down');
  await lab.await('Port', 'b1', 'status:stp_state', 'forwarding');
  t.is(await lab.get('Port', 'b1', 'status:stp_role'), 'root');
  await lab.assertSettled();
});

test('the columns decide the timers, costs and priorities; without stp_enable nothing is left of them', async (t) => {
  const lab = await loop(t, 'stp_enable=true');
  t.like(await details(lab, 'sw-br0', 'info_data'), { hello_time: 200, max_age: 2000, forward_delay: 1500 });
  await lab.vsctlAll([
    'set Bridge br0 other_config:stp-hello-time=3 other_config:stp-max-age=50',
    'set Bridge br1 other_config:stp-system-id=02:00:00:00:00:77',
    'set Port a1 other_config:stp-path-cost=7 other_config:stp-port-priority=32',
  ]);
  t.like(await details(lab, 'sw-br0', 'info_data'), { hello_time: 300, max_age: 4000, forward_delay: 2100 });
  await until('the root decides for the others', async () => {
    const { max_age: maxAge } = await details(lab, 'sw-br1', 'info_data');
    return maxAge === 4000;
  });
  await lab.assertSettled();
  t.like(await details(lab, 'a1', 'info_slave_data'), { cost: 7, priority: 8 });
  await lab.vsctl('remove', 'Port', 'a1', 'other_config', 'stp-path-cost');
  t.like(await details(lab, 'a1', 'info_slave_data'), { cost: 2 }, 'of a link of 10 Gbit/s');
  await lab.await('Bridge', 'br1', 'status:stp_bridge_id', '"8000.020000000077"');
  await lab.await('Port', 'b1', 'statistics', /stp_rx_count=/);
  t.is(await lab.get('Port', 'a1', 'status:stp_port_id'), '"8194"');
  // One bridge at a time: the other still opens the loop.
  await lab.host.ip('link set a0 down');
  for (const bridge of ['br0', 'br1']) {
    await lab.vsctl('set', 'Bridge', bridge, 'stp_enable=false');
    t.is(await lab.get('Bridge', bridge, 'status'), '{}');
  }
  for (const port of ['b0', 'b1']) {
    t.is(await lab.get('Port', port, 'status'), '{}');
    t.is(await lab.get('Port', port, 'statistics'), '{}');
  }
  t.like(await details(lab, 'b1', 'info_slave_data'), { state: 'forwarding' });
  await lab.assertSettled();
});

test('a tree that is turned off while it changes leaves no short ageing behind', async (t) => {
  const lab = await Lab.start(t);
  const neighbour = await lab.neighbour();
  await connect(lab.host, 'a0', neighbour, 'a1');
  await lab.vsctlAll(['add-br br0', `set Bridge br0 stp_enable=true ${fast}`, 'add-port br0 a0']);
  await until('addresses age faster', async () => {
    const { ageing_time: ageing, topology_change: changing } = await details(lab, 'sw-br0', 'info_data');
    return changing === 1 && ageing === 800;
  });
  await lab.vsctl('set', 'Bridge', 'br0', 'stp_enable=false');
  t.like(await details(lab, 'sw-br0', 'info_data'), { stp_state: 0, ageing_time: 30_000 });
  await lab.assertSettled();
});

test('a path cost that is not given is that of the link, in the table of the standard', async (t) => {
  const speeds = [undefined, 0, 4e6, 10e6, 20e6, 100e6, 1e9, 9e9, 10e9, 400e9];
  t.deepEqual(
    speeds.map((speed) => costOf(speed)),
    [19, 19, 250, 100, 62, 19, 4, 4, 2, 2],
  );
});

test('a bridge that asks for RSTP speaks STP and says so', async (t) => {
  const priority = 'other_config:rstp-priority=8192';
  const lab = await loop(t, 'rstp_enable=true', 'other_config:rstp-forward-delay=4 other_config:rstp-max-age=6');
  await lab.vsctl('set', 'Bridge', 'br0', priority);
  t.regex(await lab.get('Bridge', 'br1', 'status:error'), /the kernel has no RSTP; bridge br1 speaks STP instead/);
  await lab.await('Bridge', 'br0', 'status:stp_bridge_id', /^"2000\./);
  await lab.await('Port', 'b1', 'status:stp_state', 'blocking');
});

test('ageing, isolation, snooping and control frames are set, and set again when somebody changes them', async (t) => {
  const lab = await Lab.start(t);
  const neighbour = await lab.neighbour();
  await connect(lab.host, 'a0', neighbour, 'a1');
  await lab.vsctlAll([
    'add-br br0',
    'add-port br0 a0 -- set Port a0 protected=true other_config:mcast-snooping-flood=true',
    'add-port br0 b0 -- set Interface b0 type=internal',
    'set Bridge br0 mcast_snooping_enable=true other_config:mac-aging-time=60 other_config:mac-table-size=100 other_config:forward-bpdu=true',
    'set Bridge br0 other_config:mcast-snooping-aging-time=90 other_config:mcast-snooping-table-size=512',
    'set Bridge br0 other_config:mcast-snooping-disable-flood-unregistered=true other_config:disable-in-band=true other_config:in-band-queue=2 other_config:dp-desc=x',
  ]);
  const bridge = {
    ageing_time: 6000,
    group_fwd_mask: '0xfff8',
    mcast_snooping: 1,
    mcast_querier: 1,
    mcast_hash_max: 512,
    mcast_membership_intvl: 9000,
  };
  const asAsked = async (): Promise<void> => {
    t.like(await details(lab, 'sw-br0', 'info_data'), bridge);
    t.like(await details(lab, 'a0', 'info_slave_data'), {
      isolated: true,
      mcast_flood: true,
      multicast_router: 2,
      group_fwd_mask: '0xfffd',
    });
    t.like(await details(lab, 'to-b0', 'info_slave_data'), {
      isolated: false,
      mcast_flood: false,
      multicast_router: 1,
    });
  };
  await asAsked();
  t.regex(await lab.get('Bridge', 'br0', 'status:error'), /holds back 224\.0\.0\.0\/24/);
  await lab.host.ip('link set sw-br0 type bridge ageing_time 100 group_fwd_mask 0 mcast_snooping 0');
  await lab.host.ip('link set a0 type bridge_slave isolated off mcast_flood off mcast_router 0');
  await lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:look=again');
  await asAsked();
  await lab.assertSettled();
  await lab.vsctlAll([
    'clear Bridge br0 other_config',
    'set Bridge br0 mcast_snooping_enable=false',
    'clear Port a0 other_config',
  ]);
  t.like(await details(lab, 'sw-br0', 'info_data'), { ageing_time: 30000, group_fwd_mask: '0', mcast_snooping: 0 });
  t.like(await details(lab, 'to-b0', 'info_slave_data'), { mcast_flood: true });
  t.is(await lab.get('Bridge', 'br0', 'status'), '{}');
});

test('addresses that no device can have are told', async (t) => {
  const lab = await Lab.start(t);
  await lab
    .vsctlAll([
      'add-br br0 -- set Bridge br0 other_config:hwaddr=01:00:00:00:00:01',
      'add-port br0 int0 -- set Interface int0 type=internal mac="ff:ff:ff:ff:ff:ff"',
    ])
    .catch(() => {});
  t.is(
    await lab.get('Bridge', 'br0', 'status:error'),
    '"other_config:hwaddr=01:00:00:00:00:01 is no Ethernet address that a device can have: it is left out"',
  );
  t.regex(await lab.get('Interface', 'int0', 'error'), /^"mac=ff:ff:ff:ff:ff:ff is no Ethernet address/);
  t.regex(await lab.get('Interface', 'int0', 'ofport'), /^[1-9]/);
});

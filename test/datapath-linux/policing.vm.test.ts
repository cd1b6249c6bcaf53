/** Policing: what the columns ask for, the filters that carry it out, and what still gets through. */
import test from 'ava';
import { policesOf } from '../../datapath-linux/aspect/policing.ts';
import { kernelHas } from '../helpers/kernel.ts';
import { Lab } from '../helpers/lab.ts';
import { connect, rootTest } from '../helpers/netns.ts';
import { kernel, root, testRequiring } from '../helpers/requires.ts';
import { rowView } from '../helpers/rows.ts';

test('no rate, no policing, whatever the burst', (t) => {
  t.deepEqual(policesOf(rowView({})), []);
  t.deepEqual(policesOf(rowView({ ingress_policing_burst: 100, ingress_policing_kpkts_burst: 5 })), []);
});

test('a rate without a burst gets the C daemon’s', (t) => {
  t.deepEqual(policesOf(rowView({ ingress_policing_rate: 1000 })), [
    { kind: 'police', bytes: { rate: 125_000, burst: 1_024_000 } },
  ]);
  t.deepEqual(policesOf(rowView({ ingress_policing_kpkts_rate: 5 })), [
    { kind: 'police', packets: { rate: 5000, burst: 16_000 } },
  ]);
});

test('both rates, which the kernel refuses in one action, become two', (t) => {
  const columns = { ingress_policing_rate: 100_000, ingress_policing_burst: 50 };
  const packets = { ingress_policing_kpkts_rate: 5, ingress_policing_kpkts_burst: 7 };
  t.deepEqual(policesOf(rowView({ ...columns, ...packets })), [
    { kind: 'police', bytes: { rate: 12_500_000, burst: 6400 } },
    { kind: 'police', packets: { rate: 5000, burst: 7000 } },
  ]);
});

rootTest('a kernel without policing is told in one sentence, and the port works', async (t) => {
  if (kernelHas('police')) {
    t.pass('this kernel polices');
    return;
  }
  const lab = await Lab.start(t);
  await lab.host.ip('link add p0 type veth peer name q0');
  await lab.vsctlAll(['add-br br0', 'add-port br0 p0', 'set Interface p0 ingress_policing_rate=1000']);
  t.is(
    await lab.get('Interface', 'p0', 'error'),
    '"could not police what p0 receives: this kernel has no policing (CONFIG_NET_ACT_POLICE, module act_police)"',
  );
  t.is(await lab.get('Interface', 'p0', 'ofport'), '1');
});

testRequiring(root(), kernel('police'))(
  'policing is installed, changed, mended and taken away, and leaves the filters of others',
  async (t) => {
    const lab = await Lab.start(t);
    const { host } = lab;
    await host.ip('link add p0 type veth peer name q0');
    const show = async (dev: string): Promise<string> =>
      (await host.run('tc', 'filter', 'show', 'dev', dev, 'ingress'))
        .replace(/^.*\b(police \S+ rate.*)overhead.*$|^.*$/gm, '$1')
        .replace(/police \S+ /g, '')
        .replace(/\n+/g, '\n')
        .trim();
    await lab.vsctlAll([
      'add-br br0',
      'add-port br0 p0',
      'set Interface p0 ingress_policing_rate=1000',
      'set Interface br0 ingress_policing_rate=2000',
    ]);
    t.is(await show('p0'), 'rate 1Mbit burst 1000Kb mtu 64Kb action drop/continue');
    t.is(await show('to-br0'), 'rate 2Mbit burst 1000Kb mtu 64Kb action drop/continue');
    t.is(await lab.get('Interface', 'p0', 'error'), '[]');
    await lab.assertSettled();

    await host.run(
      'tc',
      ...'filter add dev p0 ingress prio 77 u32 match u32 0 0 action mirred egress mirror dev lo'.split(' '),
    );
    await lab.vsctl(
      'set',
      'Interface',
      'p0',
      'ingress_policing_rate=100',
      'ingress_policing_burst=200',
      'ingress_policing_kpkts_rate=5',
    );
    const both =
      'rate 100Kbit burst 25Kb mtu 64Kb action drop/continue \nrate 0bit burst 0b mtu 64Kb pkts_rate 5000 pkts_burst 16000 action drop/continue';
    t.is(await show('p0'), both);
    await lab.assertSettled();

    await lab.stopSwitch('SIGKILL');
    await host.run('tc', ...'filter del dev p0 ingress prio 1'.split(' '));
    lab.startSwitch();
    await lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:again=true');
    t.is(await show('p0'), both);

    await lab.vsctl('del-port', 'p0');
    t.is(await show('p0'), '');
    t.regex(await host.run('tc', 'filter', 'show', 'dev', 'p0', 'ingress'), /pref 77/);
    await lab.vsctl('del-br', 'br0');
  },
);

testRequiring(root(), kernel('police'))('policing lets through its rate and no more', async (t) => {
  t.timeout(120_000);
  const lab = await Lab.start(t);
  const sender = await lab.neighbour();
  await connect(lab.host, 'p0', sender, 'eth0');
  await sender.ip('addr add 10.9.0.1/24 dev eth0');
  await lab.vsctlAll(['add-br br0', 'add-port br0 p0']);
  await lab.host.ip('addr add 10.9.0.2/24 dev br0');
  await lab.host.ip('link set br0 up');
  await sender.ping('10.9.0.2');
  // One burst of 40,960 bytes and 20 a second thereafter, of packets of 1042 bytes.
  await lab.vsctl('set', 'Interface', 'p0', 'ingress_policing_rate=166', 'ingress_policing_burst=320');
  const arrived = async (): Promise<number> =>
    JSON.parse(await lab.host.ip('-s -j link show br0'))[0].stats64.rx.packets;
  const before = await arrived();
  const start = performance.now();
  await sender.run('ping', '-n', '-q', '-c', '400', '-i', '0.005', '-s', '1000', '-W', '1', '10.9.0.2').catch(() => '');
  const seconds = (performance.now() - start) / 1000;
  const packets = (await arrived()) - before;
  const expected = 39 + 20 * seconds;
  t.true(packets > expected * 0.5 && packets < expected * 1.3, `${packets} packets in ${seconds} s`);
});

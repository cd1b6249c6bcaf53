/** VLANs in the kernel: what changes leave alone, what is adopted, mended, and taken away again. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';
import { Lab } from '../helpers/lab.ts';
import { connect, type Namespace } from '../helpers/netns.ts';
import { cPrograms, kernel, root, testRequiring } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';

const test = testRequiring(root(), cPrograms(), kernel('bridge VLAN filtering'));

/** A neighbour with an address, behind the port `name`. */
async function neighbourAt(lab: Lab, name: string, address: string): Promise<Namespace> {
  const neighbour = await lab.neighbour();
  await connect(lab.host, name, neighbour, 'eth0');
  await neighbour.ip(`addr add ${address}/24 dev eth0`);
  return neighbour;
}

/** Pings until told to stop; then how many were not answered. */
function pinging(from: Namespace, address: string): () => Promise<number> {
  const child = from.spawn('ping', '-n', '-q', '-i', '0.01', address);
  const output = child.stdout ? text(child.stdout) : Promise.resolve('');
  return async () => {
    child.kill('SIGINT');
    await once(child, 'exit');
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(await output) ?? [];
    if (sent === undefined || Number(sent) < 50) throw new Error(`no traffic: ${await output}`);
    return Number(sent) - Number(received);
  };
}

type VlanJson = readonly { readonly vlan: number; readonly flags?: readonly string[] }[];

/** `10 PVID Egress Untagged`, `20-22`: as bridge(8) tells them, VLANs that are alike together. */
async function vlansOf(lab: Lab, device: string): Promise<string[]> {
  const ports: readonly { readonly ifname: string; readonly vlans: VlanJson }[] = JSON.parse(
    await lab.host.run('bridge', '-j', 'vlan', 'show'),
  );
  const ranges: { first: number; last: number; flags: string }[] = [];
  for (const { vlan, flags = [] } of ports.find(({ ifname }) => ifname === device)?.vlans ?? []) {
    const before = ranges.at(-1);
    if (before?.last === vlan - 1 && before.flags === flags.join(' ')) before.last = vlan;
    else ranges.push({ first: vlan, last: vlan, flags: flags.join(' ') });
  }
  return ranges.map(({ first, last, flags }) => `${first === last ? first : `${first}-${last}`} ${flags}`.trim());
}

/** In milliseconds: an emulated processor takes its time, and the switch rests after each look. */
const patience = 180_000;

const changes = [
  'set Port p2 tag=10',
  'set Port p2 tag=20',
  'set Port p2 trunks=30,4094 -- clear Port p2 tag',
  'set Port p2 vlan_mode=native-tagged -- set Port p2 tag=5',
  'clear Port p2 tag -- clear Port p2 trunks -- clear Port p2 vlan_mode',
];

test('traffic of other ports loses nothing while VLANs change, the first and the last among them', async (t) => {
  const lab = await Lab.start(t);
  await neighbourAt(lab, 'p0', '10.0.0.1');
  const from = await neighbourAt(lab, 'p1', '10.0.0.2');
  await neighbourAt(lab, 'p2', '10.0.0.3');
  await lab.vsctlAll(['add-br br0', 'add-port br0 p0', 'add-port br0 p1', 'add-port br0 p2']);
  t.true(await from.ping('10.0.0.1'));
  const stop = pinging(from, '10.0.0.1');
  for (const change of changes) await lab.vsctl(...change.split(' '));
  // The last one may be on its way when it is stopped.
  t.true((await stop()) <= 1);
  t.deepEqual(await vlansOf(lab, 'p2'), [], 'nothing is left');
  await lab.assertSettled();
});

async function configure(lab: Lab): Promise<void> {
  await lab.host.ip('link add nic0 address 00:16:3e:00:00:01 type veth peer name nic1');
  await lab.vsctlAll([
    'add-br br0',
    'add-port br0 nic0',
    'add-port br0 i0 tag=10 -- set Interface i0 type=internal',
    'add-port br0 i1 tag=10 vlan_mode=native-untagged trunks=20,21,22 -- set Interface i1 type=internal',
    'add-br fake br0 30',
  ]);
}

const compare = async (t: ExecutionContext): Promise<void> => {
  const lab = await Lab.start(t);
  await configure(lab);
  t.deepEqual(await vlansOf(lab, 'to-i0'), ['10 PVID Egress Untagged']);
  t.deepEqual(await vlansOf(lab, 'to-i1'), ['10 PVID Egress Untagged', '20-22']);
  t.deepEqual(await vlansOf(lab, 'to-fake'), ['30 PVID Egress Untagged']);
  t.deepEqual(await vlansOf(lab, 'nic0'), ['1-4093', '4094 PVID Egress Untagged']);
  await lab.assertSettled();

  await lab.stopSwitch('SIGKILL');
  const from = lab.log.length;
  lab.startSwitch();
  await lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:restarted=true');
  t.deepEqual(lab.stepsSince(from), [], 'a new process finds everything as it should be');

  await lab.host.run('bridge', 'vlan', 'del', 'dev', 'to-i0', 'vid', '10');
  await lab.host.run('bridge', 'vlan', 'add', 'dev', 'to-i0', 'vid', '7');
  await until(
    'the VLANs are mended',
    async () => (await vlansOf(lab, 'to-i0')).join() === '10 PVID Egress Untagged',
    patience,
  );

  await lab.vsctl('set', 'Port', 'i0', 'tag=11');
  t.deepEqual(await vlansOf(lab, 'to-i0'), ['11 PVID Egress Untagged'], 'it leaves the VLAN that it was in');
  await lab.vsctl('set', 'Port', 'i0', 'tag=4095');
  t.regex(await lab.get('Interface', 'i0', 'error'), /VLAN 4095 is reserved/);
  t.deepEqual(await vlansOf(lab, 'to-i0'), []);

  await lab.vsctl('del-br', 'br0');
  t.is(await lab.host.run('tc', 'qdisc', 'show', 'dev', 'nic0', 'clsact'), '', 'what was there before is as it was');
};
test('the kernel has the VLANs that are asked for: adopted, mended, changed, and taken away', compare);

test('the local port that bears a physical address is reached in every VLAN that it is in', async (t) => {
  const lab = await Lab.start(t);
  const neighbour = await lab.neighbour();
  await lab.host.ip('link add nic0 address 00:16:3e:00:00:01 type veth peer name tmp0');
  await lab.host.ip(`link set tmp0 netns ${neighbour.name} name eth0`);
  await lab.host.ip('link set nic0 up');
  await neighbour.ip('link set eth0 up');
  await neighbour.ip('addr add 10.0.0.2/24 dev eth0');
  await lab.vsctlAll(['add-br br0', 'add-port br0 nic0']);
  t.is((await lab.host.link('br0')).address, '00:16:3e:00:00:01');
  await lab.host.ip('addr add 10.0.0.1/24 dev br0');
  await lab.host.ip('link set br0 up');
  t.true(await neighbour.ping('10.0.0.1'));
  await lab.vsctl('set', 'Port', 'br0', 'tag=7', '--', 'set', 'Port', 'nic0', 'tag=7');
  t.true(await neighbour.ping('10.0.0.1'), 'in VLAN 7');
  await lab.vsctl('clear', 'Port', 'br0', 'tag', '--', 'clear', 'Port', 'nic0', 'tag');
  t.true(await neighbour.ping('10.0.0.1'), 'in none');
  await lab.assertSettled();
});

/** Everything at once: configuration changes while others change links faster than they can be read. */
import { readdirSync } from 'node:fs';
import { Lab } from '../helpers/lab.ts';
import { connect, rootTest as test } from '../helpers/netns.ts';
import { Random } from '../helpers/random.ts';
import { until } from '../helpers/until.ts';

const seed = Number(process.env.SEED ?? 1);
const edits = 60;

/** One random edit, as an ovs-vsctl command line. Ports have types by their names. */
function randomEdit(random: Random): string[] {
  const bridge = random.pick(['br0', 'br1']);
  const kind = random.pick(['int', 'tap', 'veth']);
  const name = `${kind}${random.below(4)}`;
  const type = kind === 'int' ? 'internal' : kind === 'tap' ? 'tap' : 'system';
  if (random.chance(0.1)) return ['--if-exists', 'del-br', bridge, '--', '--may-exist', 'add-br', bridge];
  if (random.chance(0.4)) return ['--if-exists', 'del-port', name];
  const add = ['--if-exists', 'del-port', name, '--', 'add-port', bridge, name];
  const settings = random.chance(0.3) ? [`mtu_request=${random.pick([1400, 1500])}`] : [];
  return [...add, '--', 'set', 'Interface', name, `type=${type}`, ...settings];
}

/** One thing that others do; it may fail, because the device is not there. */
async function interfere(random: Random, lab: Lab): Promise<void> {
  const { host } = lab;
  const device = random.pick(['to-int0', 'int1', 'tap0', 'sw-br0', 'veth0', 'veth1', 'to-br1']);
  const actions = [
    () => host.ip(`link set ${device} nomaster`),
    () => host.ip(`link set ${device} down`),
    () => host.ip(`link set ${device} alias foreign`),
    () => (device.startsWith('veth') ? Promise.resolve('') : host.ip(`link del ${device}`)),
    () => host.ip(`link set ${device} mtu 1300`),
    () => lab.stopSwitch('SIGKILL').then(() => lab.startSwitch()),
  ];
  await random
    .pick(actions)()
    .catch(() => {});
}

test('random edits, crashes and foreign hands end in what the database says', async (t) => {
  t.timeout(240_000);
  const lab = await Lab.start(t);
  const neighbour = await lab.neighbour();
  await lab.vsctlAll(['add-br br0', 'add-br br1']);
  for (let i = 0; i < 4; i++) await connect(lab.host, `veth${i}`, neighbour, `eth${i}`);
  const churn = lab.host.spawn(
    'sh',
    '-c',
    'while :; do ip link add churn0 type veth peer name churn1; ip link del churn0; done',
  );
  const random = new Random(seed);
  t.log(`seed ${seed}`);
  for (let edit = 0; edit < edits; edit++) {
    await lab.vsctl('--no-wait', ...randomEdit(random));
    await interfere(random, lab);
  }
  churn.kill('SIGKILL');
  await lab.vsctlAll(['add-port br0 last0 -- set Interface last0 type=internal']);
  await until('nothing is left to do', () =>
    lab.assertSettled().then(
      () => true,
      () => undefined,
    ),
  );
  await assertAsConfigured(lab);
  t.notRegex(lab.log, /Error:|\|EMER\|| {4}at /, 'no stack traces');
  const descriptors = () => readdirSync(`/proc/${lab.switch.pid}/fd`).length;
  const before = descriptors();
  for (let edit = 0; edit < 10; edit++) await lab.vsctl(...randomEdit(random));
  t.true(descriptors() <= before, 'no descriptor leaks');
  await lab.vsctlAll(['del-br br0', 'del-br br1']);
  const left = (await lab.host.links()).map(({ ifname }) => ifname).filter((name) => !/^(lo|churn\d)$/.test(name));
  t.deepEqual(left.sort(), ['veth0', 'veth1', 'veth2', 'veth3']);
});

/** Every port is in the kernel bridge of its bridge, and nothing else is. */
async function assertAsConfigured(lab: Lab): Promise<void> {
  const links = await lab.host.links();
  for (const bridge of ['br0', 'br1']) {
    const ports = (await lab.vsctl('list-ports', bridge)).split('\n').filter((name) => name !== '');
    const expected = [...ports, bridge].map((name) => (/^(int|last|br)/.test(name) ? `to-${name}` : name)).sort();
    const found = links.filter(({ master }) => master === `sw-${bridge}`).map(({ ifname }) => ifname);
    if (found.sort().join() !== expected.join()) throw new Error(`${bridge} has ${found}, not ${expected}`);
  }
}

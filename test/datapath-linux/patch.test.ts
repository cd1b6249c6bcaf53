/** Patch ports, the same on the C daemon and ours: what they say, and what passes. */
import type { ExecutionContext } from 'ava';
import { Lab } from '../helpers/lab.ts';
import { connect, rootTest } from '../helpers/netns.ts';
import { cPrograms, root, testRequiring } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';

const daemons = ['ours', 'c'] as const;
type Daemon = (typeof daemons)[number];

const both = (name: string, body: (t: ExecutionContext, lab: Lab) => Promise<void>): void => {
  for (const daemon of daemons) {
    testRequiring(root(), cPrograms())(`${name} (${daemon})`, async (t) => {
      const lab = await Lab.start(t, { daemon });
      await addBridges(lab, daemon);
      await body(t, lab);
    });
  }
};

/** The C daemon's kernel datapath needs a module: its userspace one says and does the same. */
async function addBridges(lab: Lab, daemon: Daemon): Promise<void> {
  for (const bridge of ['br0', 'br1']) {
    const type = daemon === 'c' ? `-- set Bridge ${bridge} datapath_type=netdev` : '';
    await lab.vsctlAll([`add-br ${bridge} ${type}`.trim()]);
  }
}

const add = (lab: Lab, bridge: string, name: string, ...options: readonly string[]): Promise<string> =>
  lab.vsctl('add-port', bridge, name, '--', 'set', 'Interface', name, 'type=patch', ...options);

/** `Interface.error`, with the name of the datapath's type left out; and whether it is a port. */
async function told(lab: Lab, name: string): Promise<string> {
  const error = await lab.get('Interface', name, 'error');
  const isPort = Number(await lab.get('Interface', name, 'ofport')) > 0;
  return `${isPort ? 'port' : 'none'} ${error.replace(/'(netdev|system)'/, 'TYPE')}`;
}

/** The C daemon writes what it learns about peers some time after it has said that all is done. */
async function tells(t: ExecutionContext, lab: Lab, name: string, expected: string): Promise<void> {
  let last = '';
  await until(`${name} tells ${expected}`, async () => {
    last = await told(lab, name);
    return last === expected;
  }).catch(() => undefined);
  t.is(last, expected);
}

const noPeer = (name: string): string => `port "No usable peer '${name}' exists in TYPE datapath."`;

both('wrong options are told in these words', async (t, lab) => {
  await add(lab, 'br0', 'p0');
  await tells(t, lab, 'p0', `none "p0: patch type requires valid 'peer' argument"`);
  await add(lab, 'br0', 'p1', 'options:peer=p1');
  await tells(t, lab, 'p1', 'none "p1: patch peer must not be self"');
  await add(lab, 'br0', 'p2', 'options:peer=p3', 'options:key=1');
  await tells(t, lab, 'p2', `none "p2: patch type takes only a 'peer' argument"`);
});

both('a peer that is missing, no patch port, or another one’s peer is not usable', async (t, lab) => {
  await add(lab, 'br0', 'p0', 'options:peer=nowhere');
  await tells(t, lab, 'p0', noPeer('nowhere'));
  await add(lab, 'br0', 'p1', 'options:peer=br1');
  await tells(t, lab, 'p1', noPeer('br1'));
  await add(lab, 'br1', 'q2', 'options:peer=p2');
  await add(lab, 'br0', 'p2', 'options:peer=q2');
  await add(lab, 'br0', 'p3', 'options:peer=q2');
  await tells(t, lab, 'p2', 'port []');
  await tells(t, lab, 'p3', noPeer('q2'));
});

both('the ends may come in either order, go, come back, and be renamed', async (t, lab) => {
  await add(lab, 'br0', 'a-patch-port-with-a-long-name', 'options:peer=b/end');
  await tells(t, lab, 'a-patch-port-with-a-long-name', noPeer('b/end'));
  await add(lab, 'br1', 'b/end', 'options:peer=a-patch-port-with-a-long-name');
  await tells(t, lab, 'a-patch-port-with-a-long-name', 'port []');
  await tells(t, lab, 'b/end', 'port []');
  t.is(await lab.get('Interface', 'b/end', 'link_state'), 'up');
  t.is(await lab.get('Interface', 'b/end', 'mtu'), '[]');
  t.is(await lab.get('Interface', 'b/end', 'status'), '{}');
  await lab.vsctl('set', 'Interface', 'b/end', 'options:peer=elsewhere');
  await tells(t, lab, 'b/end', noPeer('elsewhere'));
  await lab.vsctl('set', 'Interface', 'b/end', 'options:peer=a-patch-port-with-a-long-name');
  await tells(t, lab, 'b/end', 'port []');
});

/** Two hosts, each behind a bridge of its own, joined by a pair of patch ports. */
async function joined(lab: Lab) {
  const [a, b] = [await lab.neighbour(), await lab.neighbour()];
  await connect(lab.host, 'va', a, 'eth0');
  await connect(lab.host, 'vb', b, 'eth0');
  await a.ip('addr add 10.0.0.1/24 dev eth0');
  await b.ip('addr add 10.0.0.2/24 dev eth0');
  await lab.vsctlAll(['add-port br0 va', 'add-port br1 vb']);
  return a;
}

both('frames pass from bridge to bridge, as long as both ends are there', async (t, lab) => {
  const a = await joined(lab);
  await add(lab, 'br0', 'p0', 'options:peer=p1');
  t.false(await a.ping('10.0.0.2', 1, 2));
  await add(lab, 'br1', 'p1', 'options:peer=p0');
  await until('frames pass', () => a.ping('10.0.0.2', 1, 2));
  t.true(await a.ping('10.0.0.2'));
  await lab.vsctl('del-port', 'p1');
  await tells(t, lab, 'p0', noPeer('p1'));
  t.false(await a.ping('10.0.0.2', 1, 2));
  await add(lab, 'br1', 'p1', 'options:peer=p0');
  await until('frames pass', () => a.ping('10.0.0.2', 1, 2));
  t.true(await a.ping('10.0.0.2'));
});

rootTest('a second look does nothing, a killed switch leaves the pair, and del-br leaves nothing', async (t) => {
  const lab = await Lab.start(t);
  const before = await lab.host.links();
  await addBridges(lab, 'ours');
  await add(lab, 'br0', 'p0', 'options:peer=p1');
  await lab.assertSettled();
  await add(lab, 'br1', 'p1', 'options:peer=p0');
  await add(lab, 'br0', 'p2', 'options:peer=p3');
  await lab.assertSettled();
  const during = await lab.host.links();
  await lab.stopSwitch('SIGKILL');
  t.deepEqual(await lab.host.links(), during);
  lab.startSwitch();
  await lab.assertSettled();
  t.deepEqual(await lab.host.links(), during);
  await lab.host.ip('link del pa-p1');
  await lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:again=true');
  t.deepEqual((await lab.host.links()).map(({ ifname }) => ifname).sort(), during.map(({ ifname }) => ifname).sort());
  await lab.vsctlAll(['del-br br0', 'del-br br1']);
  t.deepEqual(await lab.host.links(), before);
});

rootTest('a pair within one bridge would be a loop: nothing passes, and the ports say why', async (t) => {
  const lab = await Lab.start(t);
  await lab.vsctl('add-br', 'br0');
  await add(lab, 'br0', 'p0', 'options:peer=p1');
  await add(lab, 'br0', 'p1', 'options:peer=p0');
  t.regex(await lab.get('Interface', 'p0', 'error'), /same bridge, which would be a loop/);
  t.is(await lab.get('Interface', 'p1', 'link_state'), 'down');
});

/**
 * Random configurations, edited and disturbed at random. After each edit nothing is left to do, and every port that has a
 * number is in its bridge; in the end the kernel is as it was. SEED=N repeats another run.
 */
import { closeSync, openSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { NetlinkClient } from '../../../datapath-linux/netlink/client.ts';
import { dumpTables, parseTable, type Table } from '../../../datapath-linux/netlink/nftables.ts';
import { inMachine } from '../../helpers/kernel.ts';
import { Lab } from '../../helpers/lab.ts';
import { connect, type Namespace, rootTest as test } from '../../helpers/netns.ts';
import { Random } from '../../helpers/random.ts';
import { until } from '../../helpers/until.ts';
import { bondMembers, bridges, cables, randomEdit } from './edits.ts';
import { interfere } from './interference.ts';

const seed = Number(process.env.SEED ?? 1);
/** The virtual machine is slow, and has more to do for each edit. */
const edits = inMachine ? 8 : 60;

async function start(t: ExecutionContext): Promise<{ lab: Lab; before: string }> {
  t.timeout(600_000);
  t.log(`seed ${seed}`);
  const lab = await Lab.start(t);
  const neighbour = await lab.neighbour();
  for (const [i, cable] of cables.entries()) await connect(lab.host, cable, neighbour, `eth${i}`);
  const before = await snapshot(lab.host);
  await lab.vsctlAll(bridges.map((bridge) => `add-br ${bridge}`));
  return { lab, before };
}

/** The tables of the packet filter, whosever they are. */
function tables(host: Namespace): readonly (Table | undefined)[] {
  const namespace = openSync(`/run/netns/${host.name}`, 'r');
  const client = new NetlinkClient(namespace);
  try {
    return client.netfilter.dump(dumpTables(), parseTable);
  } finally {
    client.close();
    closeSync(namespace);
  }
}

/** Devices with their settings, queues and filters, and the tables of the packet filter. */
async function snapshot(host: Namespace): Promise<string> {
  const links = (await host.links())
    .filter(({ ifname }) => !/^(gre|gretap|erspan|ip6gre|ip6tnl|sit|tunl)\d$/.test(ifname))
    .map(({ ifindex: _, ...link }) => ({
      ...link,
      flags: link.flags.filter((flag) => flag !== 'LOWER_UP').toSorted(),
    }));
  const filters = await Promise.all(cables.map((cable) => host.run('tc', 'filter', 'show', 'dev', cable, 'ingress')));
  const queues = (await host.run('tc', 'qdisc', 'show'))
    .split('\n')
    .filter((line) => !/^qdisc (noqueue|pfifo_fast) /.test(line));
  return JSON.stringify(
    [links.toSorted((a, b) => (a.ifname < b.ifname ? -1 : 1)), filters, queues, tables(host)],
    null,
    1,
  );
}

/** What a second look finds to do, once the kernel has come to rest. */
const settle = (lab: Lab): Promise<true> => {
  let last: unknown;
  return until(
    'nothing is left to do',
    () =>
      lab.assertSettled().then(
        () => true as const,
        (error: unknown) => {
          last = error;
          return undefined;
        },
      ),
    60_000,
  ).catch((error: unknown) => {
    throw new Error(`${error}: ${last}`);
  });
};

/** Each port of which some interface has a number is one device in the kernel bridge, as is the bridge's own. */
async function assertInBridges(lab: Lab): Promise<void> {
  const links = await lab.host.links();
  const rows: readonly (readonly [string, number])[] = JSON.parse(
    await lab.vsctl('--columns=name,ofport', '-f', 'json', 'list', 'Interface'),
  ).data;
  const working = new Set(rows.flatMap(([name, ofport]) => (ofport > 0 ? [name] : [])));
  for (const bridge of bridges) {
    const found = links.filter(({ master }) => master === `sw-${bridge}`).map(({ ifname }) => ifname);
    const ports = lines(await lab.vsctl('list-ports', bridge));
    const interfaces = lines(await lab.vsctl('list-ifaces', bridge));
    const bonds = ports.filter((port) => bondMembers[port]?.some((member) => working.has(member)));
    const expected = [bridge, ...ports.filter((port) => interfaces.includes(port) && working.has(port)), ...bonds];
    if (found.length !== expected.length) throw new Error(`${bridge} has ${found}, not ${expected}`);
  }
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

async function assertGone(t: ExecutionContext, lab: Lab, before: string): Promise<void> {
  t.true(tables(lab.host).length > 0, 'frames are held back as long as there are bridges');
  await lab.vsctlAll(bridges.map((bridge) => `del-br ${bridge}`));
  await settle(lab);
  t.is(await snapshot(lab.host), before);
  t.notRegex(lab.log, /Error:|\|EMER\|| {4}at /, 'no stack traces');
}

test('after each random edit nothing is left to do, and in the end nothing is left', async (t) => {
  const { lab, before } = await start(t);
  const random = new Random(seed);
  for (let edit = 0; edit < edits; edit++) {
    const command = randomEdit(random);
    try {
      await lab.vsctl(...command);
      await settle(lab);
      await assertInBridges(lab);
    } catch (error) {
      throw new Error(`after edit ${edit}, ${command.join(' ')}: ${error}`);
    }
  }
  await assertGone(t, lab, before);
});

test('the same with crashes and foreign hands', async (t) => {
  const { lab, before } = await start(t);
  const random = new Random(seed + 1);
  for (let edit = 0; edit < edits; edit++) {
    const command = randomEdit(random);
    await lab.vsctl('--no-wait', ...command);
    await interfere(random, lab);
    if (edit % 5 === 4) {
      await settle(lab).catch((error: unknown) => {
        throw new Error(`after edit ${edit}, ${command.join(' ')}: ${error}`);
      });
    }
  }
  for (const cable of cables) await lab.host.ip(`link set ${cable} up mtu 1500`);
  await settle(lab);
  await assertInBridges(lab);
  await assertGone(t, lab, before);
});

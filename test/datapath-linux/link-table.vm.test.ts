/** The copy of the links that notices keep fresh, against a dump of them all, while links change at random. */
import { closeSync, openSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { LinkTable } from '../../datapath-linux/link-table.ts';
import { NetlinkClient } from '../../datapath-linux/netlink/client.ts';
import { LinkEvents } from '../../datapath-linux/netlink/events.ts';
import { type Link, parseLink } from '../../datapath-linux/netlink/link.ts';
import { addAltname, changeLink, dumpLinks } from '../../datapath-linux/netlink/request.ts';
import { inMachine } from '../helpers/kernel.ts';
import { Namespace, rootTest as test } from '../helpers/netns.ts';
import { Random } from '../helpers/random.ts';
import { until } from '../helpers/until.ts';

const seed = Number(process.env.SEED ?? 1);
const changes = inMachine ? 40 : 150;

interface Bench {
  readonly host: Namespace;
  readonly other: Namespace;
  readonly client: NetlinkClient;
  readonly table: LinkTable;
  /** How often the table has read everything. */
  dumps: number;
}

async function openBench(t: ExecutionContext): Promise<Bench> {
  const [host, other] = [await Namespace.create(), await Namespace.create()];
  t.teardown(() => host.close());
  const descriptor = openSync(`/run/netns/${host.name}`, 'r');
  const client = new NetlinkClient(descriptor);
  const events = new LinkEvents(() => {}, descriptor);
  t.teardown(() => {
    events.close();
    client.close();
    closeSync(descriptor);
  });
  const counting: Pick<NetlinkClient, 'batch' | 'dump'> = {
    batch: (messages) => client.batch(messages),
    dump: (message, parse) => {
      bench.dumps++;
      return client.dump(message, parse);
    },
  };
  const table = new LinkTable({ client: counting, events, now: () => 0 });
  const bench = { host, other, client, table, dumps: 0 };
  return bench;
}

const byIndex = (links: readonly Link[]): Link[] => links.toSorted((a, b) => a.ifindex - b.ifindex);
/** The kernel tells of carriers a while after they change. */
const certain = (links: readonly Link[]) => byIndex(links).map(({ carrier: _, carrierChanges: __, ...link }) => link);

const names = ['v0', 'v1', 'v2', 'w0', 'w1', 'w2', 'b0', 'b1'];

/** One thing that somebody does to the links; it may fail. On devices that are down, only what the kernel tells of. */
function randomChange(random: Random, { host, other }: Bench): Promise<unknown> {
  const [name, bridge, far] = [random.pick(names), random.pick(['b0', 'b1']), random.pick(names)];
  const commands = [
    () => host.ip(`link add v${random.below(3)} type veth peer name w${random.below(3)}`),
    () => host.ip(`link add ${bridge} type bridge`),
    () => host.ip(`link del ${name}`),
    () => host.ip(`link set ${name} master ${bridge}`),
    () => host.ip(`link set ${name} nomaster`),
    () => host.ip(`link set ${name} up`),
    () => host.ip(`link set ${name} down`),
    () => host.ip(`link set ${name} mtu ${random.pick([1300, 1400, 1500])}`),
    () => host.ip(`link set ${name} address 02:00:00:00:00:0${random.below(9)}`),
    () => host.ip(`link set ${name} up alias text${random.below(9)}`),
    () => host.ip(`link set ${name} up group ${random.below(9)}`),
    () => host.ip(`link set ${bridge} up type bridge stp_state ${random.below(2)}`),
    () => host.ip(`link set ${name} type bridge_slave isolated ${random.pick(['on', 'off'])}`),
    () => host.ip(`link set ${name} netns ${other.name}`),
    () => other.ip(`link set ${far} netns ${host.name}`),
    () => other.ip(`link del ${far}`),
    () => other.ip(`link set ${far} up`),
  ];
  return random
    .pick(commands)()
    .catch(() => undefined);
}

test('after each change the copy is what a dump says, without one', async (t) => {
  const bench = await openBench(t);
  const { client, table, other } = bench;
  const dump = (): Link[] => client.dump(dumpLinks(), parseLink);
  const random = new Random(seed);
  t.log(`seed ${seed}`);
  table.read();
  for (let change = 0; change < changes; change++) {
    await randomChange(random, bench);
    t.deepEqual(certain(table.read().all), certain(dump()), `after change ${change}`);
  }
  await until(
    'carriers are told of',
    () => JSON.stringify(byIndex(table.read().all)) === JSON.stringify(byIndex(dump())),
  );
  await other.close();
  await until('the other ends of its devices are gone', () =>
    dump().every((link) => link.linkNamespaceId === undefined),
  );
  t.deepEqual(certain(table.read().all), certain(dump()));
  t.is(bench.dumps, 1, 'the first');
});

test('a notice of what is known already is no news', async (t) => {
  const { host, other, table } = await openBench(t);
  t.teardown(() => other.close());
  table.read();
  await host.ip('link add v0 type veth peer name w0');
  t.true(table.takeNotices());
  t.false(table.takeNotices());
  await host.ip('link set v0 mtu 1400');
  table.forget();
  table.read();
  // The same once more, which the kernel tells of although nothing changes.
  await host.ip('link set v0 up');
  table.read();
  await host.ip('link set v0 alias text');
  t.true(table.takeNotices());
  await host.ip('link set v0 alias text');
  t.false(table.takeNotices());
});

test('what changes in silence is known to whoever changed it, and others learn it when the copy is old', async (t) => {
  const { host, other, client, table } = await openBench(t);
  t.teardown(() => other.close());
  await host.ip('link add v0 type veth peer name w0');
  const v0 = () => table.read().find('v0');
  const { ifindex = 0 } = v0() ?? {};
  client.request(changeLink({ ifindex }, { alias: 'ours' }));
  client.request(addAltname(ifindex, 'ours-too'));
  table.suspect([{ ifindex }]);
  t.is(v0()?.alias, 'ours');
  t.deepEqual(v0()?.altnames, ['ours-too']);
  client.request(changeLink({ ifindex }, { alias: 'by name' }));
  table.suspect([{ name: 'v0' }]);
  t.is(v0()?.alias, 'by name');
  await host.ip('link set v0 alias theirs');
  t.is(v0()?.alias, 'by name');
  table.forget();
  t.is(v0()?.alias, 'theirs');
});

/** Filters as the switch encodes them, shown by tc, and read back. */
import { closeSync, openSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import type { Action } from '../../../datapath-linux/netlink/action.ts';
import { NetlinkClient } from '../../../datapath-linux/netlink/client.ts';
import {
  type Classifier,
  cookieOf,
  type Filter,
  isOurFilter,
  newFilter,
  type PresentFilter,
  readFilter,
  removePriority,
} from '../../../datapath-linux/netlink/filter.ts';
import {
  addQdisc,
  clsactHandle,
  dumpFilters,
  dumpQdiscs,
  parseTrafficObject,
  places,
} from '../../../datapath-linux/netlink/traffic-control.ts';
import { connect, Namespace, rootTest } from '../../helpers/netns.ts';

interface Rig {
  readonly host: Namespace;
  readonly client: NetlinkClient;
  /** The ifindexes of a device with clsact, and of another to send copies to. */
  readonly device: number;
  readonly other: number;
}

async function makeRig(t: ExecutionContext): Promise<Rig> {
  const host = await Namespace.create();
  const fd = openSync(`/run/netns/${host.name}`, 'r');
  const client = new NetlinkClient(fd);
  closeSync(fd);
  t.teardown(async () => {
    client.close();
    await host.close();
  });
  await connect(host, 'v0', host, 'v1');
  const device = (await host.link('v0')).ifindex;
  client.request(addQdisc({ ifindex: device, parent: places.clsact, handle: clsactHandle, kind: 'clsact' }));
  return { host, client, device, other: (await host.link('v1')).ifindex };
}

const filtersAt = (client: NetlinkClient, ifindex: number, parent: number): PresentFilter[] =>
  client.dump(dumpFilters(ifindex, parent), parseTrafficObject).flatMap((object) => readFilter(object) ?? []);

const copyTo = (ifindex: number): Action => ({ kind: 'mirred', direction: 'egress', copy: true, ifindex });

const everything: Classifier = { kind: 'u32', keys: [] };
const everythingByBpf: Classifier = { kind: 'bpf', program: [[6, 0, 0, 0xffffffff]] };
const fromTen: Classifier = { kind: 'u32', keys: [{ value: 0x0a000000, mask: 0xff000000, offset: 12 }] };

rootTest('filters are in the kernel as they were sent, and are known again by their marks', async (t) => {
  const { host, client, device, other } = await makeRig(t);
  const filter = (priority: number, classifier: Classifier): Filter => {
    return { ifindex: device, parent: places.ingress, priority, classifier, actions: [copyTo(other)] };
  };
  const filters = [filter(4, everything), filter(5, everythingByBpf), filter(6, fromTen)];
  for (const each of filters) client.request(newFilter(each));
  const shown = await host.run('tc', 'filter', 'show', 'dev', 'v0', 'ingress');
  t.regex(shown, /pref 4 u32.*match 00000000\/00000000 at 0\n\taction order 1: mirred \(Egress Mirror to device v1\)/s);
  t.regex(shown, /pref 5 bpf.*bytecode '1,6 0 0 4294967295'/);
  t.regex(shown, /pref 6 u32.*match 0a000000\/ff000000 at 12/s);

  const read = () => filtersAt(client, device, places.ingress);
  t.deepEqual(
    read().map(({ priority, kind, mark }) => ({ priority, kind, mark })),
    filters.map((each) => ({ priority: each.priority, kind: each.classifier.kind, mark: cookieOf(each) })),
  );
  for (const each of read()) client.request(removePriority(each));
  t.is(await host.run('tc', 'filter', 'show', 'dev', 'v0', 'ingress'), '');
});

rootTest('a filter of somebody else is not taken for ours', async (t) => {
  const { host, client, device } = await makeRig(t);
  await host.run(
    'tc',
    ...'filter add dev v0 ingress prio 3 u32 match u32 0 0 action mirred egress mirror dev v1'.split(' '),
  );
  const found = filtersAt(client, device, places.ingress);
  t.deepEqual(
    found.map((each) => isOurFilter(each)),
    [false],
  );
});

rootTest('a filter counts what it was about', async (t) => {
  const { host, client, device, other } = await makeRig(t);
  client.request(
    newFilter({
      ifindex: device,
      parent: places.egress,
      priority: 10,
      classifier: everything,
      actions: [copyTo(other)],
    }),
  );
  await host.ip('addr add 10.9.0.1/24 dev v0');
  await host.run('ping', '-c', '1', '-W', '1', '10.9.0.2').catch(() => undefined);
  const [found] = filtersAt(client, device, places.egress);
  // At least the question for 10.9.0.2's address was sent: 42 bytes.
  t.true(found !== undefined && found.counters.packets >= 1n && found.counters.bytes >= 42n);
});

rootTest('the queueing disciplines of all devices come in one dump', async (t) => {
  const { client, device } = await makeRig(t);
  const kinds = client
    .dump(dumpQdiscs(), parseTrafficObject)
    .flatMap(({ ifindex, kind }) => (ifindex === device ? [kind] : []));
  t.true(kinds.includes('clsact'));
});

test('a VLAN action, policing of bytes and of packets are encoded with the lengths that the kernel checks', (t) => {
  const encoded = (action: Action): number =>
    newFilter({ ifindex: 1, parent: places.ingress, priority: 1, classifier: { kind: 'matchall' }, actions: [action] })
      .length;
  // tcmsg message 36, TCA_KIND 16, TCA_OPTIONS 4, actions 4, action 4, its kind, TCA_ACT_OPTIONS 4, cookie 20.
  const around = 36 + 16 + 4 + 4 + 4 + 4 + 20;
  t.is(encoded({ kind: 'gact', verdict: 'drop' }), around + 12 + 24);
  t.is(encoded({ kind: 'vlan' }), around + 12 + 28);
  t.is(encoded({ kind: 'vlan', push: { id: 5, protocol: 0x8100 } }), around + 12 + 28 + 8 + 8);
  t.is(encoded({ kind: 'police', bytes: { rate: 125_000, burst: 1_024_000 } }), around + 12 + 60 + 1028 + 8);
  t.is(encoded({ kind: 'police', packets: { rate: 5000, burst: 16_000 } }), around + 12 + 60 + 12 + 12 + 8);
});

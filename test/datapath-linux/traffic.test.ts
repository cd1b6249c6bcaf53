/** Queues and filters are read again when the kernel has told of a change, and not before. */
import test from 'ava';
import { trafficOf } from '../../datapath-linux/aspect/traffic.ts';
import { KernelState } from '../../datapath-linux/kernel.ts';
import { LinkTable } from '../../datapath-linux/link-table.ts';
import { NetlinkClient } from '../../datapath-linux/netlink/client.ts';
import type { LinkNotice } from '../../datapath-linux/netlink/events.ts';
import { linkOf } from '../helpers/link.ts';

class CountingClient extends NetlinkClient {
  dumps = 0;

  override dump(): never[] {
    this.dumps++;
    return [];
  }
}

test('a look after which nothing has changed costs no dump', (t) => {
  const client = new CountingClient();
  t.teardown(() => client.close());
  const waiting: LinkNotice[] = [];
  const take = function* (): Generator<LinkNotice> {
    yield* waiting.splice(0);
  };
  const table = new LinkTable({ client, events: { take }, now: () => 0 });
  const dumpsOfLook = (...notices: readonly LinkNotice[]): number => {
    waiting.push(...notices);
    const links = table.read();
    const before = client.dumps;
    const kernel = new KernelState(links, new Map(), undefined, table.traffic);
    trafficOf(kernel, client);
    trafficOf(kernel.without(new Set([1])), client);
    return client.dumps - before;
  };
  t.is(dumpsOfLook(), 1);
  t.is(dumpsOfLook(), 0);
  t.is(dumpsOfLook({ kind: 'changed', link: () => linkOf('p0') }), 0);
  t.is(dumpsOfLook({ kind: 'traffic' }), 1);
  t.is(dumpsOfLook({ kind: 'gone', ifindex: 7 }), 1, 'a device that comes back has lost its queues');
  t.is(dumpsOfLook({ kind: 'lost' }), 1);
  t.is(dumpsOfLook(), 0);
});

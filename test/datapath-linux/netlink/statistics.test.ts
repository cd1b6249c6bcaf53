import test from 'ava';
import { LinkStatistics } from '../../../datapath-linux/netlink/statistics.ts';

/** Sixteen counters behind `offset` bytes of something else, all 0 but one. */
function counted(offset: number, position: number, value: bigint): LinkStatistics {
  const data = Buffer.alloc(offset + 16 * 8 + 8, 0xaa).fill(0, offset, offset + 16 * 8);
  data.writeBigUInt64LE(value, offset + position * 8);
  return new LinkStatistics(3, data, offset);
}

test('counters are the same or not, wherever in a datagram they are', (t) => {
  t.true(counted(0, 2, 7n).equals(counted(40, 2, 7n)));
  for (const position of [0, 2, 15]) t.false(counted(8, 2, 7n).equals(counted(40, position, 8n)), String(position));
});

test('a copy has the same counters, and keeps them', (t) => {
  const data = Buffer.alloc(200);
  data.writeBigUInt64LE(2n ** 63n, 24 + 2 * 8);
  const statistics = new LinkStatistics(3, data, 24);
  const copy = statistics.copy();
  data.fill(0xff);
  t.is(copy.ifindex, 3);
  t.is(copy.counters.rx_bytes, 2n ** 63n);
  t.is(copy.counters.tx_bytes, 0n);
  t.false(copy.equals(statistics));
});

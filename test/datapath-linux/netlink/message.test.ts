import test from 'ava';
import { parseAddress } from '../../../datapath-linux/netlink/address.ts';
import {
  macAddress,
  type Payload,
  text,
  u8,
  u16,
  u32,
  u64,
  visitAttributes,
} from '../../../datapath-linux/netlink/attribute.ts';
import { NetlinkError, NetlinkFormatError } from '../../../datapath-linux/netlink/error.ts';
import { parseForwardingEntry } from '../../../datapath-linux/netlink/forwarding.ts';
import { parseLink } from '../../../datapath-linux/netlink/link.ts';
import { createBridge, createVeth } from '../../../datapath-linux/netlink/link-kind.ts';
import { errorOf, flags, MessageBuilder, messages, stamp } from '../../../datapath-linux/netlink/message.ts';
import { parseStatistics } from '../../../datapath-linux/netlink/statistics.ts';
import { Random } from '../../helpers/random.ts';

const only = <T>(items: Iterable<T>): T => {
  const [item, ...rest] = items;
  if (item === undefined || rest.length > 0) throw new Error('not exactly one');
  return item;
};

test('a message says what was put into it', (t) => {
  const built = new MessageBuilder(16, flags.create, Buffer.from('fixed part!!'))
    .text(3, 'eth0')
    .u8(1, 200)
    .u16(2, 60_000)
    .u32(4, 4_000_000_000)
    .i32(5, -1)
    .bytes(6, Buffer.from('020000000001', 'hex'))
    .nested(18, (message) => {
      message.text(1, 'veth').nested(2, (inner) => inner.u8(7, 7));
    })
    .build();
  stamp(built, 42, flags.ack);
  const message = only(messages(built));
  t.like(message, { type: 16, flags: flags.request | flags.create | flags.ack, sequence: 42 });
  const found = new Map<number, Payload>();
  visitAttributes({ ...message, start: message.start + 12 }, (type, payload) => found.set(type, payload));
  const at = (type: number): Payload => found.get(type) ?? { data: built, start: 0, end: 0 };
  t.is(text(at(3)), 'eth0');
  t.is(u8(at(1)), 200);
  t.is(u16(at(2)), 60_000);
  t.is(u32(at(4)), 4_000_000_000);
  t.is(u32(at(5)) | 0, -1);
  t.is(macAddress(at(6)), '02:00:00:00:00:01');
  const nested: string[] = [];
  visitAttributes(at(18), (type, payload) => {
    if (type === 1) nested.push(text(payload));
    else visitAttributes(payload, (inner, value) => nested.push(`${inner}=${u8(value)}`));
  });
  t.deepEqual(nested, ['veth', '7=7']);
});

test('what does not fit into an attribute is refused', (t) => {
  const builder = new MessageBuilder(16, 0, Buffer.alloc(16));
  t.throws(() => builder.bytes(1, Buffer.alloc(65_532)), { instanceOf: RangeError });
  const large = () =>
    builder.nested(1, (message) => message.bytes(2, Buffer.alloc(40_000)).bytes(3, Buffer.alloc(40_000)));
  t.throws(large, { instanceOf: RangeError });
});

test('numbers are not read past the end of their attribute', (t) => {
  const short = { data: Buffer.alloc(64), start: 10, end: 11 };
  t.is(u8(short), 0);
  for (const read of [u16, u32, u64]) t.throws(() => read(short), { instanceOf: NetlinkFormatError });
});

/** struct nlmsgerr with an extended ACK, as the kernel sends it with NETLINK_CAP_ACK. */
const errorMessage = (errno: number, detail: string): Buffer => {
  const body = Buffer.alloc(20);
  body.writeInt32LE(-errno, 0);
  const built = new MessageBuilder(2, 0, body).text(1, detail).build();
  built.writeUInt16LE(flags.capped | flags.ackAttributes, 6);
  return built;
};

test("a refusal carries the kernel's own sentence", (t) => {
  const error = errorOf(only(messages(errorMessage(40, 'Can not enslave a bridge to a bridge'))));
  t.true(error instanceof NetlinkError);
  t.is(error?.message, 'Too many levels of symbolic links: Can not enslave a bridge to a bridge');
  t.is(errorOf(only(messages(errorMessage(0, 'a warning')))), undefined);
});

const parsers = { parseLink, parseStatistics, parseForwardingEntry, parseAddress };

/** Everything that is done with bytes from the kernel. */
function readAll(datagram: Buffer): void {
  for (const message of messages(datagram)) {
    errorOf(message);
    for (const parse of Object.values(parsers)) parse(message);
  }
}

test('mutilated messages are refused with a format error, or read as something else: never worse', (t) => {
  const random = new Random(2);
  const veth = { outer: 'to-int0', master: 3, group: 7, inner: 'int0', address: '02:00:00:00:00:01', mtu: 1400 };
  const corpus = [createBridge('sw-br0', '02:00:00:00:00:02', 7), createVeth(veth), errorMessage(17, 'exists')];
  for (let round = 0; round < 50_000; round++) {
    const datagram = Buffer.from(random.pick(corpus));
    for (let change = random.below(6); change >= 0; change--)
      datagram[random.below(datagram.length)] = random.below(256);
    const cut = datagram.subarray(0, random.chance(0.5) ? random.below(datagram.length + 1) : datagram.length);
    try {
      readAll(cut);
    } catch (error) {
      if (!(error instanceof NetlinkFormatError)) throw error;
    }
  }
  t.pass();
});

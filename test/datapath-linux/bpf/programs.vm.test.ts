/** The switch's BPF programs: their bytes, and that the kernel takes every variant of them. */
import test from 'ava';
import { Assembler, verdicts, withMap } from '../../../datapath-linux/bpf/assembler.ts';
import { markedMax, markPriorities } from '../../../datapath-linux/bpf/dscp-program.ts';
import { counterSize, mirror, reserveEgress, reserveIngress } from '../../../datapath-linux/bpf/mirror-program.ts';
import {
  decapsulate,
  type Encapsulation,
  encapsulate,
  markFrames,
} from '../../../datapath-linux/bpf/tunnel-program.ts';
import { native } from '../../../native/index.ts';
import { root, testRequiring } from '../../helpers/requires.ts';

test('instructions are eight bytes each, and jumps go forward to labels', (t) => {
  const program = new Assembler().set(1, 5).when(1, '==', 5, 'end').set(1, -1).label('end').exit(verdicts.drop);
  t.is(
    program.assemble().code.toString('hex'),
    ['b701000005000000', '1601010005000000', 'b7010000ffffffff', 'b700000002000000', '9500000000000000'].join(''),
  );
  t.throws(() => new Assembler().goto('nowhere').assemble(), { message: /no label nowhere/ });
  t.throws(() => new Assembler().label('before').goto('before').assemble(), { instanceOf: RangeError });
});

test("a map's descriptor is put where the program refers to it", (t) => {
  const program = new Assembler().map(1).exit(verdicts.next).assemble();
  t.is(withMap(program, 0x1234).toString('hex', 0, 16), '18110000341200000000000000000000');
  t.is(program.code.toString('hex', 0, 16), '18110000000000000000000000000000', 'the original stays as it was');
});

const loads = (code: Buffer): void => native().close(native().programLoad('test', code));
const withRoot = testRequiring(root());

const tunnel: Encapsulation = {
  device: 7,
  remote: '203.0.113.200',
  local: undefined,
  key: 0xffffff,
  tos: 0,
  ttl: 64,
  dontFragment: true,
  checksum: false,
  mark: undefined,
  groupPolicy: false,
};

withRoot('the kernel takes the programs of all tunnels', (t) => {
  const variants: Partial<Encapsulation>[] = [
    {},
    { remote: 'fd00::1', local: 'fd00::2', checksum: true, dontFragment: false },
    { local: '192.0.2.1', mark: 0xffffffff, groupPolicy: true },
    { tos: 'inherit' },
    { ttl: 'inherit' },
    { tos: 'inherit', ttl: 'inherit', remote: 'fd00::1' },
  ];
  for (const variant of variants) t.notThrows(() => loads(encapsulate({ ...tunnel, ...variant }).code));
  t.notThrows(() => loads(markFrames(0x80000001).code));
  const arrival = { remote: '203.0.113.200', local: undefined, key: 1, device: 3 };
  t.notThrows(() => loads(decapsulate([arrival]).code));
  t.notThrows(() => loads(decapsulate([arrival, { ...arrival, remote: 'fd00::1', local: 'fd00::2' }]).code));
  const many = Array.from({ length: 2000 }, (_, key) => ({ ...arrival, key }));
  t.notThrows(() => loads(decapsulate(many).code));
});

withRoot('the kernel takes the programs of all mirrors', (t) => {
  const map = native().counterCreate('test', counterSize);
  t.teardown(() => native().close(map));
  const ranges = [
    { first: 0, last: 0 },
    { first: 10, last: 20 },
  ];
  for (const direction of ['ingress', 'egress'] as const) {
    for (const vlans of [undefined, [{ first: 0, last: 4095 }], ranges]) {
      for (const once of [false, true]) {
        for (const output of [
          { tagged: [3], untagged: [], vlan: undefined, bytes: 64 },
          { tagged: [], untagged: [3], vlan: undefined, bytes: undefined },
          { tagged: [3, 4], untagged: [5], vlan: 100, bytes: undefined },
        ]) {
          const program = mirror({ direction, vlans, untaggedVlan: 5, once }, output);
          t.notThrows(() => loads(withMap(program, map)), JSON.stringify({ direction, vlans, once, output }));
        }
      }
    }
  }
  t.notThrows(() => loads(reserveIngress().code));
  t.notThrows(() => loads(reserveEgress().code));
});

withRoot('the kernel takes mirrors of as many separate VLANs as there can be', (t) => {
  const map = native().counterCreate('test', counterSize);
  t.teardown(() => native().close(map));
  const odd = Array.from({ length: 2048 }, (_, index) => ({ first: 2 * index + 1, last: 2 * index + 1 }));
  const irregular = odd.filter(({ first }) => first % 7 !== 0 && first % 11 !== 0);
  for (const direction of ['ingress', 'egress'] as const) {
    for (const vlans of [odd, irregular]) {
      const output = { tagged: [3, 4], untagged: [5], vlan: undefined, bytes: 64 };
      const program = mirror({ direction, vlans, untaggedVlan: 5, once: true }, output);
      t.notThrows(() => loads(withMap(program, map)), `${direction}, ${vlans.length} VLANs`);
    }
  }
});

withRoot('what the kernel does not take is told with its reason', (t) => {
  const error = t.throws(() => loads(new Assembler().copy(0, 5).exit().assemble().code));
  t.regex(error?.message ?? '', /^EACCES: .*!read_ok/s);
  t.throws(() => native().counterOf(0xffffffff), { code: 'ENOENT' });
});

withRoot('a new counter is 0 for every processor', (t) => {
  const map = native().counterCreate('test', counterSize);
  t.teardown(() => native().close(map));
  const values = native().counterRead(map, counterSize);
  t.true(values.length >= counterSize && values.length % counterSize === 0);
  t.true(values.every((byte) => byte === 0));
});

withRoot('the kernel takes programs that mark, for any DSCP and as many queues as they may', (t) => {
  const loaded = (dscps: Iterable<[number, number]>): void => loads(markPriorities(new Map(dscps)).code);
  t.notThrows(() => loaded(Array.from({ length: 64 }, (_, dscp) => [0x10001 + dscp, dscp])));
  t.notThrows(() => loaded(Array.from({ length: markedMax }, (_, queue) => [0x10001 + queue, queue % 64])));
});

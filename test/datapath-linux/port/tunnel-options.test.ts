/** The options of tunnels, and the addresses in them. */
import test from 'ava';
import { canonicalAddress, ipBytes, ipVersion, isMulticast } from '../../../datapath-linux/netlink/ip-address.ts';
import { parseTunnel, type TunnelOptions } from '../../../datapath-linux/port/tunnel-options.ts';
import { interfaceRow } from '../../helpers/rows.ts';

const parse = (options: Readonly<Record<string, string>>, type: 'vxlan' | 'geneve' | 'gre' = 'vxlan') =>
  parseTunnel(interfaceRow('t0', { type, options: new Map(Object.entries(options)) }), type);

function parsed(options: Readonly<Record<string, string>>, type: 'vxlan' | 'geneve' | 'gre' = 'vxlan') {
  const result = parse({ remote_ip: '192.0.2.1', ...options }, type);
  if ('error' in result) throw new Error(result.error);
  return result;
}

test('a remote address is enough: the rest is as the C daemon has it', (t) => {
  t.deepEqual(parsed({}), {
    options: {
      type: 'vxlan',
      remote: '192.0.2.1',
      local: undefined,
      inKey: undefined,
      outKey: undefined,
      port: 4789,
      tos: 0,
      ttl: 64,
      dontFragment: true,
      checksum: false,
      mark: undefined,
      groupPolicy: false,
    },
    remarks: [],
  });
  t.is(parsed({}, 'geneve').options.port, 6081);
});

test('numbers are read as strtoull() reads them with base 0', (t) => {
  const keys: readonly (readonly [string, number])[] = [
    ['42', 42],
    ['0x10', 16],
    ['010', 8],
    ['0', 0],
    ['16777215', 0xffffff],
  ];
  for (const [text, key] of keys) t.is(parsed({ key: text }).options.inKey, key, text);
  for (const text of ['', 'abc', '-1', '1 ', '16777216', '099'])
    t.true('error' in parse({ remote_ip: '192.0.2.1', key: text }), text);
  t.is(parsed({ key: '4294967295' }, 'gre').options.outKey, 0xffffffff);
});

test('the keys of the two directions come before the common one', (t) => {
  const { options } = parsed({ key: '1', in_key: '2' });
  t.is(options.inKey, 2);
  t.is(options.outKey, 1);
});

test('UDP checksums are on over IPv6 unless they are turned off', (t) => {
  const checksum = (options: Readonly<Record<string, string>>, type?: 'gre'): boolean =>
    parsed(options, type).options.checksum;
  t.true(checksum({ remote_ip: 'fd00::1' }));
  t.false(checksum({ remote_ip: 'fd00::1', csum: 'false' }));
  t.false(checksum({ remote_ip: 'fd00::1' }, 'gre'));
  t.true(checksum({ csum: 'true' }));
});

test('what is not understood is remarked, and has the default', (t) => {
  const { options, remarks } = parsed({
    tos: '3',
    ttl: 'x',
    exts: 'gpe,gbp',
    dst_port: '70000',
    foo: 'bar',
    local_ip: 'x',
  });
  t.deepEqual([...remarks].sort(), [
    "t0: bad vxlan 'dst_port'",
    "t0: bad vxlan 'local_ip'",
    't0: invalid TOS 3',
    't0: invalid TTL x',
    "t0: unknown extension 'gpe'",
    "t0: unknown vxlan argument 'foo'",
  ]);
  const expected: Partial<TunnelOptions> = { tos: 0, ttl: 64, groupPolicy: true, port: 4789, local: undefined };
  t.like(options, expected);
});

test('what only OpenFlow could decide is refused in a sentence', (t) => {
  for (const options of [{ remote_ip: 'flow' }, { key: 'flow' }, { out_key: 'flow' }, { local_ip: 'flow' }]) {
    const result = parse({ remote_ip: '192.0.2.1', ...options });
    t.regex('error' in result ? result.error : '', /OpenFlow, which is not provided/);
  }
});

test('an address that no host has is refused, or remarked, as the kernel would make of it', (t) => {
  for (const remote of ['0.0.0.0', '::', '::ffff:0.0.0.0']) {
    t.deepEqual(parse({ remote_ip: remote }), { error: "t0: vxlan type requires valid 'remote_ip' argument" }, remote);
  }
  t.deepEqual(parse({ remote_ip: '::ffff:224.0.0.1' }), { error: 't0: multicast remote_ip=224.0.0.1 not allowed' });
  const remarks = (options: Readonly<Record<string, string>>) => parsed(options).remarks;
  t.deepEqual(remarks({ remote_ip: '255.255.255.255' }), [
    't0: remote_ip=255.255.255.255 is the address of no host: nothing gets through',
  ]);
  t.deepEqual(remarks({ local_ip: '224.0.0.1' }), [
    't0: local_ip=224.0.0.1 is the address of no host: nothing gets through',
  ]);
  for (const remote of ['127.0.0.1', '240.0.0.1', '10.0.0.255', '169.254.0.1', '::1', 'fe80::1', '::2']) {
    t.deepEqual(remarks({ remote_ip: remote }), [], remote);
  }
});

test('an address in the clothes of another family is of its own', (t) => {
  t.is(parsed({ remote_ip: '::ffff:192.0.2.7' }).options.remote, '192.0.2.7');
  t.is(parsed({ local_ip: '::ffff:192.0.2.7' }).options.local, '192.0.2.7');
});

test('a local address that is unspecified is none', (t) => {
  t.is(parsed({ local_ip: '0.0.0.0' }).options.local, undefined);
  t.is(parsed({ remote_ip: 'fd00::1', local_ip: '::' }).options.local, undefined);
});

test('addresses have one form', (t) => {
  t.is(canonicalAddress('FD00::1'), 'fd00:0000:0000:0000:0000:0000:0000:0001');
  t.is(canonicalAddress('::ffff:192.0.2.1'), '0000:0000:0000:0000:0000:ffff:c000:0201');
  t.is(ipBytes('192.0.2.1').toString('hex'), 'c0000201');
  t.is(ipBytes('::').toString('hex'), '0'.repeat(32));
  t.is(ipBytes('1:2:3:4:5:6:7:8').toString('hex'), '00010002000300040005000600070008');
  t.throws(() => ipBytes('host'), { instanceOf: TypeError });
  t.deepEqual(['192.0.2.1', 'fe80::1', 'fe80::1%eth0', '192.0.2', ''].map(ipVersion), [4, 6, 0, 0, 0]);
  t.deepEqual(['224.0.0.1', '223.0.0.1', 'ff02::1', 'fd00::1'].map(isMulticast), [true, false, true, false]);
});

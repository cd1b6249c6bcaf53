import test from 'ava';
import { ownedGroup } from '../../datapath-linux/names.ts';
import type { Address } from '../../datapath-linux/netlink/address.ts';
import type { Link } from '../../datapath-linux/netlink/link.ts';
import { formatFindings } from '../../vswitch/finding.ts';
import { findings } from '../../vswitch/findings.ts';
import { situationOf } from '../../vswitch/situation.ts';
import type { Bridge, Interface } from '../../vswitch/snapshot.ts';
import type { TunProblem } from '../../vswitch/tun-device.ts';
import { linkOf, tapOf } from '../helpers/link.ts';

const hidden = linkOf('sw-br0', { kind: 'bridge', group: ownedGroup });
const local = [
  linkOf('br0', { kind: 'veth', link: 900, up: false, carrier: false, ifindex: 901 }),
  linkOf('to-br0', { kind: 'veth', link: 901, group: ownedGroup, master: hidden.ifindex, ifindex: 900 }),
];
const base = [hidden, ...local];
const inBridge = { master: hidden.ifindex };

type InterfaceSketch = Partial<Interface> & { readonly name: string };

const bridge = (...interfaces: readonly InterfaceSketch[]): Bridge => ({
  name: 'br0',
  ports: [{ name: 'br0', type: 'internal' }, ...interfaces].map((each) => ({
    name: each.name,
    interfaces: [{ type: '', error: undefined, adminState: undefined, ...each }],
  })),
});

const address = ({ ifindex }: Link, text: string, prefixLength = 24): Address => ({
  ifindex,
  family: text.includes(':') ? 'inet6' : 'inet',
  address: text,
  prefixLength,
  linkLocal: text.startsWith('fe80'),
});

interface Sketch {
  readonly bridges?: readonly Bridge[];
  readonly links?: readonly Link[];
  readonly addresses?: readonly Address[];
  readonly switchRunning?: boolean;
  readonly tun?: TunProblem;
}

/** What the doctor says, as text. */
const diagnose = ({ bridges = [], links = [], addresses = [], switchRunning = true, tun }: Sketch): string => {
  const snapshot = { server: 'unix:/run/db.sock', switchRunning, bridges };
  return formatFindings(findings(situationOf(snapshot, { links: [...base, ...links], addresses }, tun)));
};

test('a bridge whose ports work is no finding, although its own device is down', (t) => {
  const links = [linkOf('eth0', inBridge), tapOf('tap0', inBridge)];
  t.is(diagnose({ bridges: [bridge({ name: 'eth0' }, { name: 'tap0', type: 'tap' })], links }), '');
});

test('an empty database is no finding', (t) => {
  t.is(diagnose({}), '');
});

test('an address on a tap that is a port is told with the commands that move it', (t) => {
  const tap = tapOf('tap0', { ...inBridge, carrier: false });
  const addresses = [
    address(tap, '10.0.0.1'),
    address(tap, 'fd00:0:0:0:0:0:0:1', 64),
    address(tap, 'fe80:0:0:0:0:0:0:1', 64),
  ];
  t.is(
    diagnose({ bridges: [bridge({ name: 'tap0' })], links: [tap], addresses }),
    `tap0 has the addresses 10.0.0.1/24 and fd00::1/64, but it is a port of bridge br0: a port hands all that it receives to its bridge, so nothing arrives at an address on it, even where ARP is answered. Besides, no program has opened tap0.
  Move them to the bridge's own device:
      ip addr del 10.0.0.1/24 dev tap0
      ip addr del fd00::1/64 dev tap0
      ip addr add 10.0.0.1/24 dev br0
      ip addr add fd00::1/64 dev br0
      ip link set br0 up
  Or to an internal port:
      ovs-vsctl add-port br0 int0 -- set Interface int0 type=internal
      ip addr del 10.0.0.1/24 dev tap0
      ip addr del fd00::1/64 dev tap0
      ip addr add 10.0.0.1/24 dev int0
      ip addr add fd00::1/64 dev int0
      ip link set int0 up
  tap0 is only needed if a program opens it, such as a virtual machine; else:
      ovs-vsctl del-port br0 tap0
`,
  );
});

for (const kind of ['veth', '', 'vlan']) {
  test(`an address on a port of kind "${kind}" is told`, (t) => {
    const link = linkOf('p0', { ...inBridge, kind });
    const text = diagnose({ bridges: [bridge({ name: 'p0' })], links: [link], addresses: [address(link, '10.0.0.1')] });
    t.regex(text, /^p0 has the address 10\.0\.0\.1\/24, but it is a port of bridge br0/);
    t.notRegex(text, /no program/);
    t.is(/a login that comes over it/.test(text), kind === '');
  });
}

test('an address on an internal port or on the bridge itself is as it should be', (t) => {
  const internal = linkOf('int0', { kind: 'veth' });
  const links = [internal, linkOf('eth0', inBridge)];
  const up = linkOf('br0', { kind: 'veth' });
  const addresses = [address(internal, '10.0.0.1'), address(up, '10.0.1.1')];
  const bridges = [bridge({ name: 'int0', type: 'internal' }, { name: 'eth0' })];
  const kernel = { links: [hidden, up, ...links], addresses };
  t.deepEqual(findings(situationOf({ server: '', switchRunning: true, bridges }, kernel, undefined)), []);
});

test('an address on a device that could not become a port yet is not the mistake', (t) => {
  const link = linkOf('eth0');
  const text = diagnose({
    bridges: [bridge({ name: 'eth0', error: 'it is a port of other0' })],
    links: [link],
    addresses: [address(link, '10.0.0.1')],
  });
  t.is(text, 'Interface eth0 of bridge br0 has an error: it is a port of other0.\n');
});

test('the proposed internal port has a name that no interface has', (t) => {
  const link = linkOf('eth0', inBridge);
  const bridges = [bridge({ name: 'eth0' }, { name: 'int0', type: 'internal' }, { name: 'int1', type: 'internal' })];
  const links = [link, linkOf('int0'), linkOf('int1')];
  t.regex(diagnose({ bridges, links, addresses: [address(link, '10.0.0.1')] }), /set Interface int2 type=internal/);
});

test('a tap that no program has opened is told, with its owner', (t) => {
  const tap = tapOf('tap0', { ...inBridge, carrier: false });
  const owned = { ...tap, tun: tap.tun && { ...tap.tun, owner: 1000 } };
  const text = diagnose({ bridges: [bridge({ name: 'tap0', type: 'tap' })], links: [owned] });
  t.regex(text, /^No program has opened the tap tap0 of bridge br0/);
  t.regex(text, /the user with id 1000/);
});

test('a multi-queue tap is open when it has queues, whatever its carrier says', (t) => {
  const queues = (number: number): Link => {
    const tap = tapOf('tap0', inBridge);
    return { ...tap, tun: tap.tun && { ...tap.tun, multiQueue: true, queues: number } };
  };
  const bridges = [bridge({ name: 'tap0', type: 'tap' })];
  t.is(diagnose({ bridges, links: [queues(2)] }), '');
  t.regex(diagnose({ bridges, links: [queues(0)] }), /No program has opened/);
});

test('of a tap that is down only that is known', (t) => {
  const text = diagnose({
    bridges: [bridge({ name: 'tap0' })],
    links: [tapOf('tap0', { ...inBridge, up: false, carrier: false })],
  });
  t.regex(text, /^tap0, a port of bridge br0, is down/);
  t.notRegex(text, /No program/);
});

test('the error of an interface is told; for a missing device also what may be meant', (t) => {
  const error = 'could not open network device int0 (No such device)';
  const text = diagnose({ bridges: [bridge({ name: 'int0', error })] });
  t.regex(text, /^Interface int0 of bridge br0 has an error: could not open network device int0 \(No such device\)\./);
  t.regex(text, /ovs-vsctl set Interface int0 type=internal/);
  t.regex(text, /ovs-vsctl del-port br0 int0/);
});

test('nobody is asked to make a device whose name no device can have', (t) => {
  const error = 'could not open network device a/b (No such device)';
  const text = diagnose({ bridges: [bridge({ name: 'a/b', error })] });
  t.regex(text, /No device can have that name: .*no slash.*\n +ovs-vsctl del-port br0 a\/b\n/);
  t.notRegex(text, /Make the device|type=internal/);
});

/** What the switch says of an interface `x0`, and a command that helps. */
const mended: readonly (readonly [error: string, command: string])[] = [
  [
    'could not open network device x0 (Address family not supported by protocol)',
    'ovs-vsctl set Interface x0 type=internal',
  ],
  [
    'could not add network device x0 to ofproto (Device or resource busy): it is a port of other0',
    'ip link set x0 nomaster',
  ],
  [
    'could not add network device x0 to ofproto (File exists): a device named x0 is there that the switch did not make',
    'ip link del x0',
  ],
  [
    'could not add port x0: VLANs are not provided by this kernel, which has no VLAN filtering in bridges',
    'ovs-vsctl clear Port x0 tag trunks vlan_mode cvlans',
  ],
  ['could not set the MTU of x0 to 99999 (Invalid argument)', 'ovs-vsctl clear Interface x0 mtu_request'],
];

for (const [error, command] of mended) {
  test(`what helps is told: ${command}`, (t) => {
    const text = diagnose({ bridges: [bridge({ name: 'x0', type: 'foo', error })] });
    t.true(text.includes(`\n      ${command}\n`), text);
  });
}

test('a bridge that cannot be is told once, with what helps', (t) => {
  const error = 'could not create bridge br0: datapath_type=netdev is not provided; use datapath_type=system';
  const { ports } = bridge({ name: 'br0', type: 'internal', error }, { name: 'x0', error });
  const text = diagnose({ bridges: [{ name: 'br0', ports: ports.slice(1) }] });
  t.is(text.match(/has an error/g)?.length, 1);
  t.true(text.includes('\n      ovs-vsctl set Bridge br0 datapath_type=system\n'), text);
});

test('of an unknown type the known ones are told, and of a known one nothing is', (t) => {
  const error = 'could not open network device x0 (Address family not supported by protocol)';
  const told = (type: string): string => diagnose({ bridges: [bridge({ name: 'x0', type, error })] });
  t.regex(told('foo'), /knows no type foo: it has .*internal.* and vxlan\. Give/);
  t.is(told('vxlan'), `Interface x0 of bridge br0 has an error: ${error}.\n`);
});

test('what names hold can harm neither a shell nor a terminal', (t) => {
  const name = "a;rm -rf '\u001b[2J";
  const text = diagnose({ bridges: [bridge({ name, error: 'could not open network device (No such device)' })] });
  t.true(text.includes(`ovs-vsctl del-port br0 'a;rm -rf '\\''\uFFFD[2J'\n`));
  t.false(text.includes('\u001b'));
});

test('of a device that could not become a port it does not matter whether it is down', (t) => {
  const error = 'could not add network device x0 to ofproto (Device or resource busy): it is a port of other0';
  const bridges = [bridge({ name: 'x0', error })];
  t.notRegex(diagnose({ bridges, links: [linkOf('x0', { up: false })] }), /is down/);
  const mtu = 'could not set the MTU of x0 to 99999 (Invalid argument)';
  t.regex(diagnose({ bridges: [bridge({ name: 'x0', error: mtu })], links: [linkOf('x0', { up: false })] }), /is down/);
});

test('an internal port that is down is told, also under the name it has now', (t) => {
  const bridges = [bridge({ name: 'int0', type: 'internal' })];
  const outer = linkOf('to-int0', { ...inBridge, kind: 'veth', group: ownedGroup, link: 800 });
  const inner = linkOf('renamed', { kind: 'veth', up: false, ifindex: 800 });
  t.regex(
    diagnose({ bridges, links: [outer, inner] }),
    /^renamed, an internal port of bridge br0, is down.*\n.*\n +ip link set renamed up/,
  );
});

test('an internal port in another namespace is down when the switch said so', (t) => {
  const outer = linkOf('to-int0', { ...inBridge, kind: 'veth', group: ownedGroup, linkNamespaceId: 3 });
  const say = (adminState: string) =>
    diagnose({ bridges: [bridge({ name: 'int0', type: 'internal', adminState })], links: [outer] });
  t.is(say('up'), '');
  t.regex(say('down'), /ip -n NAMESPACE link set int0 up/);
});

test("the bridge's own device may not be down when it has an address", (t) => {
  const [device] = local;
  const addresses = device ? [address(device, '10.0.0.1')] : [];
  t.regex(diagnose({ bridges: [bridge()], addresses }), /^br0, the bridge's own device of bridge br0, is down/);
});

test('a bridge none of whose ports has a link is told, with the other end of a veth pair', (t) => {
  const peer = linkOf('veth1', { kind: 'veth', up: false });
  const veth = linkOf('veth0', { ...inBridge, kind: 'veth', carrier: false, link: peer.ifindex });
  const eth = linkOf('eth0', { ...inBridge, carrier: false });
  const bridges = [bridge({ name: 'veth0' }, { name: 'eth0' })];
  t.regex(
    diagnose({ bridges, links: [veth, eth, peer] }),
    /^No port of bridge br0 has a link \(veth0 and eth0\).*\n.*\n +ip link set veth1 up\n$/,
  );
  t.is(diagnose({ bridges, links: [veth, { ...eth, carrier: true }, peer] }), '');
});

test('a device that is missing without a reason is told', (t) => {
  const text = diagnose({ bridges: [bridge({ name: 'int0', type: 'internal' })] });
  t.regex(text, /^Interface int0 of bridge br0 has no device here/);
});

test('without a switch that alone is told, and the mistake that no switch can mend', (t) => {
  const link = linkOf('eth0', inBridge);
  const sketch = { bridges: [bridge({ name: 'int0', type: 'internal' }, { name: 'eth0' })], links: [link] };
  const text = diagnose({ ...sketch, switchRunning: false });
  t.regex(text, /^The switch is not running/);
  t.regex(text, /ovs-vswitchd unix:\/run\/db\.sock/);
  t.notRegex(text, /int0/);
  const addresses = [address(link, '10.0.0.1')];
  t.regex(diagnose({ ...sketch, switchRunning: false, addresses }), /eth0 has the address/);
});

test('a switch in another namespace is recognised by its missing bridges', (t) => {
  const snapshot = { server: '', switchRunning: true, bridges: [bridge({ name: 'int0', type: 'internal' })] };
  const found = findings(situationOf(snapshot, { links: [linkOf('lo')], addresses: [] }, undefined));
  t.is(found.length, 1);
  t.regex(formatFindings(found), /works in another network namespace/);
});

test('a switch in another namespace is recognised although one of its ports has an error', (t) => {
  const ports = bridge({ name: 'eth9', error: 'could not open network device eth9 (No such device)' });
  const snapshot = { server: '', switchRunning: true, bridges: [ports] };
  const found = findings(situationOf(snapshot, { links: [linkOf('lo')], addresses: [] }, undefined));
  t.is(found.length, 1);
  t.regex(formatFindings(found), /works in another network namespace/);
});

for (const [problem, command] of [
  ['missing', 'modprobe tun'],
  ['restricted', 'chmod 0666 /dev/net/tun'],
] as const) {
  test(`/dev/net/tun is of interest when there is a tap: ${problem}`, (t) => {
    const links = [linkOf('eth0', inBridge), tapOf('tap0', inBridge)];
    t.is(diagnose({ bridges: [bridge({ name: 'eth0' })], links, tun: problem }), '');
    const text = diagnose({ bridges: [bridge({ name: 'tap0', type: 'tap' })], links, tun: problem });
    t.true(text.includes(`      ${command}\n`));
  });
}

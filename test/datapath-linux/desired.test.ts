import test from 'ava';
import type { BridgeRow } from '../../datapath-linux/configuration.ts';
import { desiredState } from '../../datapath-linux/desired.ts';
import { TapPort } from '../../datapath-linux/port/tap.ts';
import { tapAlias } from '../../datapath-linux/port/tap-options.ts';
import { bridgeRow, portRow } from '../helpers/rows.ts';

const accounts = {
  userId: (name: string) => (name === 'nobody' ? 65534 : null),
  groupId: (name: string) => (name === 'kvm' ? 104 : null),
};

const desired = (...bridges: readonly BridgeRow[]) => desiredState({ bridges }, accounts);

test('a bridge has its own port, whatever the type of its row, and even without one', (t) => {
  for (const ports of [[], [portRow('br0')], [portRow('br0', { type: 'internal' })]]) {
    const [bridge] = desired(bridgeRow('br0', ports)).bridges;
    t.like(bridge?.ports[0], { kind: 'internal', name: 'br0', local: true });
    t.is(bridge?.ports.length, 1);
  }
});

test('taps take names and numbers for owners, and default to anyone', (t) => {
  const options = new Map([
    ['owner', 'nobody'],
    ['group', '104'],
    ['multi_queue', 'true'],
  ]);
  const { bridges, refused } = desired(
    bridgeRow('br0', [portRow('t0', { type: 'tap', options }), portRow('t1', { type: 'tap' })]),
  );
  const taps = bridges[0]?.ports.flatMap((port) => (port instanceof TapPort ? [tapAlias(port.options)] : []));
  t.deepEqual(taps, [
    'Open vSwitch tap: owner 65534, group 104, multi_queue on, vnet_hdr off',
    'Open vSwitch tap: owner any, group any, multi_queue off, vnet_hdr off',
  ]);
  t.is(refused.size, 0);
});

test('mistakes in the options of a tap are told by name', (t) => {
  const mistakes: readonly [string, string, RegExp][] = [
    ['owner', 'nemo', /options:owner names no user of this host: "nemo"/],
    ['group', 'nemo', /options:group names no group of this host: "nemo"/],
    ['owner', '99999999999', /options:owner=99999999999 is no valid id/],
    ['vnet_hdr', 'yes', /options:vnet_hdr is neither true nor false: "yes"/],
  ];
  for (const [key, value, expected] of mistakes) {
    const { refused } = desired(bridgeRow('br0', [portRow('t0', { type: 'tap', options: new Map([[key, value]]) })]));
    t.regex(refused.get('t0') ?? '', expected);
  }
});

test('of a port that two bridges hold the first has it; a bridge keeps its name to itself', (t) => {
  const shared = portRow('p0', { type: 'internal' });
  const { bridges, refused } = desired(bridgeRow('br0', [shared, portRow('br1')]), bridgeRow('br1', [shared]));
  t.deepEqual(
    bridges.map(({ ports }) => ports.map(({ name }) => name)),
    [['br0', 'p0'], ['br1']],
  );
  t.regex(refused.get('br1') ?? '', /own port of bridge br1/);
});

test('a full bridge keeps the ports that have numbers', (t) => {
  const ports = Array.from({ length: 1100 }, (_, i) =>
    portRow(`p${i}`, { type: 'internal', ofport: i >= 1000 ? i : undefined }),
  );
  const { bridges, refused } = desired(bridgeRow('br0', ports));
  t.is(bridges[0]?.ports.length, 1023);
  t.is(refused.size, 78);
  t.true(Array.from({ length: 100 }, (_, i) => `p${i + 1000}`).every((name) => !refused.has(name)));
});

test('a bridge of a type that is not provided is refused with all its interfaces', (t) => {
  const ports = [portRow('br0'), portRow('p0')];
  const { bridges, refused } = desired(bridgeRow('br0', ports, { datapathType: 'netdev' }));
  t.deepEqual(bridges, []);
  t.deepEqual([...refused.keys()], ['br0', 'p0']);
});

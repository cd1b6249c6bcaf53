/** What the rows of mirrors ask for. */
import test from 'ava';
import { desiredState } from '../../../datapath-linux/desired.ts';
import { admitted, carriesTag, carriesVlan, untaggedVlan } from '../../../datapath-linux/mirror/carriage.ts';
import { mirrorPlan } from '../../../datapath-linux/mirror/plan.ts';
import { SystemPort } from '../../../datapath-linux/port/system.ts';
import { RowView } from '../../../datapath-linux/row-view.ts';
import { Datum } from '../../../schema/datum.ts';
import { bridgeRow, type ColumnValues, interfaceRow, portRow, rowView } from '../../helpers/rows.ts';

const ports = ['a', 'b', 'c', 'm'].map((name) => portRow(name));
const accounts = { userId: () => null, groupId: () => null };

/** A bridge with those ports, and mirrors with these columns; ports are named, and `x` is one of another bridge. */
function plan(...mirrors: readonly ColumnValues[]) {
  const portViews = new Map(['a', 'b', 'c', 'm', 'x'].map((name) => [name, rowView({ name }, name)]));
  const views = new Map(
    mirrors.map((columns, index) => {
      const view = rowView({ name: `m${index}`, ...columns });
      const uuid = `mirror-${index}`;
      return [
        uuid,
        new RowView({ uuid, datum: (column) => view.datum(column), follow: (_, port) => portViews.get(port) }),
      ];
    }),
  );
  const bridgeView = new RowView({
    uuid: '',
    datum: (column) => (column === 'mirrors' ? Datum.of(...views.keys()) : Datum.empty),
    follow: (_table, uuid) => views.get(uuid),
  });
  const [bridge] = desiredState({ bridges: [bridgeRow('br0', ports, { view: bridgeView })] }, accounts).bridges;
  if (!bridge) throw new Error('no bridge');
  const { groups, problems } = mirrorPlan(bridge);
  const told = groups.map(({ output, bytes, sources, destinations, mirrors: uuids }) => ({
    output: 'port' in output ? output.port.name : output.vlan,
    bytes,
    sources: Object.fromEntries([...sources].map(([port, ranges]) => [port.name, ranges])),
    destinations: Object.fromEntries([...destinations].map(([port, ranges]) => [port.name, ranges])),
    mirrors: uuids,
  }));
  return { groups: told, problems };
}

const all = [{ first: 0, last: 4095 }];

test('a mirror of everything selects what every port receives, but its output', (t) => {
  const { groups } = plan({ select_all: true, output_port: 'm' });
  t.deepEqual(groups, [
    {
      output: 'm',
      bytes: undefined,
      sources: { br0: all, a: all, b: all, c: all },
      destinations: {},
      mirrors: ['mirror-0'],
    },
  ]);
});

test('mirrors with the same output are one, of the VLANs of either', (t) => {
  const { groups } = plan(
    { select_src_port: ['a'], select_vlan: [10, 11, 20], output_port: 'm' },
    { select_src_port: ['a', 'm'], select_dst_port: ['b'], select_vlan: [12], output_port: 'm' },
    { select_src_port: ['m', 'c'], output_vlan: 7 },
  );
  t.deepEqual(groups, [
    {
      output: 'm',
      bytes: undefined,
      sources: {
        a: [
          { first: 10, last: 12 },
          { first: 20, last: 20 },
        ],
      },
      destinations: { b: [{ first: 12, last: 12 }] },
      mirrors: ['mirror-0', 'mirror-1'],
    },
    { output: 7, bytes: undefined, sources: { c: all }, destinations: {}, mirrors: ['mirror-2'] },
  ]);
});

test('only ports, no VLANs alone, are a selection', (t) => {
  t.deepEqual(plan({ select_vlan: [10], output_port: 'm' }).groups[0]?.sources, {});
});

test('copies are shortened for an output port only', (t) => {
  t.is(plan({ select_all: true, snaplen: 64, output_port: 'm' }).groups[0]?.bytes, 64);
  const { groups, problems } = plan({ select_all: true, snaplen: 64, output_vlan: 7 });
  t.is(groups[0]?.bytes, undefined);
  t.deepEqual(problems, [
    'bridge br0: mirror m0 has a snaplen, which is provided for an output port only; it copies whole frames',
  ]);
});

test('a port of another bridge is none, neither to copy from nor to', (t) => {
  t.deepEqual(plan({ select_src_port: ['x', 'a'], output_port: 'm' }).problems, [
    'bridge br0: mirror m0 cannot match on nonexistent port x',
  ]);
  t.deepEqual(plan({ select_all: true, output_port: 'x' }), {
    groups: [],
    problems: ['bridge br0: mirror m0 outputs to port not on bridge'],
  });
});

test('how ports carry VLANs', (t) => {
  const port = (columns: ColumnValues): SystemPort => new SystemPort(interfaceRow('a'), portRow('a', {}, columns));
  const [trunk, access] = [port({ trunks: [10, 20] }), port({ tag: 10 })];
  const native = port({ tag: 5, trunks: [10], vlan_mode: 'native-untagged' });
  t.deepEqual([trunk, access, native, port({})].map(untaggedVlan), [0, 10, 5, 0]);
  t.deepEqual(
    [trunk, access, native, port({})].map((each) => carriesVlan(each, 10)),
    [true, true, true, true],
  );
  t.deepEqual(
    [trunk, access, native, port({})].map((each) => carriesVlan(each, 5)),
    [false, false, true, true],
  );
  t.deepEqual(
    admitted(trunk, [
      { first: 9, last: 10 },
      { first: 19, last: 30 },
    ]),
    [
      { first: 10, last: 10 },
      { first: 20, last: 20 },
    ],
  );
  t.deepEqual(admitted(native, all), [
    { first: 5, last: 5 },
    { first: 10, last: 10 },
  ]);
  t.is(admitted(port({}), all), all);
  t.deepEqual(
    [trunk, access, native, port({})].map((each) => carriesTag(each, 5)),
    [true, false, false, true],
  );
});

import test from 'ava';
import { type Atom, compareAtoms } from '../../schema/atom.ts';
import { Datum, type Element } from '../../schema/datum.ts';
import { diffDatum, patchDatum } from '../../schema/datum-diff.ts';
import { parseDatum } from '../../schema/datum-parser.ts';
import { difference } from '../../schema/difference.ts';
import { parseJson } from '../../schema/json.ts';
import type { ColumnType } from '../../schema/type.ts';
import { Random } from '../helpers/random.ts';

const integers: ColumnType = { key: { type: 'integer' }, min: 0, max: Infinity };
const strings: ColumnType = { key: { type: 'string' }, min: 0, max: Infinity };
const pairs: ColumnType = { key: { type: 'string' }, value: { type: 'integer' }, min: 0, max: Infinity };

/** What a datum is, without any cleverness. */
type Model = Map<Atom, Atom | undefined>;
const sorted = (model: Model): Element[] => [...model].sort(([a], [b]) => compareAtoms(a, b));

interface Kind {
  readonly title: string;
  readonly type: ColumnType;
  readonly element: (random: Random) => Element;
}
const kinds: readonly Kind[] = [
  { title: 'a set of integers', type: integers, element: (random) => [random.below(2000) - 1000, undefined] },
  {
    title: 'a set of strings',
    type: strings,
    element: (random) => [random.pick(['a', 'é', '\u{1f600}', '\uffff', '']) + random.below(500), undefined],
  },
  { title: 'a map', type: pairs, element: (random) => [`k${random.below(800)}`, random.below(3)] },
];

for (const { title, type, element } of kinds) {
  test(`${title} changed at random is what a Map would be`, (t) => {
    const random = new Random(1);
    let datum = Datum.empty;
    const model: Model = new Map();
    for (let i = 0; i < 6000; i++) {
      const [key, value] = element(random);
      // Grows at first, shrinks towards the end.
      if (random.chance(i < 4000 ? 0.7 : 0.2)) {
        datum = datum.put(key, value);
        model.set(key, value);
      } else {
        datum = datum.remove(key);
        model.delete(key);
      }
      t.is(datum.size, model.size);
      t.is(datum.has(key), model.has(key));
      t.is(datum.get(key), model.get(key));
      if (i % 500 === 0) t.deepEqual([...datum.elements()], sorted(model));
    }
    t.deepEqual([...datum.elements()], sorted(model));
    t.deepEqual(
      [...datum.keys()],
      sorted(model).map(([key]) => key),
    );
    t.true(Datum.fromElements([...model]).equals(datum));
    t.true(parseDatum(type, parseJson(datum.text(type))).equals(datum));
  });

  test(`${title}: the difference of any two is what differs, and makes one of the other`, (t) => {
    const random = new Random(2);
    for (let i = 0; i < 100; i++) {
      const size = random.pick([0, 1, 5, 300, 1500]);
      const before = Datum.fromElements(Array.from({ length: size }, () => element(random)));
      let after = before;
      for (let edits = random.below(40); edits > 0; edits--) {
        const [key, value] = element(random);
        after = random.chance(0.5) ? after.put(key, value) : after.remove(key);
      }
      if (random.chance(0.2)) after = Datum.fromElements([...after.elements()]);
      const keys = [...new Set([...before.keys(), ...after.keys()])].sort(compareAtoms);
      const valueIn = (datum: Datum, key: Atom) => (datum.has(key) ? (datum.get(key) ?? key) : undefined);
      const expected = keys
        .map((key) => ({ key, old: valueIn(before, key), new: valueIn(after, key) }))
        .filter((each) => each.old !== each.new);
      t.deepEqual([...difference(before, after)], expected);
      t.is(before.equals(after), expected.length === 0);
      t.true(patchDatum(type, before, diffDatum(type, before, after)).equals(after));
    }
  });
}

const large = Datum.of(...Array.from({ length: 50_000 }, (_, i) => i * 2));

for (const { title, element } of kinds) {
  test(`${title} joined with and without others is what a Map would be`, (t) => {
    const random = new Random(3);
    let datum = Datum.empty;
    let model: Model = new Map();
    for (let i = 0; i < 200; i++) {
      const others = new Map(Array.from({ length: random.below(random.pick([3, 40, 1000])) }, () => element(random)));
      const other = Datum.fromElements([...others]);
      if (random.chance(0.5)) {
        datum = datum.union(other);
        model = new Map([...others, ...model]);
      } else {
        datum = datum.minus(other);
        for (const [key, value] of others) if (value === undefined || model.get(key) === value) model.delete(key);
      }
      t.deepEqual([...datum.elements()], sorted(model));
      t.is(datum.size, model.size);
    }
    t.true(datum.minus(datum).equals(Datum.empty));
  });
}

test('a map loses keys to a set, whatever their values', (t) => {
  const map = Datum.fromElements([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
  t.deepEqual([...map.minus(Datum.of('a', 'c')).elements()], [['b', 2]]);
});

test('a large set shares what did not change with what it was', (t) => {
  const grown = large.put(50_001);
  t.is(large.size, 50_000);
  t.is(grown.size, 50_001);
  const known = new Set(large.leaves);
  t.true(grown.leaves.filter((leaf) => !known.has(leaf)).length <= 2);
  t.deepEqual(difference(large, grown), [{ key: 50_001, old: undefined, new: 50_001 }]);
  t.true(grown.remove(50_001).equals(large));
  t.is(large.put(4), large);
  t.is(large.remove(5), large);
});

test('a large set that loses and gains at its ends stays whole', (t) => {
  let datum = large;
  for (let i = 0; i < 3000; i++) datum = datum.remove(i * 2).put(100_000 + i);
  t.is(datum.size, 50_000);
  t.is(datum.first, 6000);
  t.deepEqual([...datum.keys()], [...new Set(datum.keys())].sort(compareAtoms));
  t.is(difference(large, datum).length, 6000);
});

test('of equal keys the last counts', (t) => {
  t.is(
    Datum.fromElements([
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ]).text(pairs),
    '["map",[["a",3],["b",2]]]',
  );
  t.is(Datum.of(3, 1, 3, 2).text(integers), '["set",[1,2,3]]');
});

test('duplicates on the wire are refused, wherever they stand', (t) => {
  t.throws(() => parseDatum(integers, ['set', [1, 2, 1]]), { message: /set contains duplicate/ });
  t.throws(
    () =>
      parseDatum(pairs, [
        'map',
        [
          ['a', 1],
          ['b', 1],
          ['a', 1],
        ],
      ]),
    { message: /map contains duplicate key/ },
  );
});

test('data are ordered by size, then by keys, then by values', (t) => {
  const ascending = [
    Datum.empty,
    Datum.fromElements([['a', 1]]),
    Datum.fromElements([['a', 2]]),
    Datum.fromElements([['b', 0]]),
    Datum.fromElements([
      ['a', 0],
      ['b', 9],
    ]),
    Datum.fromElements([
      ['a', 1],
      ['b', 0],
    ]),
    Datum.fromElements([
      ['a', 0],
      ['c', 0],
    ]),
  ];
  for (const [i, a] of ascending.entries()) {
    for (const [j, b] of ascending.entries()) t.is(Math.sign(a.compare(b)), Math.sign(i - j), `${i} ${j}`);
  }
});

test('what is sent of a change: members that come or go, pairs that come, go or change, or the new value', (t) => {
  const diff = (type: ColumnType, before: Datum, after: Datum) => diffDatum(type, before, after).text(type);
  t.is(diff(integers, Datum.of(1, 2, 3), Datum.of(2, 3, 4)), '["set",[1,4]]');
  t.is(diff(integers, Datum.of(1), Datum.of(1)), '["set",[]]');
  const [before, after] = [
    Datum.fromElements([
      ['a', 1],
      ['b', 2],
    ]),
    Datum.fromElements([
      ['b', 3],
      ['c', 4],
    ]),
  ];
  t.is(diff(pairs, before, after), '["map",[["a",1],["b",3],["c",4]]]');
  t.is(diff({ ...integers, max: 1 }, Datum.of(1), Datum.empty), '["set",[]]');
});

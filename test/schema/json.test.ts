import { execFileSync } from 'node:child_process';
import test from 'ava';
import {
  formatJson,
  formatReal,
  integerOf,
  isObject,
  type Json,
  JsonText,
  member,
  parseJson,
  toInteger,
} from '../../schema/json.ts';
import { Random } from '../helpers/random.ts';
import { program, testRequiring } from '../helpers/requires.ts';

const max = 9223372036854775807n;
const min = -9223372036854775808n;

for (const [text, value] of [
  ['0', 0],
  ['-0', 0],
  ['9007199254740991', 9007199254740991],
  ['9007199254740992', 9007199254740992n],
  ['-9007199254740993', -9007199254740993n],
  ['9223372036854775807', max],
  ['-9223372036854775808', min],
  ['1.0', 1],
  ['1e3', 1000],
  ['-25e-1', -2.5],
] satisfies [string, Json][]) {
  test(`the number ${text} is read exactly`, (t) => {
    const json = parseJson(`[${text}]`);
    t.is(formatJson(json), `[${value === -2.5 ? '-2.5' : value}]`);
    const [read] = Array.isArray(json) ? json : [];
    t.is(typeof read, typeof value);
    t.is(read === 0 ? 0 : read, value);
  });
}

test('an integer beyond 64 bits is a real', (t) => {
  t.is(formatJson(parseJson('9223372036854775808')), '9.22337203685478e+18');
  t.is(formatJson(parseJson('-123456789012345678901234567890')), '-1.23456789012346e+29');
});

test('exact integers stand anywhere in a text that needs the slow path', (t) => {
  const text =
    '{"a":[1,9007199254740993,{"b c":-9007199254740993}],"__proto__":9223372036854775807,"s":"1234567890123456"}';
  const json = parseJson(text);
  t.is(formatJson(json), text);
  t.deepEqual(Object.keys(Object(json)), ['a', '__proto__', 's']);
});

test('the slow path reads strings of many megabytes, and escapes at their ends', (t) => {
  for (const string of ['x'.repeat(20_000_000), '\\'.repeat(5_000_000), 'a"\\', '\\"', '']) {
    const read = parseJson(`{"big":9007199254740993,"string":${JSON.stringify(string)}}`);
    t.true(isObject(read) && member(read, 'big') === 9007199254740993n && member(read, 'string') === string);
  }
  for (const text of ['[9007199254740993,"', '[9007199254740993,"\\"', '[9007199254740993,"\\\\\\"]']) {
    t.throws(() => parseJson(text), { instanceOf: SyntaxError });
  }
});

test('integers are exact wherever a number may stand', (t) => {
  for (const around of ['$', ' $', '[$]', '[ $]', '[1,$]', '[1, $ ]', '{"a":$}', '{"a":\n$}', '[[$],"$"]', '[-$]']) {
    const text = around.replace('$', '9007199254740993').replace('"$"', '"9007199254740993"');
    t.is(formatJson(parseJson(text)), text.replaceAll(/\s/g, ''), text);
  }
});

test('both paths read the same of any text', (t) => {
  const random = new Random(1);
  for (let i = 0; i < 2000; i++) {
    const text = JSON.stringify(randomJson(random, 4), null, random.pick([0, 1, '\t']));
    t.deepEqual(parseJson(`[${text},1234567890123456]`), [JSON.parse(text), 1234567890123456], text);
  }
});

const randomJson = (random: Random, depth: number): Json => {
  const kind = random.below(depth > 0 ? 8 : 6);
  const several = <T>(make: () => T): T[] => Array.from({ length: random.below(4) }, make);
  if (kind === 0) return null;
  if (kind === 1) return random.chance(0.5);
  if (kind === 2) return random.below(1000) - 500;
  if (kind === 3) return random.next() * 10 ** (random.below(30) - 20);
  if (kind < 6)
    return several(() => random.pick(['a', '"', '\\', '\n', '\u0001', 'é', '\u{1f600}', '/', ' '])).join('');
  if (kind === 6) return several(() => randomJson(random, depth - 1));
  return Object.fromEntries(several(() => [random.pick(['a', '__proto__', 'é', '']), randomJson(random, depth - 1)]));
};

for (const text of [
  '',
  ' ',
  '[',
  ']',
  '[1',
  '[1,',
  '[1,]',
  '[,1]',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{a:1}',
  '{1:1}',
  "['a']",
  '01',
  '1.',
  '.5',
  '+1',
  '1e',
  '- 1',
  'nul',
  'truex',
  '"a',
  '"\\x"',
  '"\\u12"',
  '"\n"',
  '[1]x',
  '[1] [2]',
  '\u00a01',
  'NaN',
  'Infinity',
]) {
  test(`refused on both paths: ${JSON.stringify(text)}`, (t) => {
    t.throws(() => parseJson(text), { instanceOf: SyntaxError });
    t.throws(() => parseJson(`[1234567890123456,${text}]`), { instanceOf: SyntaxError });
  });
}

for (const text of [
  '1e400',
  '-1e309',
  '[0, 1e999]',
  '"\\u0000"',
  '"\\ud800"',
  '"\\udc00"',
  '"\\udc00\\ud800"',
  '{"\\uDFFF":1}',
  '"a\\ud83dx"',
]) {
  test(`refused although it is JSON: ${text}`, (t) => {
    t.notThrows(() => JSON.parse(text));
    t.throws(() => parseJson(text), { instanceOf: SyntaxError });
  });
}

test('escapes that make proper text are accepted', (t) => {
  t.is(parseJson('"\\ud83d\\ude00\\\\u0000\\\\ud800"'), '\u{1f600}\\u0000\\ud800');
});

test('toInteger keeps to 64 bits, integerOf to integers', (t) => {
  t.is(toInteger(max), max);
  t.is(toInteger(max + 1n), undefined);
  t.is(toInteger(min - 1n), undefined);
  t.is(toInteger(5n), 5);
  t.is(integerOf(1.5), undefined);
  t.is(integerOf(2 ** 62), 2n ** 62n);
  t.is(integerOf(2 ** 63), undefined);
  t.is(integerOf(-0), 0);
});

for (const [value, text] of [
  [0, '0'],
  [-0, '-0'],
  [1, '1'],
  [0.1, '0.1'],
  [1 / 3, '0.333333333333333'],
  [2 / 3, '0.666666666666667'],
  [1e15, '1e+15'],
  [123456789012345, '123456789012345'],
  [999999999999999.9, '1e+15'],
  [1e-4, '0.0001'],
  [1e-5, '1e-05'],
  [1.5e-7, '1.5e-07'],
  [1e100, '1e+100'],
  [1.7976931348623157e308, '1.79769313486232e+308'],
  [100000000000000.5, '100000000000000'],
  [100000000000001.5, '100000000000002'],
  [10000000000000.25, '10000000000000.2'],
] satisfies [number, string][]) {
  test(`the real ${value} prints as ${text}`, (t) => t.is(formatReal(value), text));
}

testRequiring(program('awk', 'mawk'))('reals print as C prints %.15g', (t) => {
  const random = new Random(2);
  const values = Array.from({ length: 3000 }, () => {
    const magnitude = 10 ** (random.below(60) - 30);
    const value = random.chance(0.5) ? random.next() * magnitude : random.below(2 ** 31) * 2 ** (random.below(60) - 30);
    return random.chance(0.5) ? value : -value;
  });
  const program = 'BEGIN { CONVFMT = "%.17g" } { printf "%.15g\\n", $1 }';
  const printed = execFileSync('awk', [program], { input: `${values.join('\n')}\n`, encoding: 'utf8' });
  const differing = printed
    .trim()
    .split('\n')
    .filter((text, i) => formatReal(values[i] ?? 0) !== text);
  t.deepEqual(differing, []);
});

test('names can be sorted, as in the "syntax" of an error', (t) => {
  const json = { b: 1, a: { d: [{ f: 1, e: 2 }], c: null } };
  t.is(formatJson(json), '{"b":1,"a":{"d":[{"f":1,"e":2}],"c":null}}');
  t.is(formatJson(json, true), '{"a":{"c":null,"d":[{"e":2,"f":1}]},"b":1}');
});

test('text that is JSON already is put in as it is, and undefined members are left out', (t) => {
  t.is(formatJson({ a: new JsonText('[1, 2]'), b: undefined, c: [new JsonText('{}')] }), '{"a":[1, 2],"c":[{}]}');
});

test('member finds nothing that every object has', (t) => {
  t.is(member({}, 'toString'), undefined);
  t.is(member({ a: 1 }, 'a'), 1);
});

import test from 'ava';
import { atomText, compareAtoms, compareStrings, defaultAtom, isAtomicType, parseAtom } from '../../schema/atom.ts';
import { OvsdbError } from '../../schema/error.ts';
import { SymbolTable } from '../../schema/symbol.ts';
import { Random } from '../helpers/random.ts';

const id = '11111111-1111-4111-8111-111111111111';

/** Code points of every length in UTF-8 and on both sides of the surrogates. */
const codePoints = [
  0x1, 0x20, 0x41, 0x61, 0x7f, 0x80, 0xe9, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0xffff, 0x10000, 0x1f600, 0x10ffff,
];

test('strings stand in the order of their UTF-8 bytes', (t) => {
  const random = new Random(1);
  const randomString = () =>
    Array.from({ length: random.below(6) }, () => String.fromCodePoint(random.pick(codePoints))).join('');
  for (let i = 0; i < 20_000; i++) {
    const [a, b] = [randomString(), randomString()];
    const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
    t.is(Math.sign(compareStrings(a, b)), expected, `${JSON.stringify(a)} ${JSON.stringify(b)}`);
  }
});

test('numbers and booleans are ordered by value, whether a number or a bigint holds them', (t) => {
  const ascending = [-9223372036854775808n, -9007199254740993n, -2, -0.5, 0, 1, 2 ** 53 - 1, 9007199254740993n];
  for (const [i, a] of ascending.entries()) {
    for (const [j, b] of ascending.entries()) t.is(Math.sign(compareAtoms(a, b)), Math.sign(i - j), `${a} ${b}`);
  }
  t.true(compareAtoms(false, true) < 0);
  t.is(compareAtoms(true, true), 0);
});

test('a uuid is read in any case, and a name for one only where there may be one', (t) => {
  t.is(parseAtom('uuid', ['uuid', 'ABCDEFAB-CDEF-4BCD-8BCD-ABCDEFABCDEF']), 'abcdefab-cdef-4bcd-8bcd-abcdefabcdef');
  const symbols = new SymbolTable(() => id);
  t.is(parseAtom('uuid', ['named-uuid', 'row'], symbols), id);
  t.throws(() => parseAtom('uuid', ['named-uuid', 'row']), { message: /expected \["uuid", <string>\]/ });
});

test('an error quotes the JSON that is wrong', (t) => {
  const error = t.throws(() => parseAtom('integer', { b: 1, a: [1.5] }), { instanceOf: OvsdbError });
  t.deepEqual(error?.toJson(), { details: 'expected integer', error: 'syntax error', syntax: '{"a":[1.5],"b":1}' });
});

test('atoms print as JSON', (t) => {
  t.is(atomText('uuid', id), `["uuid","${id}"]`);
  t.is(atomText('string', 'a"\n'), '"a\\"\\n"');
  t.is(atomText('integer', 9007199254740993n), '9007199254740993');
  t.is(atomText('real', 2), '2');
  t.is(atomText('boolean', false), 'false');
});

test('there are five types, each with its default', (t) => {
  const names = ['integer', 'real', 'boolean', 'string', 'uuid', 'toString', ''].filter(isAtomicType);
  t.deepEqual(
    names.map((type) => defaultAtom(type)),
    [0, 0, false, '', '00000000-0000-0000-0000-000000000000'],
  );
});

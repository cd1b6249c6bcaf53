import test from 'ava';
import { Datum } from '../../schema/datum.ts';
import { compareData } from '../../schema/datum-order.ts';
import { printBareDatum, printDatum } from '../../schema/print.ts';
import type { ColumnType } from '../../schema/type.ts';
import { CommandFailure } from '../../vsctl/failure.ts';
import { Symbols } from '../../vsctl/symbols.ts';
import { parseValue } from '../../vsctl/value.ts';
import { Random } from '../helpers/random.ts';

const set = (type: ColumnType['key']['type'], max = Infinity): ColumnType => ({ key: { type }, min: 0, max });
const strings: ColumnType = { key: { type: 'string' }, value: { type: 'string' }, min: 0, max: Infinity };
const symbols = () => new Symbols(() => '6a6d4dfe-2b9a-4a6c-8b06-0a5a1e5d7c11');
const parse = (text: string, type: ColumnType) => parseValue(text, type, symbols());

const round = test.macro((t, text: string, type: ColumnType, printed: string, bare: string) => {
  const value = parse(text, type);
  t.is(printDatum(value, type), printed);
  t.is(printBareDatum(value, type), bare);
  t.true(parse(printed, type).equals(value));
});

test('integers', round, '3, 1 2', set('integer'), '[1, 2, 3]', '1 2 3');
test('a range', round, '[-2-2,7]', set('integer'), '[-2, -1, 0, 1, 2, 7]', '-2 -1 0 1 2 7');
test('an optional integer', round, '[5]', set('integer', 1), '5', '5');
test('nothing', round, '[]', set('integer', 1), '[]', '');
test(
  'integers of 64 bits',
  round,
  '9223372036854775807',
  set('integer'),
  '[9223372036854775807]',
  '9223372036854775807',
);
test('reals', round, '1.50,-2e3,.25', set('real'), '[-2000, 0.25, 1.5]', '-2000 0.25 1.5');
test('a negative zero is zero', round, '-0.0', set('real'), '[0]', '0');
test('booleans', round, 'yes,off', set('boolean'), '[false, true]', 'false true');
test(
  'strings are quoted where they must be',
  round,
  'a "b c" true 5',
  set('string'),
  '["5", a, "b c", "true"]',
  '5 a b c true',
);
test('a map', round, 'b="x y",a=1', strings, '{a="1", b="x y"}', 'a=1 b=x y');
test('an empty map', round, ' { } ', strings, '{}', '');
test('escapes', round, '"\\u00e9\\n\\"\\\\"', set('string'), '["é\\n\\"\\\\"]', 'é\n"\\');

test('a name stands for one uuid', (t) => {
  const type = set('uuid');
  t.is(printDatum(parse('@a', type), type), '[6a6d4dfe-2b9a-4a6c-8b06-0a5a1e5d7c11]');
});

test('the larger set is the greater; then keys decide, then values', (t) => {
  const map = (text: string) => parse(text, strings);
  t.true(compareData(Datum.of(9), Datum.of(1, 2)) < 0);
  t.true(compareData(Datum.of(1, 3), Datum.of(1, 2)) > 0);
  t.true(compareData(map('a=9,b=1'), map('a=1,c=0')) < 0);
  t.true(compareData(map('a=1'), map('a=2')) < 0);
  t.is(compareData(map('a=1'), map('a=1')), 0);
});

test('no text makes the parser fail otherwise than with a message', (t) => {
  const random = new Random(4);
  const alphabet = [...'ab01-_.:=, []{}!<>"\\\u0001é@'];
  const types = [set('integer'), set('real', 1), set('boolean'), set('string'), set('uuid'), strings];
  for (let i = 0; i < 5000; i++) {
    const text = Array.from({ length: random.below(12) }, () => random.pick(alphabet)).join('');
    const type = random.pick(types);
    try {
      const value = parse(text, type);
      t.true(type.key.type === 'uuid' || parse(printDatum(value, type), type).equals(value), text);
    } catch (error) {
      t.true(error instanceof CommandFailure, text);
    }
  }
});

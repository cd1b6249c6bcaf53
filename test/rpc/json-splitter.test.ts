import test from 'ava';
import { JsonSplitter } from '../../rpc/json-splitter.ts';
import { formatJson } from '../../schema/json.ts';
import { readCaseFiles } from '../helpers/case-file.ts';
import { split } from '../helpers/mutant.ts';
import { Random } from '../helpers/random.ts';

const texts = [
  '{}',
  '[]',
  '{"id":1,"method":"echo","params":["}]{[",{"a":"\\"}"},["\\\\"]]}',
  '["é\u{1f600}\\u00e9",{"b":[[[[]]]]}]',
  '{ "a" :\n[ 1 , 2 ]\t}',
  '["\\\\\\"]"]',
  `["${'x'.repeat(70_000)}"]`,
  ...readCaseFiles('monitor').flatMap(({ cases }) =>
    cases.flatMap(({ steps }) => steps.map(({ ask }) => formatJson(ask))),
  ),
];

const feed = (pieces: readonly Buffer[]): string[] => {
  const splitter = new JsonSplitter();
  const found = pieces.flatMap((piece) => [...splitter.push(piece)]);
  if (splitter.pending !== 0) throw new Error(`${splitter.pending} bytes are left`);
  return found;
};

const stream = Buffer.from(texts.join(''));

test('texts that come all at once', (t) => t.true(feed([stream]).join() === texts.join()));

test('texts that come byte by byte', (t) => t.true(feed(split(new Random(0), stream, 1)).join() === texts.join()));

test('texts that come in pieces of any length', (t) => {
  const random = new Random(1);
  for (let i = 0; i < 50; i++)
    t.true(feed(split(random, stream, random.pick([2, 7, 100, 5000]))).join() === texts.join());
});

test('spaces between texts', (t) => {
  t.deepEqual(feed([Buffer.from(' {} \r\n\t[] ')]), [' {}', ' \r\n\t[]']);
});

for (const [title, bytes] of [
  ['a word', 'hello'],
  ['a number', '5'],
  ['a string', '"x"'],
  ['a closing brace', '}'],
  ['a comma behind a text', '{},{}'],
  ['a byte order mark', '\ufeff{}'],
  ['a null byte', '\0{}'],
] satisfies [string, string][]) {
  test(`${title} is the start of no text`, (t) => {
    t.throws(() => [...new JsonSplitter().push(Buffer.from(bytes))], { instanceOf: SyntaxError });
  });
}

test('a text may be as deep as the limit, and no deeper', (t) => {
  const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
  const limits = { maxSize: 1e6, maxDepth: 5 };
  t.is([...new JsonSplitter(limits).push(nested(5))].length, 1);
  t.throws(() => [...new JsonSplitter(limits).push(nested(6))], { message: /nesting depth 5/ });
  t.is([...new JsonSplitter().push(nested(1000))].length, 1);
  t.throws(() => [...new JsonSplitter().push(nested(1001))], { instanceOf: SyntaxError });
});

test('braces in strings do not count as depth', (t) => {
  t.is([...new JsonSplitter({ maxSize: 1e6, maxDepth: 2 }).push(Buffer.from('[["[[[[{{{{"]]'))].length, 1);
});

test('a text that grows past the limit is refused before it ends', (t) => {
  const splitter = new JsonSplitter({ maxSize: 100, maxDepth: 5 });
  t.deepEqual([...splitter.push(Buffer.from(`["${'x'.repeat(90)}`))], []);
  t.throws(() => [...splitter.push(Buffer.from('x'.repeat(20)))], { message: /exceeds the limit of 100 bytes/ });
});

test('the limit is for one text, not for all', (t) => {
  const splitter = new JsonSplitter({ maxSize: 100, maxDepth: 5 });
  for (let i = 0; i < 50; i++) t.is([...splitter.push(Buffer.from(`["${'x'.repeat(60)}"]`))].length, 1);
});

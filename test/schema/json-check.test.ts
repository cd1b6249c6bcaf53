/** What is wrong with JSON that a person wrote, in the words of the C programs. */
import { spawnSync } from 'node:child_process';
import test from 'ava';
import { readJson } from '../../schema/json-check.ts';
import { cPrograms, findProgram, testRequiring } from '../helpers/requires.ts';

const bad: readonly string[] = [
  '',
  ' ',
  'x',
  '5',
  '"a"',
  '[',
  '[1',
  '[1,',
  '[1 2]',
  '[1}',
  '[,]',
  '{',
  '{1}',
  '{"a"}',
  '{"a",',
  '{"a":}',
  '{"a":1,}',
  '{"a":1 "b"}',
  '[]x',
  '[] []',
  '[A]',
  '[#]',
  '[\u00e9]',
  '[nul]',
  '[nullx]',
  '[01]',
  '[-]',
  '[-x]',
  '[1.]',
  '[1.e5]',
  '[1e]',
  '[1e+]',
  '[1-2]',
  '[1.2.3]',
  '[1e5.5]',
  '[1e400]',
  '[-0,1E400]',
  '["a',
  '["a\\',
  '["\\q"]',
  '["\\u12"]',
  '["\\u12g4"]',
  '["\\u0000"]',
  '["\\ud800"]',
  '["\\ud800x"]',
  '["\\ud800\\u0041"]',
  '["\\ud800\\u"]',
  '["a\tb"]',
  '["a\nb"]',
  '[1,\n\n  2,\n "é",]',
  '['.repeat(1001),
];

const good: readonly string[] = ['[]', '{}', ' [ 1 , -0.5e+3 , "\\ud83d\\ude00é\\n" , {"a":[{}],"b":null} ]\n'];

const problem = (text: string): string => {
  try {
    readJson(text);
  } catch (error) {
    return error instanceof SyntaxError ? error.message : String(error);
  }
  return '';
};

test('good JSON is taken', (t) => {
  for (const text of good) t.deepEqual(readJson(text), JSON.parse(text));
});

test('the place of a fault is told in lines, columns and bytes', (t) => {
  t.is(problem('{"é":\n [}'), 'line 1, column 2, byte 9: syntax error expecting value');
});

testRequiring(cPrograms())('the words are those of ovsdb-client', (t) => {
  const program = findProgram('ovsdb-client') ?? '';
  for (const text of bad) {
    const { stderr } = spawnSync(program, ['query', text], { encoding: 'utf8' });
    t.is(`ovsdb-client: "${text}": ${problem(text)}\n`, stderr);
  }
});

import { readFileSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { startCServer, startServer } from '../helpers/server-process.ts';
import { type Case, parseCase, readDatabase } from './corpus.ts';
import { TestDatabase } from './database.ts';
import { type Result, vsctl } from './subject.ts';

/**
 * Command lines that Open vSwitch 3.7 answers otherwise than 3.1, with its answers: "> " and the case, then what its
 * steps print. UPDATE=1 writes the file anew, with what our program answers.
 */
const path = projectFile('test/cases/vsctl/newer.answers');
const schema = projectFile('schema/vswitch.ovsschema');

interface AnsweredCase extends Case {
  readonly answer: string;
}

const readAnswers = (): AnsweredCase[] =>
  readFileSync(path, 'utf8')
    .replace(/^#.*\n/gm, '')
    .split(/^> /m)
    .slice(1)
    .map((text) => {
      const end = text.indexOf('\n');
      return { ...parseCase(text.slice(0, end)), answer: text.slice(end + 1) };
    });

/** What a step printed, and how it ended unless well, without uuids that are not in the case. */
const describe = ({ stdout, stderr, exit }: Result, { line, unordered }: Case): string => {
  const text = `${stdout}${stderr}`.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (uuid) =>
    line.includes(uuid) ? uuid : '<uuid>',
  );
  const lines = `${text}${exit === 0 ? '' : `exit ${exit}\n`}`;
  return unordered ? lines.split(/^/m).sort().join('') : lines;
};

const answer = async (target: string, each: Case): Promise<string> => {
  let text = '';
  for (const words of each.steps) text += describe(await vsctl([`--db=${target}`, '--no-wait', ...words]), each);
  return text;
};

const answers = async (t: ExecutionContext, start: typeof startServer): Promise<Map<string, string>> => {
  const { target } = await start(t, schema);
  const database = await TestDatabase.connect(target);
  t.teardown(() => database.close());
  for (const words of readDatabase('full')) await vsctl([`--db=${target}`, '--no-wait', ...words]);
  await database.seed(await database.toOperations());
  const given = new Map<string, string>();
  for (const each of readAnswers()) {
    given.set(each.line, await answer(target, each));
    await database.reset();
  }
  return given;
};

const agree = async (t: ExecutionContext, start: typeof startServer): Promise<void> => {
  const given = await answers(t, start);
  for (const { line, answer: expected } of readAnswers()) t.is(given.get(line), expected, line);
};

if (process.env.UPDATE === undefined) {
  test('what Open vSwitch 3.7 does otherwise than 3.1, on our server', (t) => agree(t, startServer));
  testRequiring(cPrograms())('what Open vSwitch 3.7 does otherwise than 3.1, on the C server', (t) =>
    agree(t, startCServer),
  );
} else {
  test('answers are written anew', async (t) => {
    const given = await answers(t, startServer);
    const lines = readFileSync(path, 'utf8').split('\n');
    const kept = lines.filter((line) => line.startsWith('#') || line.startsWith('> '));
    const text = kept.map((line) => `${line}\n${given.get(line.replace(/^> /, '')) ?? ''}`).join('');
    writeFileSync(path, text);
    t.pass();
  });
}

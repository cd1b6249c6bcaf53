/** Random requests, made from those of the corpora, are answered by our server as by the C server. */
import { formatJson, isArray, isObject, type Json, type JsonObject, member } from '../../schema/json.ts';
import { type Case, readCaseFiles } from '../helpers/case-file.ts';
import { runMonitorFile } from '../helpers/monitor-corpus.ts';
import { mutateJson } from '../helpers/mutant.ts';
import { projectFile } from '../helpers/project.ts';
import { Random } from '../helpers/random.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { startCServer, startServer } from '../helpers/server-process.ts';
import { runTransactCase } from '../helpers/transact-corpus.ts';
import { WireSubject } from '../helpers/wire-subject.ts';

const cTest = testRequiring(cPrograms());
const rounds = 400;

/** A case like that one, its operations changed here and there. */
const mutateCase = (random: Random, { name, steps }: Case): Case => ({
  name,
  steps: steps.map((step) => {
    const mutant = mutateJson(random, member(step.ask, 'transact') ?? [], 0.02);
    const operations = (isArray(mutant) ? mutant : [mutant]).filter(isRepeatable);
    return { ...step, ask: { transact: operations } };
  }),
});

/** Not one that might wait, or whose rows come in an order that nothing decides. */
const isRepeatable = (operation: Json): boolean => !/"wait"|"sort"/.test(formatJson(operation));

/** Which of several mistakes in one transaction is told depends on hashes: only the kind of error counts. */
const withoutWords = (answer: Json): Json =>
  isArray(answer) ? answer.map((result) => (isObject(result) ? errorOnly(result) : result)) : answer;
const errorOnly = (result: JsonObject): JsonObject => {
  const error = member(result, 'error');
  return error === undefined ? result : { error };
};

const lines = (answers: readonly Json[]): string[] => answers.map((answer) => formatJson(withoutWords(answer), true));

for (const [seed, schema] of ['types', 'references', 'tables'].entries()) {
  cTest(`random transactions are answered as by the C server: ${schema}`, async (t) => {
    const random = new Random(seed);
    const file = projectFile(`test/cases/schemas/${schema}.ovsschema`);
    const theirs = await WireSubject.connect(t, await startCServer(t, file), file);
    const ours = await WireSubject.connect(t, await startServer(t, file), file);
    const cases = readCaseFiles('transact')
      .filter((each) => each.schema === file)
      .flatMap((each) => each.cases)
      .filter(({ steps }) => steps.every(({ c310 }) => c310 === undefined));
    for (let round = 0; round < rounds; round++) {
      const mutant = mutateCase(random, random.pick(cases));
      const expected = lines(await runTransactCase(theirs, mutant));
      t.deepEqual(lines(await runTransactCase(ours, mutant)), expected, formatJson(mutant.steps.map(({ ask }) => ask)));
      await theirs.clear();
      await ours.clear();
    }
  });
}

/** A case of monitors like that one, what it asks changed here and there. */
const mutateMonitors = (random: Random, { name, steps }: Case): Case => ({
  name,
  steps: steps.map((step) => {
    const send = member(step.ask, 'send');
    const [method = '', params] = isArray(send) ? send : [];
    // What stands in front, the database and the monitor's id, stays.
    const kept = method === 'transact' ? 1 : 2;
    const mutant = (isArray(params) ? params : [])
      .map((param, i) => (i < kept ? param : mutateJson(random, param, 0.04)))
      .filter((param) => isRepeatable(param));
    return { ...step, ask: { ...step.ask, send: [method, mutant] } };
  }),
});

/** Errors without their words; rows that look alike can be told apart only by names that mean nothing. */
const monitorLine = (answer: Json): string =>
  formatJson(answer, true)
    .replace(/"details":"(\\.|[^"\\])*",?|,"syntax":"(\\.|[^"\\])*"/g, '')
    .replace(/<\d+>/g, '<row>');

cTest('random monitors are told what the C server tells them', async (t) => {
  const random = new Random(3);
  const file = projectFile('test/cases/schemas/types.ovsschema');
  const theirs = await startCServer(t, file);
  const ours = await startServer(t, file);
  const [theirRows, ourRows] = [await WireSubject.connect(t, theirs, file), await WireSubject.connect(t, ours, file)];
  // Not monitor_cond_change, which version 3.1.0 does not survive if it is malformed.
  const cases = readCaseFiles('monitor')
    .filter((each) => each.schema === file && each.name !== 'mixed')
    .flatMap((each) => each.cases)
    .filter(({ steps }) => steps.every(({ c310, ask }) => c310 === undefined && !formatJson(ask).includes('_change')));
  for (let round = 0; round < rounds; round++) {
    const mutant = mutateMonitors(random, random.pick(cases));
    const expected = await runMonitorFile(theirs.socket, [mutant], theirRows);
    const answers = await runMonitorFile(ours.socket, [mutant], ourRows);
    const linesOf = (all: typeof answers) => [...all.values()].flat().map(monitorLine);
    t.deepEqual(linesOf(answers), linesOf(expected), formatJson(mutant.steps.map(({ ask }) => ask)));
  }
});

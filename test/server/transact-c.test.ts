/** The corpus of transactions against the C server: it validates what is recorded, or records it (UPDATE=1). */
import test from 'ava';
import { readCaseFiles } from '../helpers/case-file.ts';
import { answerLines, crashes, isRecording, linesOfC, record } from '../helpers/recording.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { startCServer } from '../helpers/server-process.ts';
import { runTransactFile } from '../helpers/transact-corpus.ts';
import { WireSubject } from '../helpers/wire-subject.ts';

const cTest = testRequiring(cPrograms());

for (const file of readCaseFiles('transact')) {
  cTest(`the C server answers as recorded: ${file.name}`, async (t) => {
    const server = await startCServer(t, file.schema);
    const answers = await runTransactFile(await WireSubject.connect(t, server, file.schema), file.cases);
    if (isRecording) record(file, answers);
    else t.deepEqual(answerLines(answers), linesOfC(file));
    t.pass();
  });
}

test('every known difference from the C server says why', (t) => {
  for (const { name, cases } of [...readCaseFiles('transact'), ...readCaseFiles('monitor')]) {
    const differing = cases.flatMap(({ steps }) => steps.filter(({ c310 }) => c310 !== undefined && c310 !== crashes));
    t.true(
      differing.every(({ why }) => why !== undefined),
      name,
    );
  }
});

test('the names of cases are distinct within their file', (t) => {
  for (const { name, cases } of [...readCaseFiles('transact'), ...readCaseFiles('monitor')]) {
    t.is(new Set(cases.map((each) => each.name)).size, cases.length, name);
  }
});

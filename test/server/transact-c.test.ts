/** The corpus of transactions against the C server: it validates what is recorded, or records it (UPDATE=1). */
import test from 'ava';
import { type CaseFile, readCaseFiles } from '../helpers/case-file.ts';
import { answerLines, isRecording, Recording } from '../helpers/recording.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { startCServer } from '../helpers/server-process.ts';
import { runTransactCase } from '../helpers/transact-corpus.ts';
import { WireSubject } from '../helpers/wire-subject.ts';

const cTest = testRequiring(cPrograms());

const declare = (file: CaseFile): void => {
  cTest(`the C server answers as recorded: ${file.name}`, async (t) => {
    const server = await startCServer(t, file.schema);
    const subject = await WireSubject.connect(t, server, file.schema);
    const recording = new Recording(file);
    for (const each of file.cases) {
      const answers = await runTransactCase(subject, each);
      recording.add(each.name, answers);
      await subject.clear();
      if (isRecording) continue;
      const expected = each.steps.map(({ c310, expected }) => c310 ?? expected);
      t.deepEqual(answerLines(answers), answerLines(expected), each.name);
    }
    if (isRecording) recording.write();
    t.pass();
  });
};

for (const file of readCaseFiles('transact')) declare(file);

test('the names of cases are distinct within their file', (t) => {
  for (const { name, cases } of [...readCaseFiles('transact'), ...readCaseFiles('monitor')]) {
    t.is(new Set(cases.map((each) => each.name)).size, cases.length, name);
  }
});

/** The corpus of monitors against the C server: it validates what is recorded, or records it (UPDATE=1). */
import { readCaseFiles } from '../helpers/case-file.ts';
import { runMonitorCase } from '../helpers/monitor-corpus.ts';
import { answerLines, isRecording, Recording } from '../helpers/recording.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { startCServer } from '../helpers/server-process.ts';
import { WireSubject } from '../helpers/wire-subject.ts';

/** What a case says in place of an answer where the C server of that version falls over. */
const crashes = 'crashes';

const cTest = testRequiring(cPrograms());

for (const file of readCaseFiles('monitor')) {
  cTest(`the C server answers as recorded: monitor ${file.name}`, async (t) => {
    const server = await startCServer(t, file.schema);
    const subject = await WireSubject.connect(t, server, file.schema);
    const recording = new Recording(file);
    for (const each of file.cases) {
      if (each.steps.some(({ c310 }) => c310 === crashes)) continue;
      const answers = await runMonitorCase(server.socket, each);
      recording.add(each.name, answers);
      await subject.clear();
      if (isRecording) continue;
      const expected = each.steps.map(({ c310, expected }) => c310 ?? expected);
      t.deepEqual(answerLines(answers), answerLines(expected), each.name);
    }
    if (isRecording) recording.write();
    t.pass();
  });
}

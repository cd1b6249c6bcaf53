/** The corpus of monitors against the C server: it validates what is recorded, or records it (UPDATE=1). */
import { readCaseFiles } from '../helpers/case-file.ts';
import { runMonitorFile } from '../helpers/monitor-corpus.ts';
import { answerLines, crashesC, isRecording, linesOfC, record } from '../helpers/recording.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { startCServer } from '../helpers/server-process.ts';
import { WireSubject } from '../helpers/wire-subject.ts';

const cTest = testRequiring(cPrograms());

for (const file of readCaseFiles('monitor')) {
  cTest(`the C server answers as recorded: ${file.name}`, async (t) => {
    const server = await startCServer(t, file.schema);
    const subject = await WireSubject.connect(t, server, file.schema);
    const cases = file.cases.filter((each) => !crashesC(each));
    const answers = await runMonitorFile(server.socket, cases, subject);
    if (isRecording) record(file, answers);
    else t.deepEqual(answerLines(answers), linesOfC(file));
    t.pass();
  });
}

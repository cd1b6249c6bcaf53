/** The corpus of monitors against our server. */
import test from 'ava';
import { audit } from '../helpers/audit.ts';
import { readCaseFiles } from '../helpers/case-file.ts';
import { runMonitorFile } from '../helpers/monitor-corpus.ts';
import { answerLines, expectedLines } from '../helpers/recording.ts';
import { startServer } from '../helpers/server-process.ts';
import { WireSubject } from '../helpers/wire-subject.ts';

for (const file of readCaseFiles('monitor')) {
  test.serial(`our server tells as expected: ${file.name}`, async (t) => {
    const server = await startServer(t, file.schema);
    const subject = await WireSubject.connect(t, server, file.schema);
    const answers = await runMonitorFile(server.socket, file.cases, subject);
    t.deepEqual(answerLines(answers), expectedLines(file));
    t.deepEqual(await audit(server), []);
  });
}

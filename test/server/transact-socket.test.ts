/** The corpus of transactions against our server, as a client sees it. */
import test from 'ava';
import { audit } from '../helpers/audit.ts';
import { readCaseFiles } from '../helpers/case-file.ts';
import { answerLines, expectedLines } from '../helpers/recording.ts';
import { startServer } from '../helpers/server-process.ts';
import { runTransactFile } from '../helpers/transact-corpus.ts';
import { WireSubject } from '../helpers/wire-subject.ts';

for (const file of readCaseFiles('transact')) {
  test.serial(`our server answers as expected: ${file.name}`, async (t) => {
    const server = await startServer(t, file.schema);
    const answers = await runTransactFile(await WireSubject.connect(t, server, file.schema), file.cases);
    t.deepEqual(answerLines(answers), expectedLines(file));
    t.deepEqual(await audit(server), []);
  });
}

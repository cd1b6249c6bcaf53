/** The corpus of transactions against our server, as a browser sees it. */
import test from 'ava';
import { audit } from '../helpers/audit.ts';
import { readCaseFiles } from '../helpers/case-file.ts';
import { answerLines, expectedLines } from '../helpers/recording.ts';
import { startServer } from '../helpers/server-process.ts';
import { runTransactFile } from '../helpers/transact-corpus.ts';
import { WebClient } from '../helpers/web-client.ts';
import { WireSubject } from '../helpers/wire-subject.ts';

for (const file of readCaseFiles('transact')) {
  test.serial(`our server answers as expected over a WebSocket: ${file.name}`, async (t) => {
    const server = await startServer(t, file.schema, '--remote=pws:0:127.0.0.1');
    const port = Number(/listening on port (\d+)/.exec(server.log)?.[1]);
    const client = await WebClient.connect(t, port);
    const answers = await runTransactFile(WireSubject.over(client, file.schema), file.cases);
    t.deepEqual(answerLines(answers), expectedLines(file));
    t.deepEqual(await audit(server), []);
  });
}

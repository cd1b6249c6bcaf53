/** The corpus of transactions against a database in this process; its invariants are checked after every step. */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Json } from '../../schema/json.ts';
import { readSchema } from '../../server/server-database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import { type CaseFile, readCaseFiles } from '../helpers/case-file.ts';
import { CoreSubject } from '../helpers/core-subject.ts';
import { answerLines, expectedLines } from '../helpers/recording.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { runTransactFile } from '../helpers/transact-corpus.ts';

const makeSubject = (t: ExecutionContext, { schema }: CaseFile): CoreSubject => {
  const path = join(temporaryFolder(t), 'conf.db');
  SqliteStorage.create(path, readSchema(schema));
  const subject = new CoreSubject(path);
  t.teardown(() => subject.close());
  return subject;
};

for (const file of readCaseFiles('transact')) {
  test(`the core answers as expected, and keeps its invariants: ${file.name}`, async (t) => {
    const subject = makeSubject(t, file);
    const answers = await runTransactFile(subject, file.cases);
    t.deepEqual(answerLines(answers), expectedLines(file));
    t.deepEqual(subject.problems, []);
  });

  test(`a database closed and opened again is the same, and goes on the same: ${file.name}`, async (t) => {
    const subject = makeSubject(t, file);
    const changed: string[] = [];
    const reopening = {
      transact: async (operations: readonly Json[]) => {
        const answer = await subject.transact(operations);
        const before = subject.dump();
        subject.reopen();
        const after = subject.dump();
        if (before.join('\n') !== after.join('\n')) changed.push(...before, 'became', ...after);
        return answer;
      },
      clear: () => subject.clear(),
    };
    const cases = file.cases.filter((each) => !readsEphemeral.has(each.name));
    const answers = await runTransactFile(reopening, cases);
    t.deepEqual(answerLines(answers), expectedLines({ ...file, cases }));
    t.deepEqual(changed, []);
    t.deepEqual(subject.problems, []);
  });
}

/** Their answers depend on columns that do not outlive the server. */
const readsEphemeral = new Set(['an ephemeral column is read like others']);

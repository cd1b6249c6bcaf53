/** Mutated and split messages: whatever comes, the server goes on, serves others, and keeps its invariants. */
import { join } from 'node:path';
import test from 'ava';
import { formatJson, isArray, isObject, type Json, member } from '../../schema/json.ts';
import { readSchema } from '../../server/server-database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import { audit } from '../helpers/audit.ts';
import { readCaseFiles } from '../helpers/case-file.ts';
import { CoreSubject } from '../helpers/core-subject.ts';
import { mutateBytes, mutateJson, split } from '../helpers/mutant.ts';
import { projectFile } from '../helpers/project.ts';
import { Random } from '../helpers/random.ts';
import { startServer } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { Wire } from '../helpers/wire.ts';

interface Call {
  readonly method: string;
  readonly params: readonly Json[];
}

/** Every request of the corpora for that schema. */
const callsFor = (schema: string, database: string): Call[] => {
  const transactions = readCaseFiles('transact')
    .filter((file) => file.schema.endsWith(`/${schema}.ovsschema`))
    .flatMap(({ cases }) => cases.flatMap(({ steps }) => steps.map(({ ask }) => member(ask, 'transact'))))
    .map(
      (operations): Call => ({ method: 'transact', params: [database, ...(isArray(operations) ? operations : [])] }),
    );
  const others = readCaseFiles('monitor')
    .filter((file) => file.schema.endsWith(`/${schema}.ovsschema`))
    .flatMap(({ cases }) => cases.flatMap(({ steps }) => steps.map(({ ask }) => member(ask, 'send'))))
    .flatMap((send): Call[] => {
      const [method, params] = isArray(send) ? send : [];
      return typeof method === 'string' && isArray(params) ? [{ method, params }] : [];
    });
  return [...transactions, ...others];
};

const messages = 1500;

for (const [seed, schema] of ['types', 'references', 'tables'].entries()) {
  test.serial(`messages with mistakes of every kind do no harm: ${schema}`, async (t) => {
    const random = new Random(seed);
    const server = await startServer(t, projectFile(`test/cases/schemas/${schema}.ovsschema`));
    const calls = callsFor(schema, schema);
    const witness = await Wire.connect(server.socket);
    const wire = await Wire.connect(server.socket);
    const replies = { result: 0, error: 0 };
    for (let i = 0; i < messages; i++) {
      const { method, params } = random.pick(calls);
      const mutant = random.chance(0.8) ? mutateJson(random, params) : params;
      const text = Buffer.from(formatJson({ id: `call ${i}`, method, params: isArray(mutant) ? mutant : [mutant] }));
      const broken = random.chance(0.1);
      const target = broken ? await Wire.connect(server.socket) : wire;
      for (const piece of split(random, broken ? mutateBytes(random, text) : text, text.length)) target.write(piece);
      for (const { kind } of broken ? await target.end() : await wire.request('list_dbs', [])) {
        if (kind === 'result' || kind === 'error') replies[kind]++;
      }
      if (i % 50 === 0) t.deepEqual(await witness.result('echo', [i]), [i]);
    }
    t.true(replies.error > 20 && replies.result > messages, formatJson(replies));
    t.is(server.child.exitCode, null);
    t.deepEqual(await audit(server), []);
  });
}

for (const [seed, schema] of ['types', 'references', 'tables'].entries()) {
  test.serial(
    `transactions with mistakes of every kind keep the invariants, and change nothing if they fail: ${schema}`,
    async (t) => {
      const random = new Random(seed);
      const path = join(temporaryFolder(t), 'conf.db');
      SqliteStorage.create(path, readSchema(projectFile(`test/cases/schemas/${schema}.ovsschema`)));
      const subject = new CoreSubject(path);
      t.teardown(() => subject.close());
      const calls = callsFor(schema, schema).filter(({ method }) => method === 'transact');
      const outcomes = { changed: 0, failed: 0 };
      for (let i = 0; i < messages; i++) {
        const { params } = random.pick(calls);
        const operations = params.slice(1).filter((operation) => !formatJson(operation).includes('"wait"'));
        const mutant = mutateJson(random, operations, random.pick([0, 0.01, 0.04]));
        const before = subject.dump().join('\n');
        const results = await subject.transact(isArray(mutant) ? mutant : [mutant]);
        const after = subject.dump().join('\n');
        if (before !== after) outcomes.changed++;
        if (!isArray(results) || !results.some((each) => isObject(each) && member(each, 'error') !== undefined))
          continue;
        outcomes.failed++;
        t.is(after, before, formatJson(mutant));
      }
      t.deepEqual(subject.problems, []);
      t.true(outcomes.changed > messages / 10 && outcomes.failed > messages / 10, formatJson(outcomes));
    },
  );
}

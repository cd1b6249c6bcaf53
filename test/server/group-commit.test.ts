/** Transactions that come at once are stored together: each row once, as the last of them leaves it. */
import test from 'ava';
import { formatRequest } from '../../rpc/message.ts';
import { formatJson, isArray, isObject, type Json, member } from '../../schema/json.ts';
import { audit } from '../helpers/audit.ts';
import { projectFile } from '../helpers/project.ts';
import { Random } from '../helpers/random.ts';
import { runServer, startServer } from '../helpers/server-process.ts';
import { Wire } from '../helpers/wire.ts';

const schema = projectFile('test/cases/schemas/tables.ovsschema');
const bursts = 20;
const transactionsPerBurst = 24;
const uuids = [1, 2, 3].map((digit) => `00000000-0000-4000-8000-00000000000${digit}`);

/** Makes, changes or deletes one of a few rows, so that a burst does all of that to the same one; some of it fails. */
const edit = (random: Random): Json => {
  const uuid = random.pick(uuids);
  const where: Json = [['_uuid', '==', ['uuid', uuid]]];
  const members: Json = ['set', [random.below(9), 10 + random.below(9)]];
  const row: Json = { name: random.pick(['a', 'b', 'c']), members };
  return random.pick<Json>([
    { op: 'insert', table: 'set_index', uuid, row },
    { op: 'update', table: 'set_index', where, row },
    { op: 'mutate', table: 'set_index', where, mutations: [['members', random.pick(['insert', 'delete']), members]] },
    { op: 'delete', table: 'set_index', where },
  ]);
};

const select: Json = { op: 'select', table: 'set_index', where: [], columns: ['_uuid', 'name', 'members'] };

for (const seed of [1, 2, 3]) {
  test(`rows that many transactions change at once are stored as they are in the end (${seed})`, async (t) => {
    const random = new Random(seed);
    const server = await startServer(t, schema);
    const wire = await Wire.connect(server.socket);
    let rows: Json = null;
    for (let burst = 0; burst < bursts || formatJson(rows) === '[{"rows":[]}]'; burst++) {
      const durable: Json = { op: 'commit', durable: random.below(8) === 0 };
      const requests = Array.from({ length: transactionsPerBurst }, (_, i) =>
        formatRequest('transact', ['tables', edit(random), durable], `${burst}.${i}`),
      );
      wire.write(requests.join(''));
      rows = await wire.result('transact', ['tables', select]);
    }
    t.deepEqual(await audit(server), []);
    const again = await Wire.connect((await runServer(t, server.database)).socket);
    t.deepEqual(sorted(await again.result('transact', ['tables', select])), sorted(rows));
  });
}

/** Rows come in no order. */
const sorted = (results: Json): string[] => {
  const [result] = isArray(results) ? results : [];
  const rows = isObject(result) ? member(result, 'rows') : undefined;
  return isArray(rows) ? rows.map((row) => formatJson(row)).sort() : [];
};

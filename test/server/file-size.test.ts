import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { Json } from '../../schema/json.ts';
import { Database } from '../../server/database.ts';
import { builtInSchema } from '../../server/server-database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const requester = { refusal: () => undefined, holdsLock: () => false };

test('a file shrinks after its rows were deleted, without being asked to', (t) => {
  const path = join(temporaryFolder(t), 'conf.db');
  const schema = builtInSchema('vswitch');
  SqliteStorage.create(path, schema);
  const database = new Database(schema, { now: () => 0, newUuid: randomUUID }, SqliteStorage.open(path));
  t.teardown(() => database.close());
  const run = (...operations: Json[]) => {
    database.submit({ operations, requester, done: () => {} });
    database.flush();
  };
  const filler = 'x'.repeat(2000);
  const rows = Array.from({ length: 3000 }, (_, i) => ({
    op: 'insert',
    table: 'QoS',
    row: { type: filler, external_ids: ['map', [['i', String(i)]]] },
  }));
  run(...rows);
  run({ op: 'insert', table: 'Open_vSwitch', row: {} }, { op: 'delete', table: 'QoS', where: [] });
  const before = statSync(path).size + statSync(`${path}-wal`).size;
  for (let i = 0; i < 6000; i++) {
    run({ op: 'mutate', table: 'Open_vSwitch', where: [], mutations: [['next_cfg', '+=', 1]] });
  }
  const after = statSync(path).size;
  t.true(after < before / 4, `${before} bytes, then ${after}`);
});

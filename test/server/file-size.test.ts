import { randomUUID } from 'node:crypto';
import { copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import BetterSqlite3 from 'better-sqlite3';
import type { Json } from '../../schema/json.ts';
import { Database } from '../../server/database.ts';
import { builtInSchema } from '../../server/server-database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const requester = { refusal: () => undefined, holdsLock: () => false };

const runIn =
  (database: Database) =>
  (...operations: Json[]): void => {
    database.submit({ operations, requester, done: () => {} });
    database.flush();
  };

test('a file shrinks after its rows were deleted, without being asked to', (t) => {
  const path = join(temporaryFolder(t), 'conf.db');
  const schema = builtInSchema('vswitch');
  SqliteStorage.create(path, schema);
  const database = new Database(schema, { now: () => 0, newUuid: randomUUID }, SqliteStorage.open(path));
  t.teardown(() => database.close());
  const run = runIn(database);
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

test.serial('what is stored stays so where there is no space to make the file smaller', (t) => {
  const path = join(temporaryFolder(t), 'conf.db');
  const schema = builtInSchema('vswitch');
  SqliteStorage.create(path, schema);
  const clock = { now: () => 0, newUuid: randomUUID };
  const database = new Database(schema, clock, SqliteStorage.open(path));
  t.teardown(() => database.close());
  const run = runIn(database);
  run(...Array.from({ length: 1000 }, () => ({ op: 'insert', table: 'QoS', row: { type: 'x'.repeat(2000) } })));
  run({ op: 'insert', table: 'Open_vSwitch', row: {} }, { op: 'delete', table: 'QoS', where: [] });
  const { pragma } = BetterSqlite3.prototype;
  t.teardown(() => {
    BetterSqlite3.prototype.pragma = pragma;
  });
  let refused = 0;
  BetterSqlite3.prototype.pragma = function (source, options) {
    if (!source.startsWith('incremental_vacuum')) return pragma.call(this, source, options);
    refused++;
    throw new BetterSqlite3.SqliteError('database or disk is full', 'SQLITE_FULL');
  };
  for (let i = 0; i < 1000; i++) {
    run({ op: 'mutate', table: 'Open_vSwitch', where: [], mutations: [['next_cfg', '+=', 1]] });
    t.is(database.storageProblem, undefined);
  }
  t.is(refused, 1);
  const [row] = database.tables.get('Open_vSwitch')?.rows() ?? [];
  t.is(row?.get(row.table.column('next_cfg')).first, 1000);
});

test('the log does not grow with each commit that is synced, and is read to its end and no further', (t) => {
  const path = join(temporaryFolder(t), 'conf.db');
  SqliteStorage.create(path, builtInSchema('vswitch'));
  const clock = { now: () => 0, newUuid: randomUUID };
  const database = new Database(builtInSchema('vswitch'), clock, SqliteStorage.open(path));
  t.teardown(() => database.close());
  const run = runIn(database);
  run({ op: 'insert', table: 'Open_vSwitch', row: {} });
  const sizes = new Set<number>();
  for (let i = 0; i < 100; i++) {
    const increment = { op: 'mutate', table: 'Open_vSwitch', where: [], mutations: [['next_cfg', '+=', 1]] };
    run(increment, { op: 'commit', durable: true });
    sizes.add(statSync(`${path}-wal`).size);
  }
  t.is(sizes.size, 1);
  // As after a crash: the copy is read with the log as it stands.
  const copy = join(temporaryFolder(t), 'conf.db');
  for (const suffix of ['', '-wal']) copyFileSync(path + suffix, copy + suffix);
  const again = new Database(builtInSchema('vswitch'), clock, SqliteStorage.open(copy));
  t.teardown(() => again.close());
  const [row] = again.tables.get('Open_vSwitch')?.rows() ?? [];
  t.is(row?.get(row.table.column('next_cfg')).first, 100);
});

test('a log that has become large is emptied when nothing more is written, unless somebody reads from it', async (t) => {
  const path = join(temporaryFolder(t), 'conf.db');
  SqliteStorage.create(path, builtInSchema('vswitch'));
  const clock = { now: () => 0, newUuid: randomUUID };
  const database = new Database(builtInSchema('vswitch'), clock, SqliteStorage.open(path));
  t.teardown(() => database.close());
  const run = runIn(database);
  const reader = new BetterSqlite3(path);
  t.teardown(() => reader.close());
  reader.exec('BEGIN');
  t.is(reader.prepare('SELECT count(*) FROM QoS').pluck().get(), 0);
  const rows = Array.from({ length: 1000 }, () => ({ op: 'insert', table: 'QoS', row: { type: 'x'.repeat(2000) } }));
  run(...rows);
  const emptied = () => statSync(`${path}-wal`).size === 0;
  t.false(emptied());
  // Longer than it rests: it has tried, and not waited for the five seconds that a commit would wait.
  const start = performance.now();
  await setTimeout(1500);
  t.true(performance.now() - start < 4500);
  t.false(emptied());
  reader.exec('COMMIT');
  run({ op: 'insert', table: 'QoS', row: { type: 'last' } });
  await until('the log to be empty', emptied);
  t.is(reader.prepare('SELECT count(*) FROM QoS').pluck().get(), 1001);
});

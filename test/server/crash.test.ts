/** What survives when the server is killed, or started twice. */
import { spawnSync } from 'node:child_process';
import test from 'ava';
import { isArray, isObject, type Json, member } from '../../schema/json.ts';
import { audit, auditFile } from '../helpers/audit.ts';
import { projectFile } from '../helpers/project.ts';
import { Random } from '../helpers/random.ts';
import { runServer, type ServerProcess, startServer } from '../helpers/server-process.ts';
import { Wire } from '../helpers/wire.ts';

const schema = projectFile('test/cases/schemas/tables.ovsschema');
const transactions = 1000;

/** One transaction: two rows and a count, which are there together or not at all. Some are synced to the disk. */
const transaction = (i: number): Json[] => [
  { op: 'commit', durable: i % 64 < 16 },
  { op: 'insert', table: 'ordinals', row: { number: i, name: 'first' } },
  { op: 'mutate', table: 'single', where: [], mutations: [['next', '+=', 1]] },
  { op: 'insert', table: 'ordinals', row: { number: i, name: 'second' } },
];

/** How many transactions are under way at any time. */
const window = 16;

/** Sends transactions, and kills the server when it has acknowledged `limit`; returns those acknowledged. */
const runUntilKilled = async (server: ServerProcess, limit: number): Promise<Set<number>> => {
  const wire = await Wire.connect(server.socket);
  const numbers = new Map<Json, number>();
  const acknowledged = new Set<number>();
  for (;;) {
    while (numbers.size < Math.min(acknowledged.size + window, transactions)) {
      numbers.set(wire.send('transact', ['tables', ...transaction(numbers.size)]), numbers.size);
    }
    const message = await wire.next();
    if (message === undefined) return acknowledged;
    if (message.kind !== 'result') continue;
    const number = numbers.get(message.id);
    if (number !== undefined) acknowledged.add(number);
    if (acknowledged.size === limit) server.child.kill('SIGKILL');
  }
};

const rowsOf = async (wire: Wire, table: string, columns: string[]): Promise<readonly Json[]> => {
  const results = await wire.result('transact', ['tables', { op: 'select', table, where: [], columns }]);
  const [result] = isArray(results) ? results : [];
  const rows = isObject(result) ? member(result, 'rows') : undefined;
  return isArray(rows) ? rows : [];
};

for (const seed of [1, 2, 3, 4, 5]) {
  test.serial(
    `a server killed among 1,000 transactions keeps what it acknowledged, and no halves (${seed})`,
    async (t) => {
      const server = await startServer(t, schema);
      const first = await Wire.connect(server.socket);
      await first.result('transact', ['tables', { op: 'insert', table: 'single', row: { next: 0 } }]);
      first.close();
      const limit = 1 + new Random(seed).below(transactions - 2 * window);
      const acknowledged = await runUntilKilled(server, limit);
      await server.stop();
      t.true(acknowledged.size >= limit && acknowledged.size < transactions);
      t.deepEqual(auditFile(server.database), []);

      const again = await runServer(t, server.database);
      const wire = await Wire.connect(again.socket);
      const rows = await rowsOf(wire, 'ordinals', ['_uuid', 'number', 'name']);
      const found = new Map<Json, Json[]>();
      for (const row of rows) {
        if (!isObject(row)) continue;
        found.set(row['number'] ?? null, [...(found.get(row['number'] ?? null) ?? []), row['name'] ?? null]);
      }
      for (const number of acknowledged) t.true(found.has(number), `transaction ${number} is lost`);
      for (const [number, names] of found) t.deepEqual(names.toSorted(), ['first', 'second'], `half of ${number}`);
      t.deepEqual(await rowsOf(wire, 'single', ['next']), [{ next: found.size }]);
      t.deepEqual(await audit(again), []);
    },
  );
}

test.serial('a second server on the same file says who has it, and the first goes on', async (t) => {
  const server = await startServer(t, schema);
  const second = spawnSync(process.execPath, [
    projectFile('dist/bin/ovsdb-server.cjs'),
    server.database,
    `--remote=punix:${server.socket}2`,
  ]);
  t.is(second.status, 1);
  t.regex(String(second.stderr), new RegExp(`already locked by pid ${server.child.pid}\\b`));
  const wire = await Wire.connect(server.socket);
  await wire.result('transact', ['tables', { op: 'insert', table: 'ordinals', row: { number: 7 } }]);
  t.deepEqual(await rowsOf(wire, 'ordinals', ['number']), [{ number: 7 }]);
  t.deepEqual(await audit(server), []);
});

test.serial('a server that is asked to stop keeps everything, and can be started again', async (t) => {
  const server = await startServer(t, schema);
  const wire = await Wire.connect(server.socket);
  await wire.result('transact', ['tables', ...transaction(1)]);
  await server.stop();
  // After its work is done it dies of the signal, as the C server does.
  t.is(server.child.signalCode, 'SIGTERM');
  const again = await runServer(t, server.database);
  t.is((await rowsOf(await Wire.connect(again.socket), 'ordinals', ['_uuid'])).length, 2);
  t.deepEqual(await audit(again), []);
});

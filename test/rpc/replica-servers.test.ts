/** A client's copy of a database, kept by the C server and by ours. */
import test, { type ExecutionContext } from 'ava';
import { TransactionError } from '../../rpc/client.ts';
import { Replica, type ReplicaOptions } from '../../rpc/replica.ts';
import { isArray, type Json } from '../../schema/json.ts';
import type { Row } from '../../schema/row.ts';
import { projectFile } from '../helpers/project.ts';
import { Random } from '../helpers/random.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { runCServer, runServer, type ServerProcess, startCServer, startServer } from '../helpers/server-process.ts';
import { Watch } from '../helpers/watch.ts';

const schema = projectFile('test/cases/schemas/types.ovsschema');
const tables = { plain: ['name', 'i', 's'], sets: ['name', 'i', 'nosuch'], maps: ['ss', 'name'], nosuch: ['name'] };

interface Kind {
  readonly start: typeof startServer;
  readonly run: typeof runServer;
}
type Body = (t: ExecutionContext, server: ServerProcess, kind: Kind) => Promise<void>;

const cTest = testRequiring(cPrograms());
const both = (title: string, body: Body): void => {
  const ours = { start: startServer, run: runServer };
  const theirs = { start: startCServer, run: runCServer };
  test.serial(title, async (t) => body(t, await ours.start(t, schema), ours));
  cTest(`of the C server: ${title}`, async (t) => body(t, await theirs.start(t, schema), theirs));
};

/** A replica and what it tells. */
class Watched extends Watch {
  readonly replica: Replica;
  constructor(t: ExecutionContext, target: string, options: Partial<ReplicaOptions> = {}) {
    super();
    this.replica = new Replica({ target, database: 'types', tables, ...options, changed: () => this.changed() });
    t.teardown(() => this.replica.close());
  }
  synced(): Promise<void> {
    return this.until(() => this.replica.synced);
  }
}

const text = (row: Row, column: string): string =>
  row.get(row.table.column(column)).text(row.table.column(column).type);
const texts = (replica: Replica, table: string, ...columns: string[]): string[] =>
  [...replica.rows(table).values()].map((row) => columns.map((column) => text(row, column)).join(' ')).sort();

both('it has the rows there were, and every change after that', async (t, server) => {
  const writer = new Watched(t, server.target, { tables: {} });
  await writer.synced();
  await writer.replica.transact([{ op: 'insert', table: 'plain', row: { name: 'a', i: 1, s: 'x', r: 0.5 } }]);
  const watched = new Watched(t, server.target);
  const { replica } = watched;
  await watched.synced();
  t.deepEqual(texts(replica, 'plain', 'name', 'i', 's'), ['"a" 1 "x"']);
  t.is(replica.rows('nosuch').size, 0);
  await writer.replica.transact([{ op: 'update', table: 'plain', where: [], row: { i: 9007199254740993n, s: '' } }]);
  await watched.until(() => texts(replica, 'plain', 'i', 's')[0] === '9007199254740993 ""');
  await writer.replica.transact([{ op: 'delete', table: 'plain', where: [] }]);
  await watched.until(() => replica.rows('plain').size === 0);
  t.pass();
});

both('random changes to sets and maps leave it equal to the server', async (t, server) => {
  const random = new Random(1);
  const watched = new Watched(t, server.target);
  await watched.synced();
  const { replica } = watched;
  const someIntegers = () => ['set', [...new Set(Array.from({ length: random.below(5) }, () => random.below(400)))]];
  const somePairs = () => [
    'map',
    [...new Map(Array.from({ length: random.below(4) }, () => [`k${random.below(9)}`, `v${random.below(3)}`]))],
  ];
  for (let i = 0; i < 150; i++) {
    const where = [['name', '==', `n${random.below(6)}`]];
    const name = `n${random.below(6)}`;
    const operation = random.pick<Json>([
      { op: 'insert', table: 'sets', row: { name, i: someIntegers() } },
      { op: 'update', table: 'sets', where, row: { i: someIntegers() } },
      {
        op: 'mutate',
        table: 'sets',
        where,
        mutations: [
          ['i', 'insert', someIntegers()],
          ['i', 'delete', someIntegers()],
        ],
      },
      {
        op: 'delete',
        table: 'sets',
        where: [
          ['name', '==', name],
          ['i', 'includes', random.below(400)],
        ],
      },
      { op: 'insert', table: 'maps', row: { name, ss: somePairs() } },
      { op: 'update', table: 'maps', where, row: { ss: somePairs(), name } },
      {
        op: 'mutate',
        table: 'maps',
        where,
        mutations: [
          ['ss', 'delete', ['set', ['k1', 'k2']]],
          ['ss', 'insert', somePairs()],
        ],
      },
    ]);
    // Its own update comes before the reply to the transaction.
    await replica.transact([operation]);
    const selects = ['sets', 'maps'].map((table) => ({ op: 'select', table, where: [] }));
    const [sets, maps] = await replica.transact(selects);
    t.is(replica.rows('sets').size, rowCount(sets?.['rows']));
    t.is(replica.rows('maps').size, rowCount(maps?.['rows']));
  }
  const fresh = new Watched(t, server.target);
  await fresh.synced();
  for (const [table, column] of [
    ['sets', 'i'],
    ['maps', 'ss'],
  ] satisfies [string, string][]) {
    t.deepEqual(texts(replica, table, 'name', column), texts(fresh.replica, table, 'name', column));
  }
});

const rowCount = (rows: Json | undefined): number => (isArray(rows) ? rows.length : -1);

both('it connects again to a server that was away, and knows what changed meanwhile', async (t, server, { run }) => {
  const watched = new Watched(t, server.target);
  const { replica } = watched;
  await watched.synced();
  await replica.transact([{ op: 'insert', table: 'plain', row: { name: 'before' } }]);
  await server.stop();
  await watched.until(() => !replica.synced);
  t.deepEqual(texts(replica, 'plain', 'name'), ['"before"'], 'the rows stay as they were known');
  await t.throwsAsync(replica.transact([]), { message: /not connected/ });
  const again = await run(t, server.database, `--remote=punix:${server.socket}`);
  const other = new Watched(t, again.target);
  await other.synced();
  await other.replica.transact([{ op: 'update', table: 'plain', where: [], row: { name: 'after' } }]);
  await watched.until(() => replica.synced && texts(replica, 'plain', 'name')[0] === '"after"');
  t.is(replica.rows('plain').size, 1);
});

both('a lock goes to the one who waits for it', async (t, server) => {
  const first = new Watched(t, server.target, { lock: 'l' });
  await first.synced();
  t.true(first.replica.locked);
  const second = new Watched(t, server.target, { lock: 'l' });
  await second.synced();
  t.false(second.replica.locked);
  await first.replica.close();
  t.false(first.replica.locked);
  await second.until(() => second.replica.locked);
  t.pass();
});

both('an operation that fails says what the server said', async (t, server) => {
  const watched = new Watched(t, server.target);
  await watched.synced();
  const operations = [
    { op: 'insert', table: 'plain', row: {} },
    { op: 'insert', table: 'plain', row: { nosuch: 1 } },
  ];
  const error = await t.throwsAsync(watched.replica.transact(operations), { instanceOf: TransactionError });
  t.is(error?.tag, 'unknown column');
  t.is(error?.details, 'No column nosuch in table plain.');
  t.is(watched.replica.rows('plain').size, 0);
});

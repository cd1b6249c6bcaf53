/** Transactions that wait: what wakes them, on the C server and on ours. */
import test, { type ExecutionContext } from 'ava';
import { isArray, isObject, type Json, member } from '../../schema/json.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { type ServerProcess, startCServer, startServer } from '../helpers/server-process.ts';
import { Wire } from '../helpers/wire.ts';

const schema = projectFile('test/cases/schemas/references.ovsschema');
const cTest = testRequiring(cPrograms());

type Body = (t: ExecutionContext, server: ServerProcess) => Promise<void>;
const both = (title: string, body: Body): void => {
  test.serial(title, async (t) => body(t, await startServer(t, schema)));
  cTest(`the C server too: ${title}`, async (t) => body(t, await startCServer(t, schema)));
};

const id = '11111111-1111-4111-8111-111111111111';
const byId = [['_uuid', '==', ['uuid', id]]];
const wait = (table: string, where: Json, columns: string[], rows: Json[], options: { [name: string]: Json } = {}) => ({
  op: 'wait',
  table,
  where,
  columns,
  until: '==',
  rows,
  ...options,
});
const insert = (table: string, row: Json, options: { [name: string]: Json } = {}) => ({
  op: 'insert',
  table,
  row,
  ...options,
});

/** A connection, and transactions over it. */
class Session {
  readonly wire: Wire;
  readonly #answers = new Map<Json, Json>();
  constructor(wire: Wire) {
    this.wire = wire;
  }
  static async open(t: ExecutionContext, { socket }: ServerProcess): Promise<Session> {
    const wire = await Wire.connect(socket);
    t.teardown(() => wire.close());
    return new Session(wire);
  }

  /** Sends a transaction that will wait; it has run once when this returns. */
  async start(...operations: Json[]): Promise<number> {
    const request = this.wire.send('transact', ['references', ...operations]);
    await this.wire.result('list_dbs', []);
    return request;
  }
  async transact(...operations: Json[]): Promise<Json> {
    return this.wire.result('transact', ['references', ...operations]);
  }
  /** The answer to a request, whatever else is answered before. */
  async answer(request: number): Promise<Json> {
    for (;;) {
      const known = this.#answers.get(request);
      if (known !== undefined) return known;
      await this.nextAnswer();
    }
  }
  async nextAnswer(): Promise<Json> {
    const message = await this.wire.next();
    if (message?.kind !== 'result') throw new Error('a result was expected');
    this.#answers.set(message.id, message.result);
    return message.id;
  }
}

/** Two sessions: one that waits, one that changes things. */
const sessions = async (t: ExecutionContext, server: ServerProcess) => ({
  waiter: await Session.open(t, server),
  other: await Session.open(t, server),
});

both('for a row that is inserted later, by its uuid', async (t, server) => {
  const { waiter, other } = await sessions(t, server);
  const request = await waiter.start(wait('root', byId, ['name'], [{ name: 'x' }]));
  await other.transact(insert('root', { name: 'another' }));
  await other.transact(insert('root', { name: 'y' }, { uuid: id }));
  await other.transact({ op: 'update', table: 'root', where: byId, row: { name: 'x' } });
  t.deepEqual(await waiter.answer(request), [{}]);
});

both('for a row to be gone', async (t, server) => {
  const { waiter, other } = await sessions(t, server);
  await other.transact(insert('root', { name: 'x' }, { uuid: id }));
  const request = await waiter.start(wait('root', byId, [], []), insert('root', { name: 'after' }));
  await other.transact({ op: 'delete', table: 'root', where: byId });
  t.true(isArray(await waiter.answer(request)));
  const results = await other.transact({ op: 'select', table: 'root', where: [], columns: ['name'] });
  t.deepEqual(results, [{ rows: [{ name: 'after' }] }]);
});

both('for a row that is collected as garbage', async (t, server) => {
  const { waiter, other } = await sessions(t, server);
  await other.transact(insert('part', { name: 'p' }, { uuid: id }), insert('root', { one: ['uuid', id] }));
  const byRow = await waiter.start(wait('part', byId, ['name'], []));
  const byTable = await waiter.start(wait('part', [['name', '==', 'p']], ['name'], []));
  await other.transact({ op: 'update', table: 'root', where: [], row: { one: ['set', []] } });
  t.deepEqual(await waiter.answer(byRow), [{}]);
  t.deepEqual(await waiter.answer(byTable), [{}]);
});

both('for a weak reference to vanish', async (t, server) => {
  const { waiter, other } = await sessions(t, server);
  await other.transact(
    insert('root', { name: 'target' }, { uuid: id }),
    insert('root', { name: 'r', weak_roots: ['uuid', id] }),
  );
  const request = await waiter.start(
    wait('root', [['name', '==', 'r']], ['weak_roots'], [{ weak_roots: ['set', []] }]),
  );
  await other.transact({ op: 'delete', table: 'root', where: byId });
  t.deepEqual(await waiter.answer(request), [{}]);
});

both('what stands before the wait is not done until it holds', async (t, server) => {
  const { waiter, other } = await sessions(t, server);
  const request = await waiter.start(
    insert('root', { name: 'mine' }),
    wait('root', [['name', '!=', 'mine']], ['name'], [{ name: 'x' }]),
  );
  const select = { op: 'select', table: 'root', where: [], columns: ['name'] };
  t.deepEqual(await other.transact(select), [{ rows: [] }]);
  await other.transact(insert('root', { name: 'x' }));
  const results = await waiter.answer(request);
  t.is(isArray(results) ? results.length : 0, 2);
  const rows = await other.transact({ ...select, sort: ['name'] });
  t.deepEqual(rows, [{ rows: [{ name: 'mine' }, { name: 'x' }] }]);
});

both(
  'one that wakes may wake the next, and one that takes away what another waits for lets it wait on',
  async (t, server) => {
    const { waiter, other } = await sessions(t, server);
    const rename = (from: string, to: string) => [
      wait('root', [], ['name'], [{ name: from }]),
      { op: 'update', table: 'root', where: [], row: { name: to } },
    ];
    const third = await waiter.start(...rename('c', 'd'));
    const first = await waiter.start(...rename('a', 'b'));
    const second = await waiter.start(...rename('b', 'c'));
    const late = await waiter.start(...rename('b', 'x'));
    await other.transact(insert('root', { name: 'a' }));
    const answered = [await waiter.nextAnswer(), await waiter.nextAnswer(), await waiter.nextAnswer()];
    t.deepEqual(answered.sort(), [third, first, second].sort());
    t.false(answered.includes(late));
    t.deepEqual(await other.transact({ op: 'select', table: 'root', where: [], columns: ['name'] }), [
      { rows: [{ name: 'd' }] },
    ]);
  },
);

both('a change that is not what it waits for does not end it, nor move its deadline', async (t, server) => {
  const { waiter, other } = await sessions(t, server);
  const before = performance.now();
  const request = await waiter.start(wait('root', [], ['name'], [{ name: 'x' }], { timeout: 300 }));
  for (let i = 0; i < 20; i++) await other.transact(insert('root', { name: `n${i}` }));
  const results = await waiter.answer(request);
  const [result] = isArray(results) ? results : [];
  t.is(isObject(result) ? member(result, 'error') : undefined, 'timed out');
  t.true(performance.now() - before >= 299);
});

both('one who monitors is told of the change that woke it, and of its own', async (t, server) => {
  const { waiter, other } = await sessions(t, server);
  const watcher = await Session.open(t, server);
  await watcher.wire.result('monitor', [
    'references',
    'm',
    { root: { columns: ['name'], select: { initial: false, modify: false } } },
  ]);
  const request = await waiter.start(wait('root', [], ['name'], [{ name: 'x' }]), insert('root', { name: 'y' }));
  await other.transact(insert('root', { name: 'x' }));
  await waiter.answer(request);
  const names: Json[] = [];
  while (names.length < 2) {
    const message = await watcher.wire.next();
    if (message?.kind !== 'notification') continue;
    for (const match of JSON.stringify(message.params).matchAll(/"name":"(.)"/g)) names.push(match[1] ?? null);
  }
  t.deepEqual(names.sort(), ['x', 'y']);
});

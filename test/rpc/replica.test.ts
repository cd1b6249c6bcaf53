import { rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Credentials } from '../../rpc/credentials.ts';
import { Replica } from '../../rpc/replica.ts';
import type { OutJson } from '../../schema/json.ts';
import { Server } from '../../server/server.ts';
import { Authority } from '../helpers/certificates.ts';
import { LocalServer } from '../helpers/local-server.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

/** A replica whose next change can be waited for. */
class Watched {
  readonly replica: Replica;
  #wake: () => void = () => {};

  constructor(target: string, database: string, table: string, column: string, credentials?: Credentials) {
    this.replica = new Replica({
      target,
      database,
      tables: { [table]: [column] },
      ...(credentials !== undefined && { credentials }),
      changed: () => this.#wake(),
    });
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

test('a replica connects over TLS, and follows the database', async (t) => {
  const authority = new Authority(t);
  const server = await LocalServer.start(t, { tls: authority.issue('server') });
  const port = await server.listen({ target: 'pssl:0:127.0.0.1' });
  const credentials = new Credentials(authority.issue('client'));
  const watched = new Watched(`ssl:127.0.0.1:${port}`, 'Remotes', 'Root', 'number', credentials);
  const { replica } = watched;
  t.teardown(() => replica.close());
  await watched.until(() => replica.synced);
  const number = () =>
    [...replica.rows('Root').values()].map((row) => row.data[row.table.column('number').index]?.first);
  t.deepEqual(number(), [0]);
  await server.client.transact('Remotes', [{ op: 'update', table: 'Root', where: [], row: { number: 5 } }]);
  await watched.until(() => number()[0] === 5);
  t.pass();
});

test('what only modifies silent columns is taken, and no reason to look again', async (t) => {
  const server = await LocalServer.start(t);
  const target = `unix:${server.socket}`;
  let changes = 0;
  const replica = new Replica({
    target,
    database: 'Remotes',
    tables: { Root: ['number', 'key'] },
    silent: { Root: ['number'] },
    changed: () => changes++,
  });
  t.teardown(() => replica.close());
  await until('the replica has the rows', () => replica.synced);
  const text = (column: string) =>
    [...replica.rows('Root').values()].map((row) =>
      row.get(row.table.column(column)).text(row.table.column(column).type),
    );
  const update = (row: OutJson) => server.client.transact('Remotes', [{ op: 'update', table: 'Root', where: [], row }]);
  const before = changes;
  await update({ number: 7 });
  await until('it is taken', () => text('number')[0] === '7');
  t.is(changes, before);
  await update({ number: 8, key: 'a' });
  await until('it is taken', () => text('number')[0] === '8');
  t.is(changes, before + 1);
});

test('a replica finds its server again, and keeps its rows meanwhile', async (t) => {
  const folder = temporaryFolder(t);
  const database = join(folder, 'conf.db');
  const socket = join(folder, 'socket');
  const start = () => Server.start({ databases: [database], remotes: [`punix:${socket}`] });
  const first = await start();
  const watched = new Watched(`unix:${socket}-none,unix:${socket}`, '_Server', 'Database', 'name');
  const { replica } = watched;
  t.teardown(() => replica.close());
  await watched.until(() => replica.synced);
  t.is(replica.rows('Database').size, 2);
  await first.close();
  await watched.until(() => !replica.synced);
  t.is(replica.rows('Database').size, 2);
  await t.throwsAsync(replica.transact([]), { message: /not connected/ });
  rmSync(socket, { force: true });
  const second = await start();
  t.teardown(() => second.close());
  await watched.until(() => replica.synced);
  t.is(replica.rows('Database').size, 2);
});

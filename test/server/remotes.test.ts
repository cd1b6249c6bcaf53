/** Remotes that rows of a database configure, and what is written back into them. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { Client } from '../../rpc/client.ts';
import { RpcError } from '../../rpc/peer.ts';
import { listen } from '../../rpc/target.ts';
import { isObject, member } from '../../schema/json.ts';
import { RemoteError } from '../../server/database-column.ts';
import { Deferred } from '../helpers/deferred.ts';
import { keysOf, LocalServer } from '../helpers/local-server.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const database = 'Remotes';
const target = 'ptcp:0:127.0.0.1';

test('a remote listens for as long as a row refers to it', async (t) => {
  const server = await LocalServer.start(t);
  const port = await server.listen({ target });
  const client = await Client.connect(`tcp:127.0.0.1:${port}`);
  t.deepEqual(await client.listDatabases(), ['Remotes', '_Server']);
  await server.client.transact(database, [{ op: 'update', table: 'Root', where: [], row: { remotes: ['set', []] } }]);
  await client.peer.ended;
  await t.throwsAsync(Client.connect(`tcp:127.0.0.1:${port}`), { code: 'ECONNREFUSED' });
});

test('strings configure remotes too', async (t) => {
  const server = await LocalServer.start(t);
  const path = join(temporaryFolder(t), 'socket');
  const set = (targets: readonly string[]) =>
    server.client.transact(database, [{ op: 'update', table: 'Root', where: [], row: { targets: ['set', targets] } }]);
  await set([`punix:${path}`]);
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 20));
  const client = await Client.connect(`unix:${path}`);
  await set([]);
  await client.peer.ended;
  t.false(existsSync(path));
});

test('the status tells how many clients there are', async (t) => {
  const server = await LocalServer.start(t);
  const port = await server.listen({ target });
  const clients = await Promise.all([1, 2].map(() => Client.connect(`tcp:127.0.0.1:${port}`)));
  const row = await server.when(target, (each) => keysOf(each, 'status').has('n_connections'));
  t.like(row, { is_connected: true });
  t.deepEqual(Object.fromEntries(keysOf(row, 'status')), {
    bound_port: String(port),
    n_connections: '2',
    sec_since_connect: '0',
    sec_since_disconnect: '0',
  });
  for (const client of clients) client.close();
  t.like(await server.when(target, (each) => isObject(each) && member(each, 'is_connected') === false), {
    is_connected: false,
  });
});

test('the server calls a client, which it then serves', async (t) => {
  const path = join(temporaryFolder(t), 'client');
  const called = new Deferred<Client>();
  const listener = await listen(`punix:${path}`, { accept: ({ carrier }) => called.resolve(Client.over(carrier)) });
  t.teardown(() => listener.close());
  const server = await LocalServer.start(t);
  await server.configure({ target: `unix:${path}` });
  const client = await called.promise;
  t.deepEqual(await client.listDatabases(), ['Remotes', '_Server']);
  await client.peer.request('lock', ['mine']);
  await client.peer.request('steal', ['other']);
  await server.client.peer.request('steal', ['other']);
  const row = await server.when(`unix:${path}`, (each) => keysOf(each, 'status').has('locks_lost'));
  const status = keysOf(row, 'status');
  t.like(row, { is_connected: true });
  t.like(Object.fromEntries(status), { state: 'ACTIVE', locks_held: 'mine', locks_lost: 'other' });
  t.regex(status.get('sec_since_connect') ?? '', /^\d+$/);
  client.close();
});

test('the server calls again, with pauses, until there is someone', async (t) => {
  const server = await LocalServer.start(t);
  const path = join(temporaryFolder(t), 'client');
  await server.configure({ target: `unix:${path}`, max_backoff: 1000 });
  const row = await server.when(`unix:${path}`, (each) => keysOf(each, 'status').get('state') === 'BACKOFF');
  t.is(keysOf(row, 'status').get('last_error'), 'No such file or directory');
  const called = new Deferred<Client>();
  const listener = await listen(`punix:${path}`, { accept: ({ carrier }) => called.resolve(Client.over(carrier)) });
  t.teardown(() => listener.close());
  const client = await called.promise;
  await client.listDatabases();
  t.pass();
});

test('the client of a read-only remote can read', async (t) => {
  const server = await LocalServer.start(t);
  const port = await server.listen({ target, read_only: true });
  const client = await Client.connect(`tcp:127.0.0.1:${port}`);
  t.teardown(() => client.close());
  await client.transact(database, [
    { op: 'select', table: 'Root', where: [] },
    { op: 'comment', comment: 'hello' },
  ]);
  for (const method of ['lock', 'steal', 'unlock']) {
    const error = await t.throwsAsync(client.peer.request(method, ['x']), { instanceOf: RpcError });
    t.is(error?.error, 'lock and unlock methods not allowed, DB server is read only.');
  }
  await t.throwsAsync(client.transact(database, [{ op: 'insert', table: 'Root', row: {} }]), {
    message: 'not allowed: insert operation not allowed when database server is in read only mode',
  });
  // The row counts as it is now, for clients that are there already too.
  await server.client.transact(database, [{ op: 'update', table: 'Remote', where: [], row: { read_only: false } }]);
  await client.transact(database, [{ op: 'insert', table: 'Root', row: {} }]);
});

test('a silent client is probed as its row says', async (t) => {
  const server = await LocalServer.start(t);
  const port = await server.listen({ target, inactivity_probe: 1000 });
  const silent = connect({ host: '127.0.0.1', port });
  t.teardown(() => silent.destroy());
  const [probe] = await once(silent, 'data');
  t.is(String(probe), '{"id":"echo","method":"echo","params":[]}');
  await once(silent, 'close');
});

test('a remote that cannot listen yet does when it can', async (t) => {
  const occupant = createServer((socket: Socket) => socket.destroy());
  occupant.listen(0, '127.0.0.1');
  t.teardown(() => occupant.close());
  await once(occupant, 'listening');
  const address = occupant.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const server = await LocalServer.start(t, {}, `ptcp:${port}:127.0.0.1`);
  t.deepEqual(await server.client.listDatabases(), ['Remotes', '_Server'], 'the others work');
  occupant.close();
  for (;;) {
    const client = await Client.connect(`tcp:127.0.0.1:${port}`).catch(() => undefined);
    if (client === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    t.deepEqual(await client.listDatabases(), ['Remotes', '_Server']);
    client.close();
    break;
  }
});

test('remotes are added, listed and removed', async (t) => {
  const { server, socket } = await LocalServer.start(t);
  const path = join(temporaryFolder(t), 'more');
  await server.addRemote(`punix:${path}`);
  const names = ['db:Remotes,Root,remotes', 'db:Remotes,Root,targets', `punix:${path}`, `punix:${socket}`];
  t.deepEqual(server.listRemotes(), names.sort());
  (await Client.connect(`unix:${path}`)).close();
  await server.removeRemote(`punix:${path}`);
  t.false(existsSync(path));
  await t.throwsAsync(server.removeRemote(`punix:${path}`), { instanceOf: RemoteError, message: 'no such remote' });
});

const wrong = test.macro({
  title: (_, name: string) => `a column that does not exist is refused: ${name}`,
  exec: async (t, name: string, problem: string) => {
    const { server } = await LocalServer.start(t);
    await t.throwsAsync(server.addRemote(name), { instanceOf: RemoteError, message: `"${name}": ${problem}` });
  },
});
test(wrong, 'db:Remotes', 'invalid syntax');
test(wrong, 'db:Nothing,Root,remotes', 'no database named Nothing');
test(wrong, 'db:Remotes,Nothing,remotes', 'no table named Nothing');
test(wrong, 'db:Remotes,Root,nothing', 'table "Root" has no column "nothing"');

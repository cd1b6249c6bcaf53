/** A WebSocket client of Node's own kind: JSON-RPC 2.0, whose messages ovsdb-server(7) describes. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { isObject, type Json, member, type OutJson } from '../../schema/json.ts';
import { defaultServerLimits, type RemotesOptions } from '../../server/remotes.ts';
import { Authority } from '../helpers/certificates.ts';
import { LocalServer } from '../helpers/local-server.ts';
import { WebClient } from '../helpers/web-client.ts';

const target = 'pws:0:127.0.0.1';
const connect = async (t: ExecutionContext, connections?: RemotesOptions) => {
  const server = await LocalServer.start(t, connections);
  const port = await server.listen({ target });
  return { server, port, client: await WebClient.connect(t, port) };
};

test('databases are listed, under the id of the request', async (t) => {
  const { client } = await connect(t);
  const answer = await client.ask('list_dbs', [], 'first');
  t.deepEqual(answer, { jsonrpc: '2.0', id: 'first', result: ['Remotes', '_Server'] });
});

test('params may be absent', async (t) => {
  const { client } = await connect(t);
  client.send({ jsonrpc: '2.0', id: 1.5, method: 'list_dbs' });
  t.like(await client.next(), { id: 1.5 });
});

test('a transaction is run, with integers of 64 bits', async (t) => {
  const { client } = await connect(t);
  const number = 9_007_199_254_740_993n;
  const insert = { op: 'insert', table: 'Chassis', row: { name: 'ünïcode ✔', number } };
  const select = { op: 'select', table: 'Chassis', where: [], columns: ['name', 'number'] };
  const answer = await client.ask('transact', ['Remotes', insert, select]);
  const result = isObject(answer) ? member(answer, 'result') : undefined;
  t.deepEqual(Array.isArray(result) ? result[1] : result, { rows: [{ name: 'ünïcode ✔', number }] });
});

test('updates are notifications, without an id, and come before the reply to what caused them', async (t) => {
  const { client } = await connect(t);
  const initial = await client.ask('monitor', ['Remotes', null, { Root: { columns: ['number'] } }]);
  t.true(isObject(initial) && member(initial, 'result') !== undefined);
  client.send({
    jsonrpc: '2.0',
    id: 2,
    method: 'transact',
    params: ['Remotes', { op: 'update', table: 'Root', where: [], row: { number: 7 } }],
  });
  const update = await client.next();
  t.like(update, { jsonrpc: '2.0', method: 'update' });
  t.false(isObject(update) && 'id' in update);
  t.deepEqual(await client.next(), { jsonrpc: '2.0', id: 2, result: [{ count: 1 }] });
});

test('a notification is not answered', async (t) => {
  const { client } = await connect(t);
  client.send({ jsonrpc: '2.0', method: 'cancel', params: [17] });
  client.send({ jsonrpc: '2.0', method: 'list_dbs', params: [] });
  t.like(await client.ask('echo', ['x'], 3), { id: 3, result: ['x'] });
});

test('a waiting transaction is canceled by a notification', async (t) => {
  const { client } = await connect(t);
  const wait = { op: 'wait', table: 'Root', where: [], columns: ['number'], until: '==', rows: [{ number: 99 }] };
  client.send({ jsonrpc: '2.0', id: 'w', method: 'transact', params: ['Remotes', wait] });
  client.send({ jsonrpc: '2.0', method: 'cancel', params: ['w'] });
  t.like(await client.next(), { id: 'w', error: { code: -32000, message: 'canceled', data: 'canceled' } });
});

test('locks are told', async (t) => {
  const { client, port } = await connect(t);
  const other = await WebClient.connect(t, port);
  t.like(await client.ask('lock', ['l']), { result: { locked: true } });
  t.like(await other.ask('lock', ['l']), { result: { locked: false } });
  t.like(await client.ask('unlock', ['l']), { result: {} });
  t.deepEqual(await other.next(), { jsonrpc: '2.0', method: 'locked', params: ['l'] });
});

const failure = test.macro({
  title: (_, what: string) => `an error has a code: ${what}`,
  exec: async (t, _what: string, message: OutJson, id: Json, error: { code: number; message?: string }) => {
    const { client } = await connect(t);
    client.send(message);
    t.like(await client.next(), { jsonrpc: '2.0', id, error });
    t.like(await client.ask('echo', [1]), { result: [1] }, 'the connection goes on');
  },
});
const rpc = { jsonrpc: '2.0', id: 1 };
test(failure, 'unknown method', { ...rpc, method: 'foo', params: [] }, 1, { code: -32601, message: 'unknown method' });
test(failure, 'a name that all objects have', { ...rpc, method: 'toString', params: [] }, 1, { code: -32601 });
test(failure, 'wrong parameters', { ...rpc, method: 'unlock', params: [1] }, 1, { code: -32602 });
test(failure, 'unknown database', { ...rpc, method: 'get_schema', params: ['x'] }, 1, { code: -32000 });
test(failure, 'params that are an object', { ...rpc, method: 'echo', params: {} }, 1, { code: -32602 });
test(failure, 'no version', { id: 1, method: 'echo', params: [] }, 1, { code: -32600 });
test(failure, 'a null id', { jsonrpc: '2.0', id: null, method: 'echo', params: [] }, null, { code: -32600 });
test(failure, 'a batch', [{ ...rpc, method: 'echo', params: [] }], null, { code: -32600 });
test(failure, 'no object', [], null, { code: -32600 });

test('text that is not JSON is answered with an error', async (t) => {
  const { client } = await connect(t);
  client.socket.send('{"jsonrpc"');
  t.like(await client.next(), { id: null, error: { code: -32700 } });
});

test("OVSDB's own error is the data of an error", async (t) => {
  const { client } = await connect(t);
  t.deepEqual(await client.ask('get_schema', ['x']), {
    jsonrpc: '2.0',
    id: 1,
    error: {
      code: -32000,
      message: 'unknown database: get_schema request specifies unknown database x',
      data: {
        details: 'get_schema request specifies unknown database x',
        error: 'unknown database',
        syntax: '["x"]',
      },
    },
  });
});

test('bytes that are not text end the connection', async (t) => {
  const { client } = await connect(t);
  client.socket.send(Buffer.from([0]));
  const [code] = await once(client.socket, 'close');
  t.is(code, 1003);
});

const tooMuch = test.macro(async (t, text: string) => {
  const { client, server } = await connect(t, { limits: { ...defaultServerLimits, maxSize: 10_000, maxDepth: 100 } });
  client.socket.on('error', () => {});
  client.socket.send(text);
  await once(client.socket, 'close');
  t.deepEqual(await server.client.listDatabases(), ['Remotes', '_Server'], 'nobody else is concerned');
});
test('a message that is too long ends the connection', tooMuch, `{"jsonrpc":"2.0","method":"${'x'.repeat(10_000)}"}`);
test('a message that nests too deep ends the connection', tooMuch, '['.repeat(101));

const web = test.macro(async (t, origins: readonly string[], origin: string, status: number) => {
  const server = await LocalServer.start(t, { origins });
  const port = await server.listen({ target });
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { origin });
  t.teardown(() => socket.terminate());
  const result = await new Promise((resolve, reject) => {
    socket.once('open', () => resolve(101));
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode));
    socket.once('error', reject);
  });
  t.is(result, status);
});
test('a web page is refused', web, [], 'https://example.org', 403);
test('a web page of an allowed origin may connect', web, ['https://example.org'], 'https://example.org', 101);
test('a web page of another origin may not', web, ['https://example.org'], 'https://example.org.evil.example', 403);
test('all web pages may be allowed', web, ['*'], 'https://example.org', 101);

test('a client that does not speak WebSocket is told', async (t) => {
  const server = await LocalServer.start(t);
  const port = await server.listen({ target });
  const response = await fetch(`http://127.0.0.1:${port}/`);
  t.is(response.status, 426);
});

test('a client that reads slowly gets everything', async (t) => {
  const { client } = await connect(t);
  const rows = Array.from({ length: 2000 }, (_, i) => ({
    op: 'insert',
    table: 'Chassis',
    row: { name: `${i}`.repeat(500) },
  }));
  await client.ask('transact', ['Remotes', ...rows]);
  client.socket.pause();
  const select = { op: 'select', table: 'Chassis', where: [], columns: ['name'] };
  for (let id = 1; id <= 10; id++) client.send({ jsonrpc: '2.0', id, method: 'transact', params: ['Remotes', select] });
  await new Promise((resolve) => setTimeout(resolve, 200));
  client.socket.resume();
  for (let id = 1; id <= 10; id++) t.like(await client.next(), { id });
});

test('a silent client is probed with pings, which it answers by itself', async (t) => {
  const server = await LocalServer.start(t);
  const port = await server.listen({ target, inactivity_probe: 3000 });
  const client = await WebClient.connect(t, port);
  await once(client.socket, 'ping');
  await once(client.socket, 'ping');
  t.like(await client.ask('echo', []), { result: [] });
});

test('pwss: is WebSocket over TLS', async (t) => {
  const authority = new Authority(t);
  const server = await LocalServer.start(t, { tls: authority.issue('server') });
  const port = await server.listen({ target: 'pwss:0:127.0.0.1' });
  const { privateKey, certificate, caCertificate } = authority.issue('client');
  const client = await WebClient.connect(
    t,
    port,
    {
      key: readFileSync(privateKey),
      cert: readFileSync(certificate),
      ca: readFileSync(caCertificate),
      checkServerIdentity: () => undefined,
    },
    'wss',
  );
  t.like(await client.ask('list_dbs', []), { result: ['Remotes', '_Server'] });
});

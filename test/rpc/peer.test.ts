import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Notification, Peer, type PeerHandlers, type Request, RpcError } from '../../rpc/peer.ts';
import { Random } from '../helpers/random.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { Watch } from '../helpers/watch.ts';

/** Two ends of a connection. */
const pair = async (t: ExecutionContext): Promise<[Socket, Socket]> => {
  const path = join(temporaryFolder(t), 'socket');
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const client = connect(path);
  const [other]: Socket[] = await accepted;
  server.close();
  if (other === undefined) throw new Error('nobody connected');
  t.teardown(() => {
    client.destroy();
    other.destroy();
  });
  return [client, other];
};

const nothing: PeerHandlers = { request: () => {}, notification: () => {} };

/** What came to a peer's handlers. */
class Inbox extends Watch implements PeerHandlers {
  readonly requests: Request[] = [];
  readonly notifications: Notification[] = [];
  reason: Error | undefined | 'open' = 'open';

  request(request: Request): void {
    this.requests.push(request);
    this.changed();
  }
  notification(notification: Notification): void {
    this.notifications.push(notification);
    this.changed();
  }
  closed(reason: Error | undefined): void {
    this.reason = reason;
    this.changed();
  }
}

test('each request gets its own answer, in whatever order they come', async (t) => {
  const [a, b] = await pair(t);
  const client = new Peer(a, nothing);
  const inbox = new Inbox();
  const server = new Peer(b, inbox);
  const answers = [1, 2, 3].map((n) => client.request('double', [n]));
  await inbox.until(() => inbox.requests.length === 3);
  for (const { id, params } of inbox.requests.toReversed()) server.reply(id, Number(params[0]) * 2);
  t.deepEqual(await Promise.all(answers), [2, 4, 6]);
});

test('an error is told as the other side worded it', async (t) => {
  const [a, b] = await pair(t);
  const client = new Peer(a, nothing);
  const server: Peer = new Peer(b, {
    ...nothing,
    request: ({ id }) => server.replyError(id, { error: 'x', details: 'why' }),
  });
  const error = await t.throwsAsync(client.request('m', []), { instanceOf: RpcError });
  t.deepEqual(error?.error, { error: 'x', details: 'why' });
});

test('replies that match no request are passed over', async (t) => {
  const [a, b] = await pair(t);
  const inbox = new Inbox();
  const client = new Peer(a, inbox);
  b.write(
    '{"id":99,"result":1,"error":null}{"id":"x","result":null,"error":"e"}{"id":-1,"result":[]}{"id":null,"method":"hello","params":[1]}',
  );
  await inbox.until(() => inbox.notifications.length === 1);
  t.deepEqual(inbox.notifications, [{ kind: 'notification', method: 'hello', params: [1] }]);
  t.false(client.closed);
});

test('messages of one turn stay in order, both ways', async (t) => {
  const [a, b] = await pair(t);
  const client = new Peer(a, nothing);
  const inbox = new Inbox();
  const server = new Peer(b, inbox);
  for (let i = 0; i < 500; i++) client.notify('n', [i]);
  await inbox.until(() => inbox.notifications.length === 500);
  t.deepEqual(
    inbox.notifications.map(({ params }) => params[0]),
    Array.from({ length: 500 }, (_, i) => i),
  );
  t.false(server.closed);
});

test('large messages arrive whole', async (t) => {
  const [a, b] = await pair(t);
  const random = new Random(1);
  const client = new Peer(a, nothing);
  const server: Peer = new Peer(b, { ...nothing, request: ({ id, params }) => server.reply(id, params) });
  const long = Array.from({ length: 3_000_000 }, () => random.pick(['a', 'é', '"', '\u{1f600}'])).join('');
  t.true((await client.request('echo', [long]).then((result) => (Array.isArray(result) ? result[0] : ''))) === long);
});

test('bytes that are no message end the connection, and say why', async (t) => {
  const [a, b] = await pair(t);
  const inbox = new Inbox();
  const client = new Peer(a, inbox);
  const waiting = client.request('m', []);
  b.write('{"id":null,"method":"first","params":[]}hello');
  await t.throwsAsync(waiting);
  t.is(inbox.notifications.length, 1);
  t.true(inbox.reason instanceof Error);
  t.is(await client.ended, inbox.reason instanceof Error ? inbox.reason : undefined);
});

test('what was sent before the end arrives, and requests that are under way fail', async (t) => {
  const [a, b] = await pair(t);
  const client = new Peer(a, nothing);
  const inbox = new Inbox();
  const server = new Peer(b, inbox);
  const waiting = client.request('m', []);
  client.notify('last', ['x'.repeat(500_000)]);
  client.close();
  await t.throwsAsync(waiting, { message: /closed/ });
  await inbox.until(() => inbox.reason !== 'open');
  t.deepEqual(
    inbox.notifications.map(({ method }) => method),
    ['last'],
  );
  t.is(inbox.reason, undefined);
  t.is(await server.ended, undefined);
  t.true(server.closed);
  await t.throwsAsync(client.request('m', []), { message: /closed/ });
});

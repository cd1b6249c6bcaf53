/** Reaching a limit costs that client its connection, nobody else's; the log says why, once. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Client } from '../../rpc/client.ts';
import { formatRequest } from '../../rpc/message.ts';
import { Authority } from '../helpers/certificates.ts';
import { LocalServer } from '../helpers/local-server.ts';
import { program, testRequiring } from '../helpers/requires.ts';
import { runServer, type ServerProcess } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const start = async (t: ExecutionContext, ...options: readonly string[]) => {
  const server = await runServer(t, join(temporaryFolder(t), 'conf.db'), ...options);
  const client = await Client.connect(server.target);
  t.teardown(() => client.close());
  return { server, client };
};

const open = async (t: ExecutionContext, server: ServerProcess): Promise<Socket> => {
  const socket = connect({ path: server.socket });
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
};

/** Broken off or ended: gone. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.resume().once('close', () => resolve());
  });

const count = (text: string, pattern: RegExp): number => text.match(new RegExp(pattern, 'g'))?.length ?? 0;

test('more clients than allowed are not served, until others leave', async (t) => {
  const { server, client } = await start(t, '--max-connections=3');
  const second = await Client.connect(server.target);
  const third = await Client.connect(server.target);
  await Promise.all([second, third].map((each) => each.listDatabases()));
  for (let i = 0; i < 5; i++) await closed(await open(t, server));
  t.true((await client.listDatabases()).includes('Open_vSwitch'));
  second.close();
  // The server hears of it in its own time.
  for (let served = false; !served; ) {
    const again = await Client.connect(server.target);
    t.teardown(() => again.close());
    served = await again.listDatabases().then(
      () => true,
      () => false,
    );
  }
  third.close();
  await server.stop();
  t.true(count(server.log, /refused, 3 clients are connected \(see --max-connections\)/) <= 2, server.log);
  t.true(count(server.log, /refused/) >= 1);
});

const offends = test.macro({
  title: (_, what: string) => `${what} costs the client its connection`,
  exec: async (t, _what: string, option: string, text: string, said: RegExp) => {
    const { server, client } = await start(t, option);
    const offender = await open(t, server);
    offender.write(text);
    await closed(offender);
    t.true((await client.listDatabases()).includes('Open_vSwitch'));
    await server.stop();
    t.is(count(server.log, said), 1, server.log);
    t.is(count(server.log, /unix#1/), 2, server.log);
  },
});
const megabyte = 'x'.repeat(1_000_000);
test(
  offends,
  'a message that is too long',
  '--max-message=500000',
  formatRequest('echo', [megabyte], 1),
  /error parsing stream: a message exceeds the limit of 500000 bytes/,
);
test(
  offends,
  'a message that is nested too deep',
  '--max-depth=50',
  formatRequest('echo', ['deep'], 1).replace('"deep"', `${'['.repeat(60)}${']'.repeat(60)}`),
  /error parsing stream: input exceeds maximum nesting depth 50/,
);
test(
  offends,
  'asking for more than one reads',
  '--max-backlog=100000',
  formatRequest('get_schema', ['Open_vSwitch'], 1).repeat(500),
  /sending backlog exceeded maximum size \(\d+ > 100000 bytes\), disconnecting/,
);
test(
  offends,
  'what is not a message',
  '--max-depth=50',
  '{"id":1,"method":"echo"}',
  /received bad JSON-RPC message: request must have "params"/,
);

testRequiring(program('prlimit', 'util-linux'))(
  'a server that has no descriptors for more clients goes on serving',
  async (t) => {
    const { server, client } = await start(t);
    const limit = readdirSync(`/proc/${server.child.pid}/fd`).length + 20;
    execFileSync('prlimit', [`--pid=${server.child.pid}`, `--nofile=${limit}:${limit}`]);
    const others = await Promise.all(Array.from({ length: 100 }, () => open(t, server)));
    t.true((await client.listDatabases()).includes('Open_vSwitch'));
    for (const other of others) other.destroy();
    for (let served = false; !served; ) {
      const again = await Client.connect(server.target);
      t.teardown(() => again.close());
      served = await again.listDatabases().then(
        () => true,
        () => false,
      );
    }
    t.true((await client.listDatabases()).includes('Open_vSwitch'));
  },
);

const halfOpen = test.macro(async (t, target: string, bytes: string) => {
  const authority = new Authority(t);
  const server = await LocalServer.start(t, { tls: authority.issue('server') });
  const socket = connect({ host: '127.0.0.1', port: await server.listen({ target, inactivity_probe: 0 }) });
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  socket.write(bytes);
  await closed(socket);
  t.true((await server.client.listDatabases()).includes('Remotes'));
});
test('a client that does not go on with TLS is dropped', halfOpen, 'pssl:0:127.0.0.1', '\x16\x03\x01');
test('a client that does not ask for a WebSocket is dropped', halfOpen, 'pws:0:127.0.0.1', 'GET / HTTP/1.1\r\n');

test('a message of 10 MB is served', async (t) => {
  const { client } = await start(t);
  const long = 'é'.repeat(5_000_000);
  t.deepEqual(await client.peer.request('echo', [long]), [long]);
});

test('a thousand clients are served at a time', async (t) => {
  const { server } = await start(t);
  const clients: Client[] = [];
  // Not more at a time than wait to be accepted.
  while (clients.length < 1000) {
    clients.push(...(await Promise.all(Array.from({ length: 100 }, () => Client.connect(server.target)))));
  }
  t.teardown(() => {
    for (const client of clients) client.close();
  });
  const answers = await Promise.all(clients.map((client) => client.listDatabases()));
  t.true(answers.every((names) => names.includes('Open_vSwitch')));
});

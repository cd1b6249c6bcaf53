/** A server that others are copied from, or stood in for, is probed when it is silent, as it is configured. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Commands } from '../../rpc/command.ts';
import { serverCommands } from '../../server/control.ts';
import { Server } from '../../server/server.ts';
import { Service } from '../../server/service.ts';

const probe = '{"id":"echo","method":"echo","params":[]}';

/** A server that takes what it is sent and says nothing: its target, and the next moment at which it is probed. */
const silentServer = async (t: ExecutionContext): Promise<{ target: string; probed: Promise<void> }> => {
  const server = createServer();
  t.teardown(() => server.close());
  const probed = new Promise<void>((resolve) => {
    server.on('connection', (socket) => {
      t.teardown(() => socket.destroy());
      let heard = '';
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        heard += chunk;
        if (heard.includes(probe)) resolve();
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return { target: `tcp:127.0.0.1:${port}`, probed };
};

const startService = (t: ExecutionContext): { service: Service; run: (...words: string[]) => Promise<string> } => {
  const server = new Server();
  t.teardown(() => server.close());
  const service = new Service(server, { changed: () => {} });
  const commands = new Commands(serverCommands(service));
  return { service, run: (name = '', ...args) => commands.run(`ovsdb-server/${name}`, args) };
};

test('a relay probes its source as the command says, also one that comes later', async (t) => {
  const { run } = startService(t);
  const [first, later] = [await silentServer(t), await silentServer(t)];
  await run('add-db', `relay:first:${first.target}`);
  await run('set-relay-source-probe-interval', '100');
  await run('add-db', `relay:later:${later.target}`);
  await first.probed;
  await later.probed;
  t.pass();
});

test('a relay probes its source as the configuration says', async (t) => {
  const { service } = startService(t);
  const { target, probed } = await silentServer(t);
  const text = { databases: { x: { 'service-model': 'relay', source: { [target]: { 'inactivity-probe': 100 } } } } };
  t.true(await service.restore(JSON.stringify(text)));
  await probed;
  t.is(service.server.relays.get('x')?.settings.maxBackoff, 8000);
});

test('a backup probes the active server as the command says', async (t) => {
  const { run } = startService(t);
  const { target, probed } = await silentServer(t);
  await run('set-active-ovsdb-server', target);
  await run('connect-active-ovsdb-server');
  await run('set-active-ovsdb-server-probe-interval', '100');
  await probed;
  t.pass();
});

for (const command of ['set-relay-source-probe-interval', 'set-active-ovsdb-server-probe-interval']) {
  test(`${command} takes a whole number`, async (t) => {
    const { run } = startService(t);
    for (const wrong of ['often', '1.5', '']) {
      await t.throwsAsync(run(command, wrong), { message: 'Invalid probe interval, integer value expected' });
    }
  });
}

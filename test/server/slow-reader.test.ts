import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { Client } from '../../rpc/client.ts';
import { JsonSplitter } from '../../rpc/json-splitter.ts';
import { formatRequest } from '../../rpc/message.ts';
import { projectFile } from '../helpers/project.ts';
import { startServer } from '../helpers/server-process.ts';

const database = 'Open_vSwitch';
const rounds = 400;
const filler = 'x'.repeat(50_000);

test('a client that does not read gets what it missed as one update, and holds up nobody', async (t) => {
  const server = await startServer(t, projectFile('schema/vswitch.ovsschema'));
  const writer = await Client.connect(server.target);
  t.teardown(() => writer.close());
  await writer.transact(database, [{ op: 'insert', table: 'Open_vSwitch', row: {} }]);

  const slow = connect({ path: server.socket });
  t.teardown(() => slow.destroy());
  await once(slow, 'connect');
  slow.write(formatRequest('monitor', [database, 1, { Open_vSwitch: { columns: ['external_ids'] } }], 0));
  await once(slow, 'data');
  slow.pause();

  for (let round = 1; round <= rounds; round++) {
    const row = {
      external_ids: [
        'map',
        [
          ['round', String(round)],
          ['filler', filler],
        ],
      ],
    };
    await writer.transact(database, [{ op: 'update', table: 'Open_vSwitch', where: [], row }]);
  }

  const splitter = new JsonSplitter();
  const updates: string[] = [];
  slow.on('data', (chunk: Buffer) => updates.push(...splitter.push(chunk)));
  slow.resume();
  while (!updates.at(-1)?.includes(`["round","${rounds}"]`)) await once(slow, 'data');
  t.true(updates.length < rounds / 2, `${updates.length} updates`);
});

test('a client that asks and never reads is not listened to', async (t) => {
  const server = await startServer(t, projectFile('schema/vswitch.ovsschema'));
  const deaf = connect({ path: server.socket });
  t.teardown(() => deaf.destroy());
  await once(deaf, 'connect');
  const request = formatRequest('get_schema', [database], 0).repeat(100);
  // Until our own side of the connection is full: the server has stopped reading.
  while (deaf.write(request) || deaf.writableLength < 10 * request.length) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const other = await Client.connect(server.target);
  t.teardown(() => other.close());
  t.deepEqual(await other.listDatabases(), ['Open_vSwitch', '_Server']);
});

import test, { type ExecutionContext } from 'ava';
import { Client } from '../../rpc/client.ts';
import type { Json, OutJson } from '../../schema/json.ts';
import { zeroUuid } from '../../schema/uuid.ts';
import { projectFile } from '../helpers/project.ts';
import { runServer, type ServerProcess, startServer } from '../helpers/server-process.ts';

const database = 'Open_vSwitch';
const schema = projectFile('schema/vswitch.ovsschema');

const connect = async (t: ExecutionContext, { target }: ServerProcess): Promise<Client> => {
  const client = await Client.connect(target);
  t.teardown(() => client.close());
  return client;
};

/** [found, last transaction, updates] */
const monitorSince = async (client: Client, columns: OutJson, last: string): Promise<readonly Json[]> => {
  const params = [database, [columns, last], { Open_vSwitch: { columns } }, last];
  const reply = await client.peer.request('monitor_cond_since', params);
  return Array.isArray(reply) ? reply : [];
};

const insertRoot = {
  op: 'insert',
  table: 'Open_vSwitch',
  row: {
    external_ids: [
      'map',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
  },
};
const change = {
  op: 'mutate',
  table: 'Open_vSwitch',
  where: [],
  mutations: [
    ['next_cfg', '+=', 7],
    ['external_ids', 'delete', 'a'],
  ],
};

test('a client that comes back is told what it missed', async (t) => {
  const server = await startServer(t, schema);
  const client = await connect(t, server);
  await client.transact(database, [insertRoot]);
  const [found, last] = await monitorSince(client, ['next_cfg', 'external_ids'], zeroUuid);
  t.false(found);
  t.not(last, zeroUuid);
  await client.transact(database, [change]);
  await client.transact(database, [change]);
  const [foundAgain, newLast, updates] = await monitorSince(client, ['next_cfg', 'external_ids'], String(last));
  t.true(foundAgain);
  t.not(newLast, last);
  t.like(Object.values(Object(updates).Open_vSwitch), [
    { modify: { next_cfg: 14, external_ids: ['map', [['a', '1']]] } },
  ]);
});

test('the history survives a restart, but not for columns that do not', async (t) => {
  const server = await startServer(t, schema);
  const client = await connect(t, server);
  await client.transact(database, [insertRoot]);
  const [, last] = await monitorSince(client, ['next_cfg'], zeroUuid);
  await client.transact(database, [change]);
  await server.stop();
  const again = await connect(t, await runServer(t, server.database));
  const [found, , updates] = await monitorSince(again, ['next_cfg', 'external_ids'], String(last));
  t.true(found);
  t.like(Object.values(Object(updates).Open_vSwitch), [
    { modify: { next_cfg: 7, external_ids: ['map', [['a', '1']]] } },
  ]);
  const [foundEphemeral] = await monitorSince(again, ['statistics', 'next_cfg'], String(last));
  t.false(foundEphemeral, 'what the statistics were is not known');
});

test('of a long history the end survives a restart', async (t) => {
  const server = await startServer(t, schema);
  const client = await connect(t, server);
  await client.transact(database, [insertRoot]);
  const [, first] = await monitorSince(client, ['next_cfg'], zeroUuid);
  const manyPairs = Array.from({ length: 30_000 }, (_, i) => [`key ${i}`, 'value']);
  await client.transact(database, [
    { op: 'mutate', table: 'Open_vSwitch', where: [], mutations: [['external_ids', 'insert', ['map', manyPairs]]] },
  ]);
  const [, second] = await monitorSince(client, ['external_ids'], String(first));
  await client.transact(database, [change]);
  await server.stop();
  const again = await connect(t, await runServer(t, server.database));
  t.false((await monitorSince(again, ['external_ids'], String(first)))[0]);
  const [found, , updates] = await monitorSince(again, ['next_cfg'], String(second));
  t.true(found);
  t.like(Object.values(Object(updates).Open_vSwitch), [{ modify: { next_cfg: 7 } }]);
});

test('after SIGKILL a client reads everything anew', async (t) => {
  const server = await startServer(t, schema);
  const client = await connect(t, server);
  await client.transact(database, [insertRoot]);
  const [, last] = await monitorSince(client, ['next_cfg'], zeroUuid);
  await server.stop('SIGTERM');
  const second = await runServer(t, server.database);
  const clientOfSecond = await connect(t, second);
  await clientOfSecond.transact(database, [change]);
  await second.stop('SIGKILL');
  const third = await connect(t, await runServer(t, server.database));
  const [found, , updates] = await monitorSince(third, ['next_cfg'], String(last));
  t.false(found);
  t.like(Object.values(Object(updates).Open_vSwitch), [{ initial: { next_cfg: 7 } }]);
});

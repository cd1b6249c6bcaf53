/** What a client may change whose remote gives it a role; refusals as the C server words them. */
import test, { type ExecutionContext } from 'ava';
import { Client, TransactionError } from '../../rpc/client.ts';
import { Credentials } from '../../rpc/credentials.ts';
import { RpcError } from '../../rpc/peer.ts';
import type { OutJson } from '../../schema/json.ts';
import { Authority } from '../helpers/certificates.ts';
import { LocalServer } from '../helpers/local-server.ts';

const database = 'Remotes';
const role = 'controller';

/** A client named `one`, whose role may insert, delete and update Chassis rows that are its own. */
const connect = async (t: ExecutionContext, authorization: readonly string[] = ['name', 'external_ids:owner']) => {
  const authority = new Authority(t);
  const server = await LocalServer.start(t, { tls: authority.issue('server') });
  await server.client.transact(database, [
    {
      op: 'insert',
      table: 'RBAC_Permission',
      'uuid-name': 'chassis',
      row: {
        table: 'Chassis',
        authorization: ['set', authorization],
        insert_delete: true,
        update: ['set', ['number', 'external_ids:owner']],
      },
    },
    {
      op: 'insert',
      table: 'RBAC_Role',
      row: { name: role, permissions: ['map', [['Chassis', ['named-uuid', 'chassis']]]] },
    },
    { op: 'insert', table: 'Chassis', row: { name: 'one' } },
    { op: 'insert', table: 'Chassis', row: { name: 'two', external_ids: ['map', [['owner', 'one']]] } },
    { op: 'insert', table: 'Chassis', row: { name: 'three', external_ids: ['map', [['owner', 'two']]] } },
  ]);
  const port = await server.listen({ target: 'pssl:0:127.0.0.1', role });
  const client = await Client.connect(`ssl:127.0.0.1:${port}`, {
    credentials: new Credentials(authority.issue('one')),
  });
  t.teardown(() => client.close());
  return { client, server };
};

const chassis = (name: string) => [['name', '==', name]];

test('a client may change rows that a column or a key gives to it', async (t) => {
  const { client } = await connect(t);
  await client.transact(database, [
    { op: 'update', table: 'Chassis', where: chassis('one'), row: { number: 1 } },
    { op: 'mutate', table: 'Chassis', where: chassis('two'), mutations: [['number', '+=', 1]] },
    { op: 'update', table: 'Chassis', where: chassis('two'), row: { external_ids: ['map', [['owner', 'one']]] } },
    { op: 'delete', table: 'Chassis', where: chassis('one') },
    { op: 'insert', table: 'Chassis', row: { name: 'one' } },
    { op: 'select', table: 'RBAC_Role', where: [] },
  ]);
  t.pass();
});

const refused = test.macro({
  title: (_, what: string) => `it may not do what its role does not allow: ${what}`,
  exec: async (t, what: string, operation: OutJson) => {
    const { client } = await connect(t);
    const error = await t.throwsAsync(client.transact(database, [operation]), { instanceOf: TransactionError });
    t.is(error?.tag, 'permission error');
    t.is(error?.details, `RBAC rules for client "one" role "controller" prohibit ${what}.`);
  },
});
test(refused, 'row insertion into table "Chassis"', { op: 'insert', table: 'Chassis', row: { name: 'four' } });
test(refused, 'row insertion into table "Root"', { op: 'insert', table: 'Root', row: {} });
test(refused, 'modification of table "Chassis"', {
  op: 'update',
  table: 'Chassis',
  where: [],
  row: { number: 1 },
});
test(refused, 'mutate operation on table "Chassis"', {
  op: 'mutate',
  table: 'Chassis',
  where: chassis('three'),
  mutations: [['number', '+=', 1]],
});
test(refused, 'row deletion from table "Chassis"', { op: 'delete', table: 'Chassis', where: chassis('three') });
test(refused, 'row deletion from table "Root"', { op: 'delete', table: 'Root', where: [] });

test('it may not change a column that its role does not name', async (t) => {
  const { client } = await connect(t);
  const update = { op: 'update', table: 'Chassis', where: chassis('one'), row: { name: 'mine' } };
  await t.throwsAsync(client.transact(database, [update]), { message: /prohibit modification of table "Chassis"/ });
});

test('an empty authorization is for any client', async (t) => {
  const { client } = await connect(t, ['']);
  await client.transact(database, [{ op: 'delete', table: 'Chassis', where: [] }]);
  t.pass();
});

test('a client without a certificate has no name', async (t) => {
  const { server } = await connect(t);
  const port = await server.listen({ target: 'ptcp:0:127.0.0.1', role });
  const client = await Client.connect(`tcp:127.0.0.1:${port}`);
  t.teardown(() => client.close());
  await client.transact(database, [{ op: 'comment', comment: 'anyone may' }]);
  const deletion = client.transact(database, [{ op: 'delete', table: 'Chassis', where: [] }]);
  await t.throwsAsync(deletion, {
    message: /RBAC rules for client "\(null\)" role "controller" prohibit row deletion from table "Chassis"\./,
  });
});

test('a role that does not exist allows nothing, and another one counts at once', async (t) => {
  const { client, server } = await connect(t);
  const setRole = (name: string) =>
    server.client.transact(database, [{ op: 'update', table: 'Remote', where: [], row: { role: name } }]);
  const insert = () => client.transact(database, [{ op: 'insert', table: 'Root', row: {} }]);
  await setRole('nobody');
  await t.throwsAsync(insert(), { message: /role "nobody" prohibit row insertion into table "Root"/ });
  await setRole('');
  await insert();
  t.pass();
});

test('only the root role may convert databases', async (t) => {
  const { client } = await connect(t);
  const schema = { name: database, tables: { A: { columns: { b: { type: 'string' } } } } };
  const error = await t.throwsAsync(client.peer.request('convert', [database, schema]), { instanceOf: RpcError });
  t.deepEqual(error?.error, {
    details:
      'RBAC rules for client "one" role "controller" prohibit "convert" of database Remotes (only the root role may convert databases)',
    error: 'permission error',
  });
});

import test from 'ava';
import type { Message } from '../../rpc/message.ts';
import type { Json } from '../../schema/json.ts';
import { projectFile } from '../helpers/project.ts';
import { runServer, startServer } from '../helpers/server-process.ts';
import { Wire } from '../helpers/wire.ts';

const database = 'ordinals';
const schema = projectFile('test/cases/schemas/convert.ovsschema');

const column = (type: Json) => ({ type });
const schemaWith = (columns: { readonly [name: string]: Json }, name = database) => ({
  name,
  version: '2.0.0',
  tables: { numbers: { columns, isRoot: true } },
});
const insert = { op: 'insert', table: 'numbers', row: { name: 'zwei', number: 2 } };
const select = { op: 'select', table: 'numbers', where: [], columns: ['name', 'language'] };
const wait = { op: 'wait', table: 'numbers', where: [], columns: ['name'], until: '==', rows: [] };

const answer = (messages: readonly Message[]): Message | undefined => messages.at(-1);

test('a converted database keeps what both schemas know, now and after a restart', async (t) => {
  const server = await startServer(t, schema);
  const client = await Wire.connect(server.socket);
  await client.request('set_db_change_aware', [true]);
  await client.request('transact', [database, insert]);
  await client.request('monitor', [database, 'm', { numbers: { columns: ['number'] } }]);
  const waiting = client.send('transact', [database, wait]);

  const newSchema = schemaWith({ name: column('string'), language: column('string') });
  const messages = await client.request('convert', [database, newSchema]);
  t.deepEqual(messages.slice(0, 2), [
    { kind: 'notification', method: 'monitor_canceled', params: ['m'] },
    { kind: 'error', id: waiting, error: 'canceled' },
  ]);
  t.like(answer(messages), { kind: 'result', result: {} });

  const rows = [{ rows: [{ name: 'zwei', language: '' }] }];
  t.like(answer(await client.request('transact', [database, select])), { result: rows });
  await server.stop();
  const again = await Wire.connect((await runServer(t, server.database)).socket);
  t.like(answer(await again.request('transact', [database, select])), { result: rows });
});

test('clients that did not ask to be told are disconnected', async (t) => {
  const server = await startServer(t, schema);
  const aware = await Wire.connect(server.socket);
  await aware.request('set_db_change_aware', [true]);
  const unaware = await Wire.connect(server.socket);
  await unaware.request('echo', []);
  await aware.request('convert', [database, schemaWith({ name: column('string') })]);
  await t.throwsAsync(unaware.request('echo', []));
  t.like(answer(await aware.request('echo', ['still here'])), { result: ['still here'] });
});

for (const [title, newSchema, error] of [
  [
    'a value that does not fit its new type',
    schemaWith({ name: column('integer') }),
    { error: 'syntax error', details: 'expected integer' },
  ],
  [
    'a schema of another name',
    schemaWith({ name: column('string') }, 'other'),
    { error: 'invalid parameters', details: 'new schema name (other) does not match database name (ordinals)' },
  ],
  ['something that is no schema', {}, { error: 'syntax error' }],
] as const) {
  test(`${title} leaves the database as it was`, async (t) => {
    const server = await startServer(t, schema);
    const client = await Wire.connect(server.socket);
    await client.request('transact', [database, insert]);
    t.like(answer(await client.request('convert', [database, newSchema])), { kind: 'error', error });
    const found = answer(await client.request('transact', [database, { ...select, columns: ['name', 'number'] }]));
    t.like(found, { result: [{ rows: [{ name: 'zwei', number: 2 }] }] });
  });
}

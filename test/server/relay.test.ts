/** Relays: ours of the C server and of ours, and the C server's of ours. */
import { execFileSync } from 'node:child_process';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { formatJson, type Json } from '../../schema/json.ts';
import { readCaseFiles } from '../helpers/case-file.ts';
import { Authority, tlsArguments } from '../helpers/certificates.ts';
import type { Kind } from '../helpers/daemon-folder.ts';
import { runMonitorFile } from '../helpers/monitor-corpus.ts';
import { projectFile } from '../helpers/project.ts';
import { answerLines, expectedLines } from '../helpers/recording.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { ServedDatabase } from '../helpers/served-database.ts';
import { runTransactFile } from '../helpers/transact-corpus.ts';
import { Wire } from '../helpers/wire.ts';
import { WireSubject } from '../helpers/wire-subject.ts';

const schema = projectFile('test/cases/schemas/replicated.ovsschema');
const wider = projectFile('test/cases/schemas/replicated-wider.ovsschema');

const insert = (name: string, columns = {}) => ({ op: 'insert', table: 'top', row: { name, ...columns } });
const withPart = [
  insert('with part', { numbers: ['set', [1, 2, 3]], words: ['map', [['a', 'b']]], parts: ['named-uuid', 'part'] }),
  { op: 'insert', table: 'part', 'uuid-name': 'part', row: { real: 1.5 } },
];

const pairs: readonly (readonly [source: Kind, relay: Kind])[] = [
  ['ours', 'ours'],
  ['c', 'ours'],
  ['ours', 'c'],
];
const requires = (...kinds: readonly Kind[]) => testRequiring(kinds.includes('c') ? cPrograms() : undefined);

const start = async (t: ExecutionContext, sourceKind: Kind, relayKind: Kind) => {
  const source = await ServedDatabase.inFile(t, sourceKind, schema);
  await source.transact(...withPart);
  const relay = await ServedDatabase.relaying(t, relayKind, source);
  await relay.equals(source);
  return { source, relay };
};

for (const [sourceKind, relayKind] of pairs) {
  const declare = requires(sourceKind, relayKind);
  const who = `${relayKind} of ${sourceKind}`;

  declare(`a relay forwards what changes its database, and follows it: ${who}`, async (t) => {
    const { source, relay } = await start(t, sourceKind, relayKind);
    const [inserted, selected] = await relay.transact(insert('new'), { op: 'select', table: 'top', where: [] });
    t.regex(formatJson(inserted ?? null), /"uuid"/);
    t.regex(formatJson(selected ?? null), /"new"/, 'the source reads what it has just written');
    const [found] = await relay.transact({ op: 'select', table: 'top', where: [['name', '==', 'new']] });
    t.regex(formatJson(found ?? null), /"new"/, 'who has the answer can read it from the relay');
    const [, refused] = await relay.transact(insert('new'));
    t.regex(
      formatJson(refused ?? null),
      /constraint violation.*identical values|identical values.*constraint violation/,
    );
    const change = (mutator: string, value: Json) => ({
      op: 'mutate',
      table: 'top',
      where: [['name', '==', 'with part']],
      mutations: [['numbers', mutator, value]],
    });
    await source.transact(change('insert', 4), change('delete', 1));
    await relay.transact({ op: 'delete', table: 'top', where: [['name', '==', 'new']] });
    t.true(await relay.equals(source));
    const [numbers] = await relay.transact({ op: 'select', table: 'top', where: [], columns: ['numbers'] });
    t.is(formatJson(numbers ?? null), '{"rows":[{"numbers":["set",[2,3,4]]}]}');
  });

  declare(`a relay outlives its source, and what waits for it: ${who}`, async (t) => {
    const { source, relay } = await start(t, sourceKind, relayKind);
    const wire = await Wire.connect(relay.socket);
    t.teardown(() => wire.close());
    await source.stop('SIGKILL');
    t.true((await relay.rows()).length > 0, 'it is read from while its source is away');
    const id = wire.send('transact', [relay.name, insert('patient')]);
    await wire.result('echo', []);
    await source.start();
    const reply = (await wire.until(id)).at(-1);
    if (reply?.kind === 'error') {
      // It was sent just before the relay saw its source go.
      t.is(reply.error, 'canceled');
      await wire.result('transact', [relay.name, insert('patient')]);
    }
    t.regex((await relay.rows()).join(), /patient/);
    t.true(await relay.equals(source));
  });
}

test('a relay is not available before it has seen its source', async (t) => {
  const source = await ServedDatabase.inFile(t, 'ours', schema);
  await source.stop();
  const relay = await ServedDatabase.relaying(t, 'ours', source);
  const row = { op: 'select', table: 'Database', where: [['name', '==', relay.name]] };
  const columns = ['model', 'connected', 'leader', 'schema'];
  await relay.use(async ({ peer }) => {
    t.deepEqual(await peer.request('list_dbs', []), [relay.name, '_Server']);
    await t.throwsAsync(peer.request('transact', [relay.name, insert('x')]), { message: /database not available/ });
    await t.throwsAsync(peer.request('get_schema', ['nothing']), { message: /unknown database/ });
    const [result] = Object(await peer.request('transact', ['_Server', { ...row, columns }]));
    t.deepEqual(result, { rows: [{ connected: false, leader: false, model: 'relay', schema: ['set', []] }] });
  });
  await source.start();
  await relay.equals(source);
  await relay.use(async ({ peer }) => {
    const [result] = Object(await peer.request('transact', ['_Server', { ...row, columns: columns.slice(0, 3) }]));
    t.deepEqual(result, { rows: [{ connected: true, leader: false, model: 'relay' }] });
  });
});

test('the source is called by TLS, or by the next of several targets', async (t) => {
  const tls = tlsArguments(new Authority(t).issue('localhost'));
  const source = await ServedDatabase.inFile(t, 'ours', schema, '--remote=pssl:0:127.0.0.1', ...tls);
  await source.transact(...withPart);
  const port = /listening on port (\d+)/.exec(source.log)?.[1];
  const targets = `unix:${source.folder.file('nobody')},ssl:127.0.0.1:${port}`;
  const relay = await ServedDatabase.relaying(t, 'ours', source, targets, ...tls);
  t.true(await relay.equals(source));
  await relay.transact(insert('encrypted'));
  t.true(await relay.equals(source));
  t.notRegex(relay.log, /WARN|ERR|ssl:.*failed/);
});

for (const kind of ['ours', 'c'] as const) {
  requires(kind)(`a relay takes on the schema that its source is converted to: ours of ${kind}`, async (t) => {
    const { source, relay } = await start(t, kind, 'ours');
    const [aware, unaware] = await Promise.all([Wire.connect(relay.socket), Wire.connect(relay.socket)]);
    t.teardown(() => aware.close());
    t.teardown(() => unaware.close());
    await aware.result('set_db_change_aware', [true]);
    for (const wire of [aware, unaware]) await wire.result('monitor', [relay.name, 'monitor', { top: {} }]);
    const wait = { op: 'wait', table: 'top', where: [], columns: ['name'], until: '==', rows: [] };
    const waiting = aware.send('transact', [relay.name, wait]);
    await aware.result('echo', []);
    await source.convert(wider);

    const messages = await aware.until(waiting);
    t.deepEqual(
      messages.map((message) => ({ ...message })),
      [
        { kind: 'notification', method: 'monitor_canceled', params: ['monitor'] },
        { kind: 'error', error: 'canceled', id: waiting },
      ],
    );
    // Who does not know of such changes is to connect anew.
    while (!unaware.ended) await unaware.next();
    await relay.transact({ op: 'insert', table: 'another', row: { text: 'new' } });
    t.regex(formatJson(await aware.result('get_schema', [relay.name])), /"more"/);
    t.true(await relay.equals(source));
  });
}

test('a relay is not converted, but its source', async (t) => {
  const { relay } = await start(t, 'ours', 'ours');
  await t.throwsAsync(relay.convert(wider), { message: /convert it at its source/ });
});

test('relays can be chained', async (t) => {
  const { source, relay } = await start(t, 'ours', 'ours');
  const second = await ServedDatabase.relaying(t, 'ours', relay);
  await second.equals(source);
  await second.transact(insert('from afar'));
  t.true(await source.equals(second));
  t.regex((await source.rows()).join(), /from afar/);
});

test('a client of one relay resumes at another', async (t) => {
  const { source, relay } = await start(t, 'ours', 'ours');
  const monitor = (served: ServedDatabase, last: string) =>
    served.use(({ peer }) => peer.request('monitor_cond_since', [served.name, 'm', { top: {} }, last]));
  const [, last] = Object(await monitor(relay, '00000000-0000-0000-0000-000000000000'));
  const second = await ServedDatabase.relaying(t, 'ours', source);
  await second.equals(source);
  await source.transact(insert('later'));
  await second.equals(source);
  const [found, , updates] = Object(await monitor(second, String(last)));
  t.true(found);
  t.regex(formatJson(updates), /later/);
  t.notRegex(formatJson(updates), /with part/);
});

requires('c')('ovs-vsctl and ovsdb-client work through a relay', async (t) => {
  const source = await ServedDatabase.inFile(t, 'c', projectFile('schema/vswitch.ovsschema'));
  const relay = await ServedDatabase.relaying(t, 'ours', source);
  await relay.equals(source);
  const vsctl = (...args: string[]) =>
    execFileSync('ovs-vsctl', [`--db=${relay.target}`, '--no-leader-only', '--no-wait', '--timeout=30', ...args], {
      encoding: 'utf8',
    });
  vsctl(
    '--',
    'init',
    '--',
    'add-br',
    'br0',
    '--',
    'add-port',
    'br0',
    'p1',
    '--',
    'set',
    'Bridge',
    'br0',
    'other_config:a=b',
  );
  vsctl('del-port', 'p1');
  vsctl('add-port', 'br0', 'p2', 'tag=7');
  t.is(vsctl('list-ports', 'br0'), 'p2\n');
  const dump = (target: string) => execFileSync('ovsdb-client', ['dump', target, 'Open_vSwitch'], { encoding: 'utf8' });
  t.is(dump(relay.target), dump(source.target));
  t.regex(dump(relay.target), /p2/);
});

/** What is another thing through a relay, as through the C server's. */
const exceptions: ReadonlySet<string> = new Set([
  // Two reals that are one in 15 digits, as the wire has them, are two at the source.
  'reals print with 15 digits',
  // A lock of the relay's is none of its source's.
  'assert in a transaction',
]);
const caseFiles = (folder: string) =>
  readCaseFiles(folder).map((file) => ({ ...file, cases: file.cases.filter(({ name }) => !exceptions.has(name)) }));

for (const file of caseFiles('transact')) {
  test.serial(`a relay answers as its source does: ${file.name}`, async (t) => {
    const source = await ServedDatabase.inFile(t, 'ours', file.schema);
    const relay = await ServedDatabase.relaying(t, 'ours', source);
    await relay.equals(source);
    const answers = await runTransactFile(await WireSubject.connect(t, relay, file.schema), file.cases);
    t.deepEqual(answerLines(answers), expectedLines(file));
    t.true(await relay.equals(source));
  });
}

for (const file of caseFiles('monitor')) {
  test.serial(`a relay tells what its source does: ${file.name}`, async (t) => {
    const source = await ServedDatabase.inFile(t, 'ours', file.schema);
    const relay = await ServedDatabase.relaying(t, 'ours', source);
    await relay.equals(source);
    const subject = await WireSubject.connect(t, relay, file.schema);
    t.deepEqual(answerLines(await runMonitorFile(relay.socket, file.cases, subject)), expectedLines(file));
  });
}

/** Active and backup servers: ours and the C one, each as the other's backup. */
import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { Client } from '../../rpc/client.ts';
import { formatJson } from '../../schema/json.ts';
import { readSchema } from '../../server/server-database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import { auditFile } from '../helpers/audit.ts';
import { DaemonFolder, type Kind } from '../helpers/daemon-folder.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { ServedDatabase } from '../helpers/served-database.ts';
import { until } from '../helpers/until.ts';

const schema = projectFile('test/cases/schemas/replicated.ovsschema');
const wider = projectFile('test/cases/schemas/replicated-wider.ovsschema');

const insert = (name: string) => ({ op: 'insert', table: 'top', row: { name } });
const insertOther = (text: string) => ({ op: 'insert', table: 'other', row: { text } });
const rename = (from: string, to: string) => ({
  op: 'update',
  table: 'top',
  where: [['name', '==', from]],
  row: { name: to },
});
const withPart = [
  { ...insert('with part'), row: { name: 'with part', numbers: ['set', [1, 2]], parts: ['named-uuid', 'part'] } },
  { op: 'insert', table: 'part', 'uuid-name': 'part', row: { real: 1.5 } },
];

const pairs: readonly (readonly [active: Kind, backup: Kind])[] = [
  ['ours', 'ours'],
  ['c', 'ours'],
  ['ours', 'c'],
];
const requires = (...kinds: readonly Kind[]) => testRequiring(kinds.includes('c') ? cPrograms() : undefined);

const command = (served: ServedDatabase, name: string, ...args: string[]) =>
  served.appctl(`ovsdb-server/${name}`, ...args);

/** An active server with some rows, and one that knows to be its backup. */
const start = async (t: ExecutionContext, activeKind: Kind, backupKind: Kind, ...options: string[]) => {
  const active = await ServedDatabase.inFile(t, activeKind, schema);
  await active.transact(...withPart);
  const backup = await ServedDatabase.inFile(t, backupKind, schema, `--sync-from=${active.target}`, ...options);
  return { active, backup };
};

const replicating = (served: ServedDatabase) =>
  until('the backup replicates', async () => /^replicating/m.test(await command(served, 'sync-status')));

for (const [activeKind, backupKind] of pairs) {
  const declare = requires(activeKind, backupKind);
  const who = `${backupKind} of ${activeKind}`;

  declare(`a backup becomes what the active server is, and follows it: ${who}`, async (t) => {
    const { active, backup } = await start(t, activeKind, backupKind);
    t.true(await backup.equals(active));
    await active.transact(insert('new'), rename('with part', 'renamed'));
    t.true(await backup.equals(active));
    const [refused] = await backup.transact(insert('mine'));
    const details = 'insert operation not allowed when database server is in read only mode';
    t.deepEqual(refused, { details, error: 'not allowed' });
    await t.throwsAsync(
      backup.use(({ peer }) => peer.request('lock', ['l'])),
      { message: 'lock and unlock methods not allowed, DB server is read only.' },
    );
    t.regex(formatJson((await backup.transact({ op: 'select', table: 'top', where: [] }))[0] ?? null), /renamed/);
  });

  declare(`a backup catches up when the active server comes back, and takes its place: ${who}`, async (t) => {
    const { active, backup } = await start(t, activeKind, backupKind);
    await backup.equals(active);
    await active.stop('SIGKILL');
    t.regex((await backup.rows()).join(), /with part/);
    await active.start();
    await active.transact(insert('after the crash'), {
      op: 'delete',
      table: 'top',
      where: [['name', '==', 'with part']],
    });
    t.true(await backup.equals(active));

    await active.stop();
    const rows = await backup.rows();
    t.is(await command(backup, 'disconnect-active-ovsdb-server'), '');
    t.is(await command(backup, 'sync-status'), 'state: active\n');
    t.deepEqual(await backup.rows(), rows);
    const [inserted] = await backup.transact(insert('as the active server'));
    t.regex(formatJson(inserted ?? null), /uuid/);
  });
}

test('what a backup has copied is in its file', async (t) => {
  const { active, backup } = await start(t, 'ours', 'ours', '--sync-exclude-tables=replicated:other');
  await active.transact(insertOther('not copied'));
  await active.transact(insert('copied'));
  await until('it is copied', async () => /copied/.test((await backup.rows()).join()));
  const rows = await backup.rows();
  t.notRegex(rows.join(), /not copied/);
  await active.stop('SIGKILL');
  await backup.stop('SIGKILL');
  t.deepEqual(auditFile(backup.folder.file('database')), []);
  await backup.start();
  t.deepEqual(await backup.rows(), rows);
});

test('a backup that was away only asks for what it missed', async (t) => {
  const { active, backup } = await start(t, 'ours', 'ours');
  await backup.equals(active);
  const resets = () => backup.log.split('Resetting the database').length - 1;
  t.is(resets(), 1);
  await active.stop();
  await active.start();
  await active.transact(insert('missed'));
  await backup.equals(active);
  t.is(resets(), 1);
});

/** What a server answers to commands on the way through the roles, without what is its own. */
const throughTheRoles = async (t: ExecutionContext, kind: Kind): Promise<string[]> => {
  const { active, backup } = await start(t, 'ours', kind, '--active', '--sync-exclude-tables=replicated:other,a:b');
  const answers: string[] = [];
  const ask = async (name: string, ...args: string[]) => {
    const answer = await command(backup, name, ...args);
    const words = [name, ...args].join(' ');
    answers.push(
      `${words}: ${answer}`
        .replaceAll(active.target, 'ACTIVE')
        .replaceAll(backup.target, 'SELF')
        .replaceAll(backup.folder.path, 'FOLDER'),
    );
  };
  await ask('sync-status');
  await ask('get-active-ovsdb-server');
  await ask('get-sync-exclude-tables');
  await ask('connect-active-ovsdb-server');
  await replicating(backup);
  await ask('sync-status');
  await ask('set-sync-exclude-tables', 'z:y,replicated:other b:c');
  await ask('get-sync-exclude-tables');
  await ask('set-sync-exclude-tables', '');
  await replicating(backup);
  await ask('sync-status');
  await ask('set-active-ovsdb-server-probe-interval', '2000');
  await active.stop();
  await ask('sync-status');
  await ask('disconnect-active-ovsdb-server');
  await ask('sync-status');
  await ask('connect-active-ovsdb-server');
  await ask('sync-status');
  await ask('set-active-ovsdb-server', backup.target);
  await ask('get-active-ovsdb-server');
  await ask('set-active-ovsdb-server');
  await ask('connect-active-ovsdb-server');
  await until('it sees itself', async () => (await command(backup, 'sync-status')) === 'state: active\n');
  answers.push(...logged(backup, 'ovsdb_error'));
  return answers;
};

/** The lines that a module logged, without their time and number. */
const logged = ({ log }: ServedDatabase, module: string): string[] =>
  log
    .split('\n')
    .filter((line) => line.split('|')[2] === module)
    .map((line) => line.split('|').slice(2).join('|'));

requires('c')('the commands about roles answer as those of the C server', async (t) => {
  t.deepEqual(await throughTheRoles(t, 'ours'), await throughTheRoles(t, 'c'));
});

/** What a backup of one schema logs about an active server of another. */
const mismatch = async (t: ExecutionContext, kind: Kind, activeSchema: string, backupSchema: string) => {
  const active = await ServedDatabase.inFile(t, 'ours', activeSchema);
  const backup = await ServedDatabase.inFile(t, kind, backupSchema, `--sync-from=${active.target}`);
  const lines = () => logged(backup, 'replication');
  await until('it has made up its mind', () => /Nothing to replicate|Resetting/.test(lines().join()));
  return lines();
};

requires('c')('a backup copies what fits its schema, and says what does not, as the C server', async (t) => {
  for (const [activeSchema, backupSchema] of [
    [schema, wider],
    [wider, schema],
  ] as const) {
    const ours = await mismatch(t, 'ours', activeSchema, backupSchema);
    const theirs = await mismatch(t, 'c', activeSchema, backupSchema);
    // Which of several things is missing first depends on hashes.
    const tidy = (lines: readonly string[]) =>
      lines.map((line) => line.replace(/(Table|Column) .* not/, 'Something is not'));
    t.deepEqual(tidy(ours), tidy(theirs));
  }
});

test('a backup whose schema lacks something copies nothing, and becomes active', async (t) => {
  const active = await ServedDatabase.inFile(t, 'ours', wider);
  const backup = await ServedDatabase.inFile(t, 'ours', schema, `--sync-from=${active.target}`);
  await until('it gives up', async () => (await command(backup, 'sync-status')) === 'state: active\n');
  t.deepEqual(logged(backup, 'replication'), [
    'replication|INFO|Schema version mismatch, checking if replicated can still be replicated or not.',
    'replication|INFO|Column more not present in the local db schema table part.',
    'replication|INFO|replicated cannot be replicated.',
    'replication|WARN|Nothing to replicate.',
  ]);
});

test('a backup is converted to the schema of the active server, and follows on', async (t) => {
  const { active, backup } = await start(t, 'ours', 'ours');
  await backup.equals(active);
  await backup.convert(wider);
  await active.transact(insert('meanwhile'));
  await backup.equals(active);
  await active.convert(wider);
  await active.transact({ op: 'insert', table: 'another', row: { text: 'new' } });
  await until('it follows', async () => {
    const [result] = await backup.transact({ op: 'select', table: 'another', where: [] }).catch(() => []);
    return /new/.test(formatJson(result ?? null));
  });
  const [refused] = await backup.transact(insert('mine'));
  t.regex(formatJson(refused ?? null), /read only mode/);
});

test('a configuration file makes databases relays and backups, and what they are changes with it', async (t) => {
  const active = await ServedDatabase.inFile(t, 'ours', schema);
  await active.transact(...withPart);
  const folder = new DaemonFolder(t);
  SqliteStorage.create(folder.file('copy.db'), readSchema(schema));
  const source = { [active.target]: null };
  const configure = (databases: object) => {
    const configuration = { remotes: { [`punix:${folder.file('socket')}`]: null }, databases };
    writeFileSync(folder.file('configuration'), JSON.stringify(configuration));
  };
  const backup = { 'service-model': 'active-backup', backup: true, source, 'exclude-tables': ['other'] };
  configure({ 'copy.db': backup });
  const control = folder.file('control');
  const options = [`--config-file=${folder.file('configuration')}`, `--unixctl=${control}`, '--detach', '--pidfile'];
  t.is((await folder.run('ours', 'ovsdb-server', ...options)).code, 0);
  const reload = async (databases: object) => {
    configure(databases);
    t.is((await folder.appctl('ours', '-t', control, 'ovsdb-server/reload')).code, 0);
  };
  const ask = async (...operations: object[]) => {
    const client = await Client.connect(`unix:${folder.file('socket')}`);
    try {
      return formatJson(
        await client.peer.request('transact', ['replicated', ...JSON.parse(JSON.stringify(operations))]),
      );
    } catch (error) {
      return String(error);
    } finally {
      client.close();
    }
  };
  const select = { op: 'select', table: 'top', where: [], columns: ['name'] };

  await until('the backup has the rows', async () => /with part/.test(await ask(select)));
  t.regex(await ask(insert('mine')), /read only mode/);
  const status = (await folder.appctl('ours', '-t', control, 'ovsdb-server/sync-status')).stdout;
  t.regex(status, /^state: backup\nreplicating: .*\ndatabase: replicated\nexclude: replicated:other\n$/);
  const refused = await folder.appctl('ours', '-t', control, 'ovsdb-server/disconnect-active-ovsdb-server');
  t.regex(refused.stderr, /use ovsdb-server\/reload instead/);

  await reload({ 'copy.db': { ...backup, backup: false } });
  t.regex(await ask(insert('mine')), /"uuid"/);
  await reload({ 'copy.db': backup });
  await until("what is not the active server's is gone", async () => !/mine/.test(await ask(select)));
  await reload({ replicated: { 'service-model': 'relay', source } });
  await until('the relay has the rows', async () => /with part/.test(await ask(select)));
  t.regex(await ask(insert('through the relay')), /"uuid"/);
  t.regex((await active.rows()).join(), /through the relay/);
});

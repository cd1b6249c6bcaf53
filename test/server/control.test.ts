/** The control socket: the same commands to the C ovsdb-server and to ours, by the C ovs-appctl and by ours. */
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { DaemonFolder, type Kind, type Ran } from '../helpers/daemon-folder.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { Wire } from '../helpers/wire.ts';

const schema = projectFile('schema/vswitch.ovsschema');

/** A server in the background, with a database that the C tool made, on `db.sock`. */
const startServer = async (t: ExecutionContext, kind: Kind): Promise<DaemonFolder> => {
  const folder = new DaemonFolder(t);
  const background = ['-vconsole:off', '--remote=punix:db.sock', '--pidfile', '--detach', '--log-file'];
  if (kind === 'c') await folder.run('c', 'ovsdb-tool', 'create', 'conf.db', schema);
  const started = await folder.run(kind, 'ovsdb-server', ...background, '--unixctl=ctl');
  t.is(started.code, 0, started.stderr);
  return folder;
};

/** Commands whose answers do not depend on the time, and who may differ in nothing. */
const commands: readonly (readonly string[])[] = [
  ['vlog/set', 'foo'],
  ['vlog/set', 'ovsdb_server:bar'],
  ['vlog/set', 'console:off:err'],
  ['vlog/set', 'console:file'],
  ['vlog/set', 'ovsdb_server:vlog'],
  ['vlog/set', 'FILE:Ovsdb_Server:ERR', 'reconnect:dbg'],
  ['vlog/set', 'ovsdb-server:dbg'],
  ['vlog/set', '--', 'x'],
  ['vlog/set', 'PATTERN'],
  ['vlog/set', 'PATTERN:foo:bar'],
  ['vlog/set', 'PATTERN:console:%m %N'],
  ['vlog/set', 'FACILITY'],
  ['vlog/set', 'FACILITY:x'],
  ['vlog/set', 'facility:daemon'],
  ['vlog/set', ''],
  ['vlog/list', 'x'],
  ['vlog/enable-rate-limit', 'foo'],
  ['vlog/disable-rate-limit', 'vlog'],
  ['vlog/close'],
  ['vlog/reopen'],
  ['coverage/read-counter'],
  ['coverage/read-counter', 'foo'],
  ['no-such-command'],
  ['ovsdb-server/list-dbs'],
  ['ovsdb-server/add-remote'],
  ['ovsdb-server/add-remote', 'db:foo,bar,baz'],
  ['ovsdb-server/add-remote', 'punix:more.sock'],
  ['ovsdb-server/add-remote', 'punix:more.sock'],
  ['ovsdb-server/list-remotes'],
  ['ovsdb-server/remove-remote', 'punix:more.sock'],
  ['ovsdb-server/remove-remote', 'punix:more.sock'],
  ['ovsdb-server/list-remotes'],
  ['ovsdb-server/add-db', '/nonexistent'],
  ['ovsdb-server/remove-db', 'nope'],
  ['ovsdb-server/remove-db', '_Server'],
  ['ovsdb-server/compact', 'nope'],
  ['ovsdb-server/compact', '_Server'],
  ['ovsdb-server/compact', 'Open_vSwitch'],
  ['ovsdb-server/compact', 'a', 'b'],
  ['ovsdb-server/get-db-storage-status', 'Open_vSwitch'],
  ['ovsdb-server/get-db-storage-status', 'nope'],
  ['ovsdb-server/tlog-set', 'Open_vSwitch:Bridge', 'ON'],
  ['ovsdb-server/tlog-set', 'Open_vSwitch:Bridge'],
  ['ovsdb-server/tlog-set', 'Open_vSwitch:nope', 'on'],
  ['ovsdb-server/tlog-set', 'nope:Bridge', 'on'],
  ['ovsdb-server/tlog-set', 'Bridge', 'on'],
  ['ovsdb-server/tlog-set', 'Open_vSwitch:Bridge', 'foo'],
  ['ovsdb-server/tlog-list'],
  ['ovsdb-server/memory-trim-on-compaction', 'on'],
  ['ovsdb-server/memory-trim-on-compaction', 'x'],
  ['ovsdb-server/perf-counters-clear'],
  ['ovsdb-server/reconnect'],
  ['ovsdb-server/disable-monitor-cond'],
  ['vlog/list-pattern'],
];

const runAll = async (folder: DaemonFolder, client: Kind): Promise<string[]> => {
  const answers: string[] = [];
  for (const command of commands) {
    const { code, stdout, stderr } = await folder.appctl(client, '-t', folder.file('ctl'), ...command);
    const target = new RegExp(folder.path, 'g');
    answers.push(`${command.join(' ')}: ${code}\n${stdout}${stderr}`.replace(target, '<folder>'));
  }
  return answers;
};

testRequiring(cPrograms())('commands are answered as the C server answers them', async (t) => {
  const [expected, actual] = await Promise.all(
    (['c', 'ours'] as const).map(async (kind) => runAll(await startServer(t, kind), 'c')),
  );
  t.deepEqual(actual, expected);
});

testRequiring(cPrograms())('our ovs-appctl prints what the C one prints, and exits as it does', async (t) => {
  const folder = await startServer(t, 'c');
  const run = async (client: Kind, ...args: readonly string[]): Promise<Ran> => {
    const ran = await folder.appctl(client, ...args);
    return { ...ran, stderr: ran.stderr.replace(/^\S+Z\|/gm, '<time>|').replace(/^\/\S+\/ovs-appctl:/, 'ovs-appctl:') };
  };
  const lines: readonly (readonly string[])[] = [
    ['-t', folder.file('ctl'), 'list-commands'],
    ['--targ', folder.file('ctl'), 'version'],
    [`--target=${folder.file('ctl')}`, '--timeout=20', 'vlog/set', '-v'],
    ['-t', folder.file('ctl'), 'nope'],
    ['-t', folder.file('ctl')],
    ['-t', folder.file('nope'), 'version'],
    ['-t', 'nope', 'version'],
    ['-t'],
    ['--nope'],
    ['-x'],
    ['-T', 'x', 'version'],
    ['-T0', 'version'],
    ['-vfoo', 'version'],
    ['-vconsole:off', '-t', 'nope', 'version'],
  ];
  for (const args of lines) t.deepEqual(await run('ours', ...args), await run('c', ...args), args.join(' '));
});

test.serial('a database is added and removed while clients are connected', async (t) => {
  const folder = await startServer(t, 'ours');
  const appctl = async (...args: readonly string[]) => {
    const ran = await folder.appctl('ours', '-t', folder.file('ctl'), ...args);
    return ran.code === 0 ? ran.stdout : ran.stderr.split('\n')[0];
  };
  // Another database than that of the virtual switch: made by a server that then leaves it.
  const made = await folder.run(
    'ours',
    'ovsdb-tool',
    'create',
    'tables.db',
    projectFile('test/cases/schemas/tables.ovsschema'),
  );
  t.is(made.code, 0, made.stderr);
  const aware = await Wire.connect(folder.file('db.sock'));
  const unaware = await Wire.connect(folder.file('db.sock'));
  await aware.result('set_db_change_aware', [true]);
  await aware.result('monitor', ['_Server', 'served', { Database: [{ columns: ['name'] }] }]);
  await unaware.result('list_dbs', []);

  t.is(await appctl('ovsdb-server/add-db', folder.file('tables.db')), '');
  t.is(
    await appctl('ovsdb-server/add-db', folder.file('tables.db')),
    `ovsdb error: ${folder.file('tables.db')}: already open`,
  );
  t.is(await unaware.next(), undefined, 'a client that is not aware of changes is disconnected');
  t.like(await aware.next(), { kind: 'notification', method: 'update' });
  t.is(await appctl('ovsdb-server/list-dbs'), 'Open_vSwitch\n_Server\ntables\n');

  const late = await Wire.connect(folder.file('db.sock'));
  await late.result('list_dbs', []);
  await aware.result('monitor', ['tables', 'mine', {}]);
  const waiting = aware.send('transact', [
    'tables',
    { op: 'wait', table: 'few', where: [], columns: ['name'], until: '==', rows: [{ name: 'x' }] },
  ]);
  await aware.result('echo', []);
  t.is(await appctl('ovsdb-server/remove-db', 'tables'), '');
  t.like(await aware.next(), { kind: 'notification', method: 'monitor_canceled', params: ['mine'] });
  t.like(await aware.next(), { kind: 'error', error: 'canceled', id: waiting });
  t.like(await aware.next(), { kind: 'notification', method: 'update' });
  t.is(await late.next(), undefined);
  t.deepEqual(await aware.result('list_dbs', []), ['Open_vSwitch', '_Server']);
  aware.close();
  t.is((await folder.appctl('ours', '-t', folder.file('ctl'), 'exit')).code, 0);
});

testRequiring(cPrograms())('a database that is refused is left as it is', async (t) => {
  const folder = await startServer(t, 'ours');
  await folder.run('c', 'ovsdb-tool', 'create', 'second.db', schema);
  const before = folder.read('second.db');
  const refused = await folder.appctl(
    'ours',
    '-t',
    folder.file('ctl'),
    'ovsdb-server/add-db',
    folder.file('second.db'),
  );
  t.regex(refused.stderr, /^ovsdb error: Open_vSwitch: duplicate database name\n/);
  t.is(folder.read('second.db'), before);
  t.false(folder.has('second.db.ovsdb-log'));
});

test.serial('answers come as JSON when the client asks for that', async (t) => {
  const folder = await startServer(t, 'ours');
  const run = (...args: readonly string[]) => folder.appctl('ours', '-t', folder.file('ctl'), ...args);
  const text = { 'reply-format': 'plain', reply: 'Open_vSwitch\n_Server\n' };
  const json = await run('--format=json', 'ovsdb-server/list-dbs');
  t.deepEqual(JSON.parse(json.stdout), text);
  t.is(json.stdout.split('\n').length, 2);
  const pretty = await run('-f', 'json', '--pretty', 'ovsdb-server/list-dbs');
  t.deepEqual(JSON.parse(pretty.stdout), text);
  t.true(pretty.stdout.split('\n').length > 2);
  const refused = await run('-f', 'json', 'nope');
  t.is(refused.code, 2);
  t.regex(refused.stderr, /^"nope" is not a valid command/);
  t.like(await run('--format=xml', 'version'), {
    code: 1,
    stderr: 'ovs-appctl: value xml on -f or --format is invalid\n',
  });
  t.like(await run('--pretty', 'version'), {
    code: 1,
    stderr: 'ovs-appctl: --pretty is supported with --format json only\n',
  });
});

test.serial('what is no command ends its connection only', async (t) => {
  const folder = await startServer(t, 'ours');
  for (const junk of [
    'junk',
    '{"method":"version","params":{},"id":0}',
    '{"method":"version","params":[],"id":null}',
  ]) {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(folder.file('ctl'), () => socket.write(junk));
      socket.on('error', reject);
      socket.on('close', () => resolve());
      socket.resume();
    });
  }
  const wire = await Wire.connect(folder.file('ctl'));
  const reply = (await wire.request('version', [1])).at(-1);
  t.like(reply, { kind: 'error', error: '"version" command takes at most 0 arguments\n' });
  t.like((await wire.request('vlog/set', [1])).at(-1), {
    kind: 'error',
    error: '"vlog/set" command has non-string argument\n',
  });
  wire.close();
  t.true(existsSync(folder.file('ctl')));
});

test.serial('transactions on chosen tables are logged', async (t) => {
  const folder = await startServer(t, 'ours');
  const appctl = (...args: readonly string[]) => folder.appctl('ours', '-t', folder.file('ctl'), ...args);
  await appctl('ovsdb-server/tlog-set', 'Open_vSwitch:Manager', 'on');
  const wire = await Wire.connect(folder.file('db.sock'));
  const manager = (target: string) => ({ op: 'insert', table: 'Manager', row: { target }, 'uuid-name': 'm' });
  const root = { op: 'insert', table: 'Open_vSwitch', row: { manager_options: ['named-uuid', 'm'] } };
  await wire.result('transact', ['Open_vSwitch', manager('ptcp:1'), root]);
  await wire.result('transact', [
    'Open_vSwitch',
    { op: 'update', table: 'Manager', where: [], row: { max_backoff: 1500 } },
  ]);
  await appctl('ovsdb-server/tlog-set', 'Open_vSwitch:Manager', 'off');
  await wire.result('transact', [
    'Open_vSwitch',
    { op: 'update', table: 'Manager', where: [], row: { max_backoff: 2500 } },
  ]);
  wire.close();
  const logged = folder.read('ovsdb-server.log').match(/\|transaction\|INFO\|.*/g) ?? [];
  t.is(logged.length, 2);
  t.regex(logged[0] ?? '', /\|table:Manager,op:inserted,.*target:"ptcp:1"/);
  t.regex(logged[1] ?? '', /\|table:Manager,op:updated,.*max_backoff:1500/);
});

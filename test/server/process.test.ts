/** ovsdb-server as a process: the same command lines and signals, to the C program and to ours. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { comm, DaemonFolder, descriptor, isAlive, type Kind, parentOf } from '../helpers/daemon-folder.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';

const schema = projectFile('schema/vswitch.ovsschema');

/** A folder with a database that either program can serve. */
const withDatabase = async (t: ExecutionContext, kind: Kind): Promise<DaemonFolder> => {
  const folder = new DaemonFolder(t);
  if (kind === 'c') t.is((await folder.run('c', 'ovsdb-tool', 'create', 'conf.db', schema)).code, 0);
  return folder;
};

const background = ['-vconsole:off', '--remote=punix:db.sock', '--pidfile', '--detach', '--log-file'];

type Body = (t: ExecutionContext, kind: Kind) => Promise<void>;

/** Runs the body on our program, and on the C program, which says what is expected. */
const onBoth = (title: string, body: Body): void => {
  test.serial(`${title} (ours)`, (t) => body(t, 'ours'));
  testRequiring(cPrograms())(`${title} (C)`, (t) => body(t, 'c'));
};

onBoth('in the background it is ready when the command returns, and holds its pid file locked', async (t, kind) => {
  const folder = await withDatabase(t, kind);
  const started = await folder.run(kind, 'ovsdb-server', ...background);
  t.deepEqual(started, { code: 0, signal: null, stdout: '', stderr: '' });
  const pid = folder.pid();
  t.deepEqual(
    folder.files(),
    ['conf.db', 'db.sock', `ovsdb-server.${pid}.ctl`, 'ovsdb-server.log', 'ovsdb-server.pid'].sort(),
  );
  t.is(comm(pid), 'ovsdb-server');
  for (const fd of [0, 1, 2]) t.is(descriptor(pid, fd), 'null');
  t.is(folder.read('ovsdb-server.pid'), `${pid}\n`);
  const second = await folder.run(kind, 'ovsdb-server', ...background, '--unixctl=other.ctl');
  t.is(second.code, 1);
  t.is(second.stderr, `ovsdb-server: ${folder.file('ovsdb-server.pid')}: already running as pid ${pid}, aborting\n`);
  t.true(isAlive(pid));
  process.kill(pid, 'SIGTERM');
  await until('it has ended', () => !isAlive(pid));
  t.deepEqual(folder.files(), ['conf.db', 'ovsdb-server.log']);
  t.regex(
    folder.read('ovsdb-server.log'),
    /\|fatal_signal(\(\w+\))?\|WARN\|terminating with signal 15 \(Terminated\)\n$/,
  );
});

onBoth('a stale pid file is replaced', async (t, kind) => {
  const folder = await withDatabase(t, kind);
  writeFileSync(folder.file('ovsdb-server.pid'), '1\n');
  t.is((await folder.run(kind, 'ovsdb-server', ...background)).code, 0);
  t.true(isAlive(folder.pid()));
  t.is(comm(folder.pid()), 'ovsdb-server');
  t.is((await folder.appctl(kind, '-t', 'ovsdb-server', 'exit')).code, 0);
});

onBoth('a start that fails is told to who started it, and leaves nothing', async (t, kind) => {
  const folder = await withDatabase(t, kind);
  const failing = await folder.run(kind, 'ovsdb-server', ...background, '--unixctl=nowhere/x.ctl', '-vconsole:err');
  t.is(failing.code, 1);
  const problem = 'could not initialize control socket (No such file or directory)';
  t.true(failing.stderr.endsWith(`ovsdb-server: ${folder.file('nowhere/x.ctl')}: ${problem}\n`), failing.stderr);
  t.deepEqual(
    folder.files().filter((name) => !/^conf\.db|log$/.test(name)),
    [],
  );
  const noPidFile = await folder.run(kind, 'ovsdb-server', '--pidfile=nowhere/pid', '--detach');
  t.is(noPidFile.code, 1);
  const path = folder.file('nowhere/pid.tmp');
  t.is(noPidFile.stderr, `ovsdb-server: ${path}: create failed (No such file or directory)\n`);
});

onBoth('--run runs a command when clients can connect, and ends with it', async (t, kind) => {
  const folder = await withDatabase(t, kind);
  const run = (command: string) =>
    folder.run(kind, 'ovsdb-server', '--remote=punix:db.sock', '--unixctl=none', '-vconsole:warn', `--run=${command}`);
  t.deepEqual(await run('test -S db.sock'), { code: 0, signal: null, stdout: '', stderr: '' });
  t.deepEqual(await run('exit 3'), {
    code: 1,
    signal: null,
    stdout: '',
    stderr: 'ovsdb-server: exit 3: child exited, exit status 3\n',
  });
  t.is((await run('kill -9 $$')).stderr, 'ovsdb-server: kill -9 $$: child exited, killed (Killed)\n');
});

onBoth('it dies of the signal that ends it', async (t, kind) => {
  const folder = await withDatabase(t, kind);
  const { child, ended } = folder.start(kind, 'ovsdb-server', '--pidfile', '--no-chdir', '-vconsole:off');
  await until('it runs', () => folder.files().some((name) => name.endsWith('.ctl')));
  child.kill('SIGHUP');
  t.like(await ended, { code: null, signal: 'SIGHUP' });
  t.deepEqual(folder.files(), ['conf.db']);
});

onBoth('--monitor starts it again after a crash, with what was added meanwhile', async (t, kind) => {
  const folder = await withDatabase(t, kind);
  t.is((await folder.run(kind, 'ovsdb-server', ...background, '--monitor')).code, 0);
  const first = folder.pid();
  const monitor = parentOf(first) ?? 0;
  t.is(comm(monitor), 'monitor');
  const appctl = (...args: readonly string[]) => folder.appctl(kind, '-t', 'ovsdb-server', ...args);
  t.is((await appctl('ovsdb-server/add-remote', 'punix:more.sock')).code, 0);
  process.kill(first, 'SIGSEGV');
  const second = await until('it runs again', () => {
    const pid = folder.currentPid();
    return pid !== first && pid;
  });
  await until('it listens', async () => (await appctl('ovsdb-server/list-remotes')).code === 0);
  t.is((await appctl('ovsdb-server/list-remotes')).stdout, 'punix:db.sock\npunix:more.sock\n');
  t.is(parentOf(second), monitor);
  t.regex(
    folder.read('ovsdb-server.log'),
    /\|daemon_unix\(monitor\)\|ERR\|1 crashes: pid \d+ died, killed \(Segmentation fault\), restarting\n/,
  );
  t.is((await appctl('exit')).code, 0);
  await until('the monitor has ended', () => !isAlive(monitor));
  t.regex(folder.read('ovsdb-server.log'), /\(monitor\)\|INFO\|pid \d+ died, exit status 0, exiting\n$/);
  t.false(folder.has('ovsdb-server.pid'));
});

/** Without what the C program remarks of a machine that is busy. */
const withoutLoad = (log: string): string => log.replace(/^.*\|(timeval|coverage|poll_loop)\|.*\n/gm, '');

onBoth('the log file has lines as scripts know them, and is opened again after a rotation', async (t, kind) => {
  const folder = await withDatabase(t, kind);
  t.is((await folder.run(kind, 'ovsdb-server', ...background, '--remote=ptcp:0:127.0.0.1')).code, 0);
  const appctl = async (...args: readonly string[]) => {
    const { code, stderr } = await folder.appctl(kind, '-t', 'ovsdb-server', ...args);
    t.is(code, 0, stderr);
  };
  // The C program says that it runs after its parent has.
  await until('the server says that it runs', () => /\(Open vSwitch\).*\n/.test(folder.read('ovsdb-server.log')));
  const log = withoutLoad(folder.read('ovsdb-server.log'));
  t.regex(log, /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\|\d{5}\|\w+\|INFO\|.*\n)+$/);
  t.regex(log, /\|00001\|vlog\|INFO\|opened log file \//);
  t.regex(log, /\|socket_util\|INFO\|0:127\.0\.0\.1: listening on port \d+\n/);
  t.regex(log, /\|ovsdb_server\|INFO\|ovsdb-server \(Open vSwitch\) \d+\.\d+\.\d+\n/);
  renameSync(folder.file('ovsdb-server.log'), folder.file('old.log'));
  await appctl('vlog/reopen');
  t.regex(withoutLoad(folder.read('old.log')), /\|vlog\|INFO\|closing log file\n$/);
  t.regex(withoutLoad(folder.read('ovsdb-server.log')), /^\S+\|vlog\|INFO\|opened log file /);
  await appctl('vlog/set', 'PATTERN:file:%5N|%-6p|%A|%c|%%');
  await appctl('vlog/set', 'ovsdb_server:file:dbg');
  await appctl('vlog/close');
  await appctl('vlog/reopen');
  t.regex(withoutLoad(folder.read('ovsdb-server.log')), /\n {3,}\d+\|INFO {2}\|ovsdb-server\|vlog\|%\n$/);
  await appctl('exit');
});

test.serial('--overwrite-pidfile takes a pid file over, and its first holder leaves it alone then', async (t) => {
  const folder = new DaemonFolder(t);
  const start = (...args: readonly string[]) =>
    folder.run('ours', 'ovsdb-server', '-vconsole:off', '--pidfile', '--detach', ...args);
  t.is((await start('first.db')).code, 0);
  const first = folder.pid();
  t.is((await start('second.db', '--overwrite-pidfile')).code, 0);
  const second = folder.pid();
  t.not(second, first);
  process.kill(first, 'SIGTERM');
  await until('the first has ended', () => !isAlive(first));
  t.is(folder.pid(), second);
  t.is((await folder.appctl('ours', '-t', 'ovsdb-server', 'exit')).code, 0);
});

test('a start that fails without --detach exits with 1 and says why', async (t) => {
  const folder = new DaemonFolder(t);
  const run = (...args: readonly string[]) => folder.run('ours', 'ovsdb-server', '--unixctl=none', ...args);
  t.like(await run('--no-such-option'), { code: 1, stderr: "ovsdb-server: unknown option '--no-such-option'\n" });
  t.like(await run('--record=x'), { code: 1, stderr: 'ovsdb-server: --record: this program writes no replay files\n' });
  t.like(await run('--replay'), { code: 1, stderr: 'ovsdb-server: --replay: this program runs no replay files\n' });
  const wrongSpec = 'processing "foo": no destination, level, or module "foo"';
  t.like(await run('-vfoo'), { code: 1, stderr: `ovsdb-server: ${wrongSpec}\n` });
  t.like(await run('--user=no such user'), {
    code: 1,
    stderr: 'ovsdb-server: user no such user not found, aborting.\n',
  });
  t.regex((await run('--log-file=nowhere/log')).stderr, /\|vlog\|WARN\|failed to open .* for logging: No such file/);
  writeFileSync(folder.file('conf.db'), 'something else');
  const unusable = await run();
  t.is(unusable.code, 1);
  t.regex(unusable.stderr, /\|WARN\|failed to open database '.*conf\.db': .*is not a database file\n/);
  t.regex(unusable.stderr, /\novsdb-server: server configuration failed: failed to open database '.*: .*\n$/);
});

test('a database that is no regular file is refused at once', async (t) => {
  const folder = new DaemonFolder(t);
  mkdirSync(folder.file('folder'));
  execFileSync('mkfifo', [folder.file('pipe')]);
  for (const name of ['folder', 'pipe']) {
    const { code, stderr } = await folder.run('ours', 'ovsdb-server', '--unixctl=none', folder.file(name));
    t.is(code, 1, name);
    t.regex(stderr, new RegExp(`failed to open database '.*${name}': .*${name}: is not a regular file\\n`));
  }
});

test('options may be abbreviated, and one whose value is optional leaves the next word alone', async (t) => {
  const folder = new DaemonFolder(t);
  const run = await folder.run(
    'ours',
    'ovsdb-server',
    '--log',
    '--unixc=none',
    '--run=cat *.log',
    'other.db',
    '--pidf',
  );
  t.is(run.code, 0, run.stderr);
  t.regex(run.stdout, /opened log file/);
  t.deepEqual(folder.files(), ['other.db', 'ovsdb-server.log']);
});

test('--version says what release of Open vSwitch it stands for', async (t) => {
  const { stdout } = await new DaemonFolder(t).run('ours', 'ovsdb-server', '--version');
  const { version }: { version: string } = JSON.parse(readFileSync(projectFile('package.json'), 'utf8'));
  t.regex(stdout, /^ovsdb-server \(Open vSwitch\) 3\.7\.\d+\n/);
  t.true(stdout.endsWith(`vswitch ${version}\n`));
});

/** The modes of what a server makes in its folder, by name. */
const modes = async (t: ExecutionContext, kind: Kind): Promise<string[]> => {
  const folder = await withDatabase(t, kind);
  t.is((await folder.run(kind, 'ovsdb-server', ...background, '--unixctl=ctl')).code, 0);
  const made = ['.conf.db.~lock~', 'conf.db', 'ctl', 'db.sock', 'ovsdb-server.log', 'ovsdb-server.pid'];
  const found = made.map((name) => `${name} ${(statSync(folder.file(name)).mode & 0o777).toString(8)}`);
  t.is((await folder.appctl(kind, '-t', folder.file('ctl'), 'exit')).code, 0);
  return found;
};

testRequiring(cPrograms())('files and sockets have the modes that the C server gives them', async (t) => {
  const expected = await modes(t, 'c');
  t.deepEqual(await modes(t, 'ours'), expected);
});

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { firstWords, Installation } from '../helpers/installation.ts';
import { end, rootTest as test } from '../helpers/netns.ts';
import { projectFile, projectProgram } from '../helpers/project.ts';
import { until } from '../helpers/until.ts';

const program = projectFile('dist/bin/vswitch.cjs');

/** Runs it to its end on the installation's host. */
const runToEnd = async ({ host }: Installation, command: string, ...args: readonly string[]) => {
  const child = host.spawn(command, ...args);
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const [status] = await once(child, 'close');
  return { status, stderr };
};

test('a second one is refused, on the same socket and on the same database', async (t) => {
  const installation = await Installation.start(t);
  const { directory } = installation;
  const again = (...args: readonly string[]) => runToEnd(installation, process.execPath, program, 'run', ...args);
  const sameSocket = await again('--rundir', directory, '--database', join(directory, 'other.db'));
  t.is(sameSocket.status, 1);
  t.regex(sameSocket.stderr, /A server is running already/);
  const sameDatabase = await again('--rundir', join(directory, 'other'), '--database', join(directory, 'conf.db'));
  t.is(sameDatabase.status, 1);
  t.regex(sameDatabase.stderr, /Another server, process \d+, has .*conf\.db open/);
  t.is(await installation.vsctl('--no-wait', 'list-br'), '', 'the first one is not disturbed');
});

test('a database of the C server is taken over, and what it says is done', async (t) => {
  const installation = await Installation.start(t);
  await end(installation.program, 'SIGTERM');
  const database = join(installation.directory, 'conf.db');
  rmSync(database);
  execFileSync('ovsdb-tool', ['create', database, projectFile('schema/vswitch.ovsschema')]);
  const insertBridge = [
    'Open_vSwitch',
    { op: 'insert', table: 'Bridge', row: { name: 'br0' }, 'uuid-name': 'bridge' },
    { op: 'insert', table: 'Open_vSwitch', row: { bridges: ['named-uuid', 'bridge'], next_cfg: 1 } },
  ];
  execFileSync('ovsdb-tool', ['transact', database, JSON.stringify(insertBridge)]);
  await installation.startVswitch();
  t.is(await installation.vsctl('list-br'), 'br0');
  await installation.vsctl('set', 'Bridge', 'br0', 'external_ids:waited=true');
  t.true(await installation.host.has('br0'));
});

test('places that cannot be used are told in a sentence', async (t) => {
  const installation = await Installation.start(t);
  const { directory } = installation;
  const refuse = async (rundir: string, expected: RegExp, database = 'other.db') => {
    const files = ['--rundir', rundir, '--database', join(directory, database)];
    const { status, stderr } = await runToEnd(installation, process.execPath, program, 'run', ...files);
    t.is(status, 1);
    t.regex(stderr, expected);
    t.notRegex(stderr, /\n {4}at /, 'no stack');
  };
  await refuse('/dev/null/run', /cannot be made by this user, or not there/);
  await refuse(join(directory, 'x'.repeat(108)), /has at most 107 bytes/);
  await refuse(join(directory, 'other'), /no\/x\.db: its folder does not exist/, 'no/x.db');
});

test('a command that does not exist is called that', async (t) => {
  const installation = await Installation.start(t);
  const { status, stderr } = await runToEnd(installation, process.execPath, program, 'doctr');
  t.is(status, 1);
  t.regex(stderr, /unknown command or argument 'doctr'; see vswitch --help/);
});

test('managers of the database are listened to', async (t) => {
  const installation = await Installation.start(t);
  const remote = `punix:${join(installation.directory, 'manager.sock')}`;
  const create = ['--', '--id=@m', 'create', 'Manager', `target="${remote}"`];
  await installation.vsctl('set', 'Open_vSwitch', '.', 'manager_options=@m', ...create);
  await until('the manager connects', async () => {
    const dump = installation.host.run('ovs-vsctl', `--db=${remote.slice(1)}`, '--timeout=5', 'list-br');
    return dump.then(
      () => true,
      () => false,
    );
  });
  t.true(existsSync(join(installation.directory, 'manager.sock')));
});

test('without the right to change the network it is a server only, and says so', async (t) => {
  const installation = await Installation.start(t);
  const { host, directory } = installation;
  const files = ['--rundir', join(directory, 'user'), '--database', join(directory, 'user.db')];
  // A user namespace in which nobody is root: the files are still ours.
  const child = host.spawn('unshare', '--user', '--map-user=1000', process.execPath, program, ...files);
  const words = await firstWords(child);
  t.regex(words, /switch +off, because you are not root/);
  t.true(words.includes(`export OVS_RUNDIR=${join(directory, 'user')}\n`));
  t.is(await end(child, 'SIGINT'), 0);
});

test('another terminal is told where the socket is, also when a variable said so to this one', async (t) => {
  const installation = await Installation.start(t);
  const elsewhere = join(installation.directory, 'other');
  const places = [`OVS_RUNDIR=${elsewhere}`, `OVS_DBDIR=${elsewhere}`];
  const child = installation.host.spawn('env', ...places, process.execPath, program);
  t.true((await firstWords(child)).includes(`export OVS_RUNDIR=${elsewhere}\n`));
  await end(child, 'SIGINT');
});

test('another terminal is told commands that work, also where the programs are not on the PATH', async (t) => {
  const installation = await Installation.start(t);
  const { host, directory } = installation;
  const elsewhere = join(directory, 'other');
  const places = [`OVS_RUNDIR=${elsewhere}`, `OVS_DBDIR=${elsewhere}`];
  const child = host.spawn('env', 'PATH=/nowhere', ...places, process.execPath, program);
  const words = await firstWords(child);
  const told = (command: string): string[] =>
    new RegExp(`^ {2}(\\S+(?: --no-wait)? ${command})( |$)`, 'm').exec(words)?.[1]?.split(' ') ?? [];
  for (const command of ['add-br br0', 'show', 'doctor']) {
    const [file = '', ...args] = told(command);
    t.regex(file, /^\//);
    await t.notThrowsAsync(host.run('env', ...places, file, ...args), command);
  }
  await end(child, 'SIGINT');
});

for (const [whose, command] of [
  ['our', [process.execPath, projectProgram('ovs-appctl')]],
  ['the C', ['ovs-appctl']],
] as const) {
  test(`${whose} ovs-appctl finds the switch and the server, as if each were a program of its own`, async (t) => {
    const installation = await Installation.start(t);
    const { host, directory, program: running } = installation;
    const [executable, ...before] = command;
    const appctl = (...args: readonly string[]): Promise<string> =>
      host.run('env', `OVS_RUNDIR=${directory}`, executable, ...before, ...args);
    await installation.vsctl('add-br', 'br0');
    t.is(await appctl('version'), 'ovs-vswitchd (Open vSwitch) 3.7.0\n');
    t.is(await appctl('-t', 'ovsdb-server', 'version'), 'ovsdb-server (Open vSwitch) 3.7.0\n');
    t.regex(await appctl('fdb/show', 'br0'), /port +VLAN +MAC +Age/);
    t.is(await appctl('-t', 'ovs-vswitchd', 'ofproto/list'), 'br0\n');
    t.is(await appctl('-t', 'ovsdb-server', 'ovsdb-server/list-dbs'), 'Open_vSwitch\n_Server\n');
    const remote = `punix:${join(directory, 'more.sock')}`;
    await appctl('-t', 'ovsdb-server', 'ovsdb-server/add-remote', remote);
    t.true(existsSync(join(directory, 'more.sock')));
    const ended = once(running, 'exit');
    t.is(await appctl('-t', whose === 'our' ? 'ovsdb-server' : 'ovs-vswitchd', 'exit'), '');
    t.deepEqual(await ended, [0, null]);
    t.deepEqual(
      readdirSync(directory).filter((name) => /\.(pid|ctl|sock)$/.test(name)),
      [],
      'nothing is left',
    );
    t.true(await host.has('br0'));
    await installation.startVswitch();
    const cleaned = once(installation.program, 'exit');
    await appctl('exit', '--cleanup');
    t.deepEqual(await cleaned, [0, null]);
    t.false(await host.has('br0'));
  });
}

test('it does not start beside a switch that has the run directory', async (t) => {
  const installation = await Installation.start(t);
  const { directory } = installation;
  await end(installation.program, 'SIGTERM');
  const options = ['--pidfile', '-vsyslog:off', '-vconsole:off'];
  const other = installation.host.spawn('env', `OVS_RUNDIR=${directory}`, 'ovs-vswitchd', ...options);
  await until('the other switch runs', async () => existsSync(join(directory, 'ovs-vswitchd.pid')));
  const files = ['--rundir', directory, '--database', join(directory, 'conf.db')];
  const { status, stderr } = await runToEnd(installation, process.execPath, program, ...files);
  t.is(status, 1);
  t.regex(stderr, /ovs-vswitchd runs already, as process \d+, .*ovs-appctl -t ovs-vswitchd exit/);
  await end(other, 'SIGTERM');
  await installation.startVswitch();
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} ends it in good order, and the network stays`, async (t) => {
    const installation = await Installation.start(t);
    await installation.vsctl('add-br', 'br0');
    t.is(await end(installation.program, signal), 0);
    t.true(await installation.host.has('br0'));
    const { text, status } = await installation.doctor();
    t.is(status, 1);
    t.regex(text, /^The database server is not running/);
    await installation.startVswitch();
    t.is(await installation.vsctl('list-br'), 'br0');
    await installation.vsctl('del-br', 'br0');
    t.false(await installation.host.has('br0'));
  });
}

test('killed at once it leaves the network at work, and takes it over when started again', async (t) => {
  const installation = await Installation.start(t);
  const { host } = installation;
  await installation.neighbour(t, 'veth0', '10.0.0.2');
  await installation.vsctl('add-br', 'br0', '--', 'add-port', 'br0', 'veth0');
  await host.ip('addr add 10.0.0.1/24 dev br0');
  await host.ip('link set br0 up');
  const before = await host.link('br0');
  await end(installation.program, 'SIGKILL');
  t.true(await host.ping('10.0.0.2'));
  await installation.startVswitch();
  await installation.vsctl('add-port', 'br0', 'int0', '--', 'set', 'Interface', 'int0', 'type=internal');
  t.deepEqual(await host.link('br0'), before);
  t.true(await host.has('int0'));
});

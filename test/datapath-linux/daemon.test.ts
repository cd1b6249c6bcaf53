/** ovs-vswitchd as a process: its options, its control socket, its pid file, driven by the C ovs-appctl. */
import { type ChildProcess, execFile } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import anyTest from 'ava';
import { Authority, tlsArguments } from '../helpers/certificates.ts';
import { Lab } from '../helpers/lab.ts';
import { end, Namespace, rootTest as test } from '../helpers/netns.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const execute = promisify(execFile);
const daemon = fileURLToPath(new URL('../../bin/ovs-vswitchd.cjs', import.meta.url));

const appctl = async (lab: Lab, ...args: readonly string[]): Promise<string> => {
  const env = { ...process.env, OVS_RUNDIR: lab.directory };
  return (await execute('ovs-appctl', ['-t', 'ovs-vswitchd', ...args], { env })).stdout;
};

/** Ends the daemon in the background that a failed test has left. */
function endDetached(lab: Lab): void {
  const path = join(lab.directory, 'ovs-vswitchd.pid');
  if (existsSync(path)) process.kill(Number(readFileSync(path, 'latin1')), 'SIGKILL');
}

/** Starts a daemon in the background, on the lab's database. */
const detached = (lab: Lab, ...options: readonly string[]): Promise<string> =>
  lab.host.run(
    'env',
    `OVS_RUNDIR=${lab.directory}`,
    process.execPath,
    daemon,
    ...['--detach', '--pidfile', '-vsyslog:off', '-vconsole:off', ...options],
    `unix:${lab.socket}`,
  );

test('in the background it returns when the network is there; exit ends it, and with --cleanup the network too', async (t) => {
  const lab = await Lab.start(t);
  t.teardown(() => endDetached(lab));
  await lab.vsctlAll(['add-br br0', 'add-port br0 int0 -- set Interface int0 type=internal']);
  await lab.stopSwitch('SIGKILL');
  await lab.vsctl('--no-wait', 'add-br', 'br1');
  await detached(lab);
  t.true(await lab.host.has('br1'));
  const pid = readFileSync(join(lab.directory, 'ovs-vswitchd.pid'), 'latin1').trim();
  t.is(readFileSync(`/proc/${pid}/comm`, 'latin1'), 'ovs-vswitchd\n');
  await t.throwsAsync(detached(lab), { message: /already running|Resource temporarily unavailable|pidfile/i });
  t.regex(await appctl(lab, 'version'), /^ovs-vswitchd \(Open vSwitch\) \d+\.\d+\.\d+\n$/);
  t.regex(await appctl(lab, 'vlog/list'), /bridge/);
  await appctl(lab, 'exit');
  await until('it has ended', () => !existsSync(`/proc/${pid}`));
  for (const file of ['ovs-vswitchd.pid', `ovs-vswitchd.${pid}.ctl`])
    t.false(existsSync(join(lab.directory, file)), file);
  t.true(await lab.host.has('int0'));
  await detached(lab);
  await appctl(lab, 'exit', '--cleanup');
  await until('nothing of it is left', async () => (await lab.host.links()).length === 1);
  await until('it has ended', () => !existsSync(join(lab.directory, 'ovs-vswitchd.pid')));
});

test('started as ovs-ctl starts it, on a database without a switch, it is ready at once', async (t) => {
  const lab = await Lab.start(t);
  t.teardown(() => endDetached(lab));
  await lab.stopSwitch('SIGKILL');
  await lab.vsctl('--no-wait', '--', '--all', 'destroy', 'Open_vSwitch');
  const file = (name: string) => join(lab.directory, name);
  await lab.host.run(
    ...(['env', `OVS_RUNDIR=${lab.directory}`, process.execPath, daemon, `unix:${lab.socket}`] as const),
    ...['-vconsole:emer', '-vsyslog:err', '-vfile:info', '--mlockall', '--no-chdir'],
    ...[`--log-file=${file('log')}`, `--pidfile=${file('ovs-vswitchd.pid')}`, '--detach', '--no-self-confinement'],
  );
  t.notRegex(readFileSync(file('log'), 'utf8'), /\|(WARN|ERR|EMER)\|/);
  await appctl(lab, 'exit');
  await until('it has ended', () => !existsSync(file('ovs-vswitchd.pid')));
});

test('as another user it keeps what it takes to configure the network, and no more, also in the background', async (t) => {
  const lab = await Lab.start(t);
  t.teardown(() => endDetached(lab));
  await lab.vsctl('add-br', 'br0');
  await lab.stopSwitch('SIGKILL');
  chmodSync(lab.directory, 0o777);
  chmodSync(lab.socket, 0o666);
  await lab.vsctl('--no-wait', 'add-port', 'br0', 'int0', '--', 'set', 'Interface', 'int0', 'type=internal');
  await lab.vsctl(
    '--no-wait',
    'add-br',
    'br1',
    '--',
    'add-port',
    'br1',
    'tap0',
    '--',
    'set',
    'Interface',
    'tap0',
    'type=tap',
  );
  await detached(lab, '--user=nobody');
  const pid = readFileSync(join(lab.directory, 'ovs-vswitchd.pid'), 'latin1').trim();
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  t.regex(status, /^Uid:\t65534\t/m);
  t.regex(status, /^CapEff:\t0000000000003800$/m);
  for (const device of ['int0', 'br1']) t.true(await lab.host.has(device), device);
  t.is(await lab.get('Interface', 'int0', 'error'), '[]');
  await appctl(lab, 'exit', '--cleanup');
  await until('nothing of it is left', async () => (await lab.host.links()).length === 1);
});

test('over TLS it trusts the authority that the server shows first, and from then on no other', async (t) => {
  const lab = await Lab.start(t);
  t.teardown(() => endDetached(lab));
  await lab.stopSwitch('SIGKILL');
  await lab.vsctl('--no-wait', 'add-br', 'br0');
  const authority = new Authority(t);
  const serve = (files: ReturnType<Authority['issue']>, port: number): ChildProcess => {
    const database = join(lab.directory, `tls${port}.db`);
    copyFileSync(join(lab.directory, 'conf.db'), database);
    const remote = `--remote=pssl:${port}:127.0.0.1`;
    return lab.host.spawn('ovsdb-server', database, remote, ...tlsArguments(files), '--unixctl=none', '-vsyslog:off');
  };
  const { privateKey, certificate, caCertificate } = authority.issue('switch');
  const learned = join(lab.directory, 'learned.pem');
  const start = (port: number): { log(): string } => {
    const files = [`--private-key=${privateKey}`, `--certificate=${certificate}`, `--bootstrap-ca-cert=${learned}`];
    const child = lab.host.spawn(
      'env',
      `OVS_RUNDIR=${lab.directory}`,
      process.execPath,
      daemon,
      ...files,
      `ssl:127.0.0.1:${port}`,
    );
    let text = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    t.teardown(() => end(child, 'SIGKILL'));
    return { log: () => text };
  };
  const server = authority.issue('server');
  writeFileSync(server.certificate, readFileSync(server.certificate, 'latin1') + readFileSync(caCertificate, 'latin1'));
  serve(server, 6640);
  start(6640);
  await until('the bridge is there', () => lab.host.has('br0'));
  t.regex(readFileSync(learned, 'latin1'), /BEGIN CERTIFICATE/);
  serve({ ...new Authority(t, 'another').issue('server'), caCertificate }, 6641);
  const second = start(6641);
  await until('it refuses the other', () => /certificate|self.signed|unable to/i.test(second.log()));
});

test('of two switches on different databases one acts in a network namespace', async (t) => {
  const [lab, other] = [await Lab.start(t), await Lab.start(t)];
  await other.stopSwitch('SIGKILL');
  await lab.vsctl('add-br', 'br0');
  await other.vsctl('--no-wait', 'add-br', 'br9');
  const command = ['env', `OVS_RUNDIR=${other.directory}`, process.execPath, daemon, '-vsyslog:off'] as const;
  const second = lab.host.spawn(...command, `unix:${other.socket}`);
  let log = '';
  second.stderr?.on('data', (chunk: Buffer) => {
    log += chunk;
  });
  await until('the second says so', () => log.includes('another ovs-vswitchd works in this network namespace'));
  t.true((await lab.host.has('br0')) && !(await lab.host.has('br9')));
  await lab.stopSwitch('SIGKILL');
  await until('the second acts', () => lab.host.has('br9'));
  await until('what nobody wants is gone', async () => !(await lab.host.has('br0')));
});

anyTest('it does not start with options for what it is not, and says why', async (t) => {
  for (const option of ['--dpdk', '--disable-system', '--enable-dummy=override']) {
    const name = option.replace(/=.*/, '');
    await t.throwsAsync(execute(process.execPath, [daemon, option, 'unix:/nowhere']), {
      message: new RegExp(`${name}.*\\S`),
    });
  }
});

anyTest('its command line is checked before anything is done', async (t) => {
  const run = (...args: readonly string[]) => execute(process.execPath, [daemon, ...args]);
  t.regex((await run('--version')).stdout, /^ovs-vswitchd \(Open vSwitch\) \d+\.\d+\.\d+\n$/);
  t.regex((await run('--help')).stdout, /--detach/);
  await t.throwsAsync(run('/tmp/db.sock'), {
    message: /\/tmp\/db.sock: not an active connection method; use unix:FILE/,
  });
  await t.throwsAsync(run('--frobnicate'), { message: /unknown option/ });
  await t.throwsAsync(run('unix:a', 'unix:b'), { message: /too many arguments/ });
});

for (const [whose, command] of [
  ['ours', [process.execPath, daemon]],
  ['C', ['ovs-vswitchd']],
] as const) {
  test(`a certificate that cannot be read is told at once, and the rest goes on (${whose})`, async (t) => {
    const host = await Namespace.create();
    t.teardown(() => host.close());
    const files = ['--peer-ca-cert=/no/such/file', '-vsyslog:off', '--unixctl=none'];
    const child = host.spawn('env', `OVS_RUNDIR=${temporaryFolder(t)}`, ...command, ...files, 'unix:/no/such/socket');
    let log = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      log += chunk;
    });
    await until('it tries to connect', async () => log.includes('unix:/no/such/socket: connection attempt failed'));
    t.regex(log, /\|stream_ssl\|ERR\|failed to open \/no\/such\/file for reading: No such file or directory\n/);
    await end(child, 'SIGTERM');
  });
}

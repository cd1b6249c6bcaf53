import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { isArray } from '../../schema/json.ts';
import { projectFile, projectProgram } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { startCServer, startServer } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { TestDatabase } from './database.ts';
import { cVsctl, type Result, type Subject, vsctl, vsctlProcess } from './subject.ts';

const schema = projectFile('schema/vswitch.ovsschema');

const withoutTime = ({ stdout, stderr, exit }: Result): Result => ({
  stdout,
  stderr: stderr.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/gm, '<time>'),
  exit,
});

const open = async (t: ExecutionContext, target: string): Promise<TestDatabase> => {
  const database = await TestDatabase.connect(target);
  t.teardown(() => database.close());
  return database;
};

/** The switch applies every configuration at once, and gives each interface this `ofport`. */
const applyAll = async (database: TestDatabase, ofport: number, error: string): Promise<void> => {
  const [root] = await database.transact([{ op: 'select', table: 'Open_vSwitch', where: [], columns: ['next_cfg'] }]);
  const rows = isArray(root?.rows) ? root.rows : [];
  await database.transact([
    { op: 'update', table: 'Interface', where: [], row: { ofport, error: error === '' ? ['set', []] : error } },
    ...rows.map((row) => ({ op: 'update', table: 'Open_vSwitch', where: [], row: { cur_cfg: Object(row).next_cfg } })),
  ]);
};

test('--timeout ends a run that waits for the switch as the alarm clock does', async (t) => {
  const { target } = await startServer(t, schema);
  const ours = withoutTime(await vsctlProcess([`--db=${target}`, '--timeout=1', 'add-br', 'br0']));
  t.deepEqual(ours, {
    stdout: '',
    stderr: '<time>|00002|fatal_signal|WARN|terminating with signal 14 (Alarm clock)\n',
    exit: 'SIGALRM',
  });
});

testRequiring(cPrograms())('--timeout ends the C program and ours alike', async (t) => {
  const { target } = await startServer(t, schema);
  const words = [`--db=${target}`, '-t', '1', 'wait-until', 'Bridge', 'br0'];
  const [ours, theirs] = await Promise.all([vsctlProcess(words), cVsctl(words)]);
  t.deepEqual(withoutTime(ours), withoutTime(theirs));
});

test('the exit status of the process is that of the run', async (t) => {
  const { target } = await startServer(t, schema);
  const db = `--db=${target}`;
  t.is((await vsctlProcess([db, '--no-wait', 'add-br', 'br0'])).exit, 0);
  t.is((await vsctlProcess([db, 'br-exists', 'br1'])).exit, 2);
  t.deepEqual(await vsctlProcess([db, 'foo']), {
    stdout: '',
    stderr: "ovs-vsctl: unknown command 'foo'; use --help for help\n",
    exit: 1,
  });
});

const waiting = async (t: ExecutionContext, subject: Subject, error: string, ofport: number): Promise<Result> => {
  const { target } = await startServer(t, schema);
  const database = await open(t, target);
  let running = true;
  const run = subject([`--db=${target}`, 'add-br', 'br0']).finally(() => {
    running = false;
  });
  while (running) {
    await applyAll(database, ofport, error);
    await delay(20);
  }
  return run;
};

test('a run waits until the switch has applied its changes', async (t) => {
  t.deepEqual(await waiting(t, vsctl, '', 1), { stdout: '', stderr: '', exit: 0 });
});

testRequiring(cPrograms())('what the switch could not set up is told, and the exit status is 65', async (t) => {
  for (const error of ['could not open network device br0 (No such device)', '']) {
    const ours = await waiting(t, vsctl, error, -1);
    const theirs = await waiting(t, cVsctl, error, -1);
    t.is(ours.stderr, theirs.stderr);
    t.is(ours.exit, 65);
  }
});

test('nothing to change is nothing to wait for', async (t) => {
  const { target } = await startServer(t, schema);
  await vsctl([`--db=${target}`, '--no-wait', 'add-br', 'br0', '--', 'set', 'Bridge', 'br0', 'fail_mode=secure']);
  const result = await vsctl([`--db=${target}`, 'set', 'Bridge', 'br0', 'fail_mode=secure']);
  t.deepEqual(result, { stdout: '', stderr: '', exit: 0 });
});

test('wait-until waits for a row to come and for a column to change', async (t) => {
  const { target } = await startServer(t, schema);
  const db = `--db=${target}`;
  const waits = vsctl([db, 'wait-until', 'Bridge', 'br0', 'fail_mode=secure', '--', 'get', 'Bridge', 'br0', 'name']);
  await vsctl([db, '--no-wait', 'add-br', 'br0']);
  await vsctl([db, '--no-wait', 'set', 'Bridge', 'br0', 'fail_mode=secure']);
  t.deepEqual(await waits, { stdout: 'br0\n', stderr: '', exit: 0 });
});

test('--retry connects once the server is there', async (t) => {
  const socket = `${temporaryFolder(t)}/socket`;
  const run = vsctlProcess([`--db=unix:${socket}`, '--retry', '--timeout=20', '--no-wait', 'init']);
  const child = spawn(process.execPath, [
    projectFile('dist/bin/ovsdb-server.cjs'),
    `${temporaryFolder(t)}/conf.db`,
    `--remote=punix:${socket}`,
  ]);
  t.teardown(async () => {
    child.kill();
    await once(child, 'exit');
  });
  t.deepEqual(await run, { stdout: '', stderr: '', exit: 0 });
});

testRequiring(cPrograms())('--commands and --options list what the C program lists, and what is newer', async (t) => {
  const newer = /zone-limit|--ssl-server-name|--ssl-ciphersuites/;
  const list = async (subject: Subject, what: string) =>
    (await subject([what])).stdout
      .replace('[--filter=] ,show,', ',show,')
      .split('\n')
      .filter((line) => !newer.test(line))
      .sort();
  for (const what of ['--commands', '--options']) t.deepEqual(await list(vsctl, what), await list(cVsctl, what), what);
});

testRequiring(cPrograms())('--version has the form of the C program', async (t) => {
  const [ours, theirs] = await Promise.all([vsctl(['--version']), cVsctl(['-V'])]);
  const normal = ({ stdout, ...rest }: Result) => ({ ...rest, stdout: stdout.replace(/\d+\.\d+\.\d+$/gm, 'x.y.z') });
  t.deepEqual(normal(ours), normal(theirs));
});

testRequiring(cPrograms())('writers that race lose nothing of each other', async (t) => {
  const { target } = await startCServer(t, schema);
  const db = `--db=${target}`;
  await vsctl([db, '--no-wait', 'add-br', 'br0']);
  const numbers = Array.from({ length: 40 }, (_, i) => i);
  const writers = numbers.flatMap((i) => [
    vsctl([db, '--no-wait', 'add-port', 'br0', `p${i}`, '--', 'add', 'Bridge', 'br0', 'flood_vlans', String(i)]),
    vsctl([db, '--no-wait', 'set', 'Bridge', 'br0', `external_ids:key${i}=${i}`]),
    // Exactly one of those that add a port of the same name succeeds.
    vsctl([db, '--no-wait', 'add-port', 'br0', 'same']),
  ]);
  if (numbers.length > 0) writers.push(cVsctl([db, '--no-wait', 'add-port', 'br0', 'from-c']));
  const results = await Promise.all(writers);
  const unexpected = results.filter(
    ({ exit, stderr }) => exit !== 0 && !stderr.includes('port named same already exists'),
  );
  t.deepEqual(unexpected, []);
  t.is(results.filter(({ exit }) => exit === 0).length, 82);
  const { stdout: ports } = await vsctl([db, 'list-ports', 'br0']);
  t.deepEqual(ports.trim().split('\n').sort(), [...numbers.map((i) => `p${i}`), 'from-c', 'same'].sort());
  const { stdout: ids } = await vsctl([db, 'br-get-external-id', 'br0']);
  t.is(ids.trim().split('\n').length, 40);
  const { stdout: vlans } = await vsctl([db, 'get', 'Bridge', 'br0', 'flood_vlans']);
  t.is(vlans, `[${numbers.join(', ')}]\n`);
});

testRequiring(cPrograms())('the log of the database says who did what, as the C program says it', async (t) => {
  const comments: string[] = [];
  for (const program of ['ovs-vsctl', `${process.execPath} ${projectProgram('ovs-vsctl')}`]) {
    const server = await startCServer(t, schema);
    const line = `${program} --db=${server.target} --no-wait add-br 'b r' -- set Bridge 'b r' 'external_ids:a="b c"'`;
    await once(spawn('sh', ['-c', `${line}; true`], { stdio: 'ignore' }), 'exit');
    const log = spawn('ovsdb-tool', ['show-log', server.database]);
    let text = '';
    log.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    await once(log, 'close');
    comments.push(text.replaceAll(server.target, 'SERVER').replace(/^.*?"ovs-vsctl/s, ''));
  }
  t.is(comments[1], comments[0]);
});

const olderSchema = '/usr/share/openvswitch/vswitch.ovsschema';

testRequiring(cPrograms(), existsSync(olderSchema) ? undefined : `needs ${olderSchema}`)(
  'a server of an older schema is read as if what it lacks had never been set',
  async (t) => {
    const { target } = await startCServer(t, olderSchema);
    const db = [`--db=${target}`, '--no-wait'];
    await cVsctl([
      ...db,
      'add-br',
      'br0',
      '--',
      'set',
      'Bridge',
      'br0',
      'mirrors=@m',
      '--',
      '--id=@m',
      'create',
      'Mirror',
      'name=m0',
    ]);
    const theirs = await cVsctl([...db, 'list', 'Mirror']);
    const ours = await vsctl([...db, 'list', 'Mirror']);
    t.is(ours.stdout.replace(/^filter +: .*\n/m, ''), theirs.stdout);
    t.regex(ours.stdout, /^filter +: \[\]$/m);
    t.regex(
      ours.stderr,
      /\|WARN\|Mirror table in Open_vSwitch database lacks filter column \(database needs upgrade\?\)\n$/,
    );
  },
);

/** What ovsdb-client's monitors and locks print as things happen, beside the C program. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { OutJson } from '../../schema/json.ts';
import { cCommand, ourCommand, runProgram, withoutLogTimes } from '../helpers/program-run.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { type ServerProcess, startCServer, startServer } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { Wire } from '../helpers/wire.ts';

const schema = projectFile('test/cases/schemas/types.ovsschema');

/** A program that runs on, and what it printed so far. */
class Running {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  #changed: () => void = () => {};

  constructor(t: ExecutionContext, [program = '', ...first]: readonly string[], args: readonly string[]) {
    this.child = spawn(program, [...first, ...args], { argv0: basename(program), stdio: ['ignore', 'pipe', 'pipe'] });
    t.teardown(() => this.child.kill('SIGKILL'));
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk;
      this.#changed();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
    this.child.once('close', () => this.#changed());
  }

  /** Waits until it has printed that. */
  async printed(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.stdout)) {
      if (this.child.exitCode !== null) throw new Error(`ended without printing ${pattern}: ${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async stop(): Promise<NodeJS.Signals | number | null> {
    const closed = once(this.child, 'close');
    this.child.kill('SIGTERM');
    const [code, signal] = await closed;
    return signal ?? code;
  }
}

const connect = async (t: ExecutionContext, server: ServerProcess): Promise<Wire> => {
  const wire = await Wire.connect(server.socket);
  t.teardown(() => wire.close());
  return wire;
};

const byName = [['name', '==', 'a']];
const changes: readonly OutJson[] = [
  { op: 'insert', table: 'sets', row: { name: 'a', i: ['set', [1, 2]] } },
  { op: 'mutate', table: 'sets', where: byName, mutations: [['i', 'insert', ['set', [3]]]] },
  { op: 'update', table: 'sets', where: byName, row: { s: ['set', ['x', 'y z']], i: ['set', []] } },
  { op: 'delete', table: 'sets', where: byName },
  { op: 'insert', table: 'sets', row: { name: 'last' } },
];

const monitors: readonly (readonly string[])[] = [
  ['monitor', 'sets', 'name,i,s'],
  ['-f', 'list', 'monitor', 'sets', 'name', 'i,!modify', 's,!delete'],
  ['-f', 'csv', '-d', 'bare', 'monitor', 'sets', 'name,i,s'],
  ['-f', 'html', 'monitor', 'sets', 'name,i'],
  ['-d', 'json', '--no-headings', 'monitor', 'sets', 'name', 'i,!initial'],
  ['monitor-cond', '[["name","!=","never"]]', 'sets', 'name,i,s'],
  ['-f', 'json', 'monitor-cond', '[true]', 'sets', 'name,i,s'],
];

const follow = async (t: ExecutionContext, server: ServerProcess, args: readonly string[]): Promise<void> => {
  const wire = await connect(t, server);
  await wire.result('transact', ['types', { op: 'insert', table: 'sets', row: { name: 'first' } }]);
  const line = args.toSpliced(args.findIndex((arg) => arg.startsWith('monitor')) + 1, 0, server.target);
  const running = [cCommand('ovsdb-client'), ourCommand('ovsdb-client')].map((each) => new Running(t, each, line));
  for (const each of running) await each.printed(/first/);
  for (const change of changes) await wire.result('transact', ['types', change]);
  for (const each of running) await each.printed(/last/);
  const [expected, actual] = [running[0], running[1]];
  if (expected === undefined || actual === undefined) throw new Error('two programs run');
  t.is(await actual.stop(), await expected.stop());
  t.is(actual.stdout, expected.stdout, args.join(' '));
  t.is(withoutLogTimes(actual.stderr), withoutLogTimes(expected.stderr));
  await wire.result('transact', ['types', { op: 'delete', table: 'sets', where: [] }]);
};

const cTest = testRequiring(cPrograms());
for (const [name, start] of [
  ['the C server', startCServer],
  ['our server', startServer],
] as const) {
  cTest(`monitors print the same as the C program's, from ${name}`, async (t) => {
    t.timeout(120_000);
    const server = await start(t, schema);
    for (const args of monitors) await follow(t, server, args);
  });
}

cTest('a lock goes from one client to the next, whichever program they are', async (t) => {
  for (const [first, second] of [
    [ourCommand('ovsdb-client'), cCommand('ovsdb-client')],
    [cCommand('ovsdb-client'), ourCommand('ovsdb-client')],
  ] as const) {
    const server = await startServer(t, schema);
    const holder = new Running(t, first, ['lock', server.target, 'l']);
    await holder.printed(/true/);
    const waiter = new Running(t, second, ['lock', server.target, 'l']);
    await waiter.printed(/false/);
    const thief = new Running(t, first, ['--pretty', 'steal', server.target, 'l']);
    await thief.printed(/true/);
    await holder.printed(/stolen\n\["l"\]\n/);
    await thief.stop();
    await holder.printed(/stolen\n\["l"\]\nlocked\n\["l"\]\n$/);
    await holder.stop();
    await waiter.printed(/locked\n\["l"\]\n/);
    t.is(holder.stdout, '{"locked":true}\nstolen\n["l"]\nlocked\n["l"]\n');
    t.is(waiter.stdout, '{"locked":false}\nlocked\n["l"]\n');
    t.is(thief.stdout, '{\n  "locked": true}\n');
    await waiter.stop();
  }
});

test('each update of a monitor can tell the time', async (t) => {
  const server = await startServer(t, schema);
  const wire = await connect(t, server);
  await wire.result('transact', ['types', { op: 'insert', table: 'sets', row: { name: 'first' } }]);
  const running = new Running(t, ourCommand('ovsdb-client'), ['--timestamp', 'monitor', server.target, 'sets', 'name']);
  await running.printed(/first/);
  await wire.result('transact', ['types', { op: 'insert', table: 'sets', row: { name: 'x' } }]);
  await running.printed(/insert/);
  const time = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3}';
  t.regex(running.stdout, new RegExp(`^${time}\nrow .*\n.*\n.* initial first\n\n${time}\nrow +action name\n`));
});

test('a monitor since a transaction prints what was missed', async (t) => {
  const server = await startServer(t, schema);
  const wire = await connect(t, server);
  await wire.result('transact', ['types', { op: 'insert', table: 'sets', row: { name: 'one' } }]);
  const args = ['monitor-cond-since', server.target, 'types', '[]', 'sets', 'name'];
  const first = new Running(t, ourCommand('ovsdb-client'), args);
  await first.printed(/one/);
  const [, last = ''] = /last_id: (\S+)/.exec(first.stdout) ?? [];
  await wire.result('transact', ['types', { op: 'insert', table: 'sets', row: { name: 'two' } }]);
  await first.printed(/\nlast_id: .*two/s);
  const second = new Running(t, ourCommand('ovsdb-client'), args.toSpliced(3, 0, last));
  await second.printed(/two/);
  t.regex(second.stdout, /^found: true, last_id: \S+\nrow .*\n.*\n\S+ insert two\n$/);
});

test('a monitor ends when its database goes, and when its server does', async (t) => {
  const server = await startServer(t, schema);
  const wire = await connect(t, server);
  await wire.result('transact', ['types', { op: 'insert', table: 'sets', row: { name: 'first' } }]);
  const running = new Running(t, ourCommand('ovsdb-client'), ['monitor', server.target, 'sets', 'name']);
  await running.printed(/first/);
  const closed = once(running.child, 'close');
  await server.stop();
  await closed;
  t.is(running.child.exitCode, 1);
  t.is(running.stderr, `ovsdb-client: ${server.target}: receive failed (End of file)\n`);
});

cTest('a monitor in the background goes on printing, and takes commands from ovs-appctl', async (t) => {
  const server = await startServer(t, schema);
  const folder = temporaryFolder(t);
  const [file, pidfile] = [join(folder, 'out'), join(folder, 'pid')];
  const output = openSync(file, 'w');
  const args = ['--detach', '--no-chdir', `--pidfile=${pidfile}`, 'monitor', server.target, 'sets', 'name'];
  const [program = '', ...script] = ourCommand('ovsdb-client');
  const env = { ...process.env, OVS_RUNDIR: folder };
  const child = spawn(program, [...script, ...args], { env, stdio: ['ignore', output, 'inherit'] });
  const [code] = await once(child, 'close');
  closeSync(output);
  t.is(code, 0);
  const pid = Number(readFileSync(pidfile, 'utf8'));
  t.teardown(() => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended, as it should.
    }
  });
  const control = async (...words: string[]) => {
    const { stdout } = await runProgram(cCommand('ovs-appctl'), [
      '-t',
      join(folder, `ovsdb-client.${pid}.ctl`),
      ...words,
    ]);
    return stdout;
  };
  const wire = await connect(t, server);
  const insert = (name: string) => wire.result('transact', ['types', { op: 'insert', table: 'sets', row: { name } }]);
  const shows = async (name: string) => {
    while (!readFileSync(file, 'utf8').includes(name)) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await insert('one');
  await shows('insert one');
  t.is(await control('ovsdb-client/unblock'), 'already unblocked\n');
  t.is(await control('ovsdb-client/block'), '');
  await insert('two');
  t.is(await control('ovsdb-client/block'), 'already blocking\n');
  t.notRegex(readFileSync(file, 'utf8'), /two/);
  t.is(await control('ovsdb-client/unblock'), '');
  await shows('insert two');
  t.is(await control('exit'), '');
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
});

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** A host in a network namespace of its own: a database server, the switch, and ovs-vsctl to drive them. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { Client } from '../../rpc/client.ts';
import { end, Namespace } from './namespace.ts';
import { until } from './until.ts';

const execute = promisify(execFile);
const program = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const schema = fileURLToPath(new URL('../../../schema/vswitch.ovsschema', import.meta.url));

const canConnect = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = dial(path);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.end());
  });

/** What a lab lasts for: a test, or some other run. */
export type Scope = Pick<ExecutionContext, 'teardown' | 'passed' | 'log'>;

export interface LabOptions {
  /** Whose database server: Debian's C program, or ours. */
  readonly server?: 'c' | 'ours';
  /** Whose switch. */
  readonly daemon?: 'c' | 'ours';
}

export class Lab {
  readonly host: Namespace;
  readonly directory: string;
  readonly #others: Namespace[] = [];
  readonly #kind: 'c' | 'ours';
  #server: ChildProcess;
  #switch: ChildProcess | undefined;
  #looks = 0;
  /** What the switch has logged. */
  log = '';

  private constructor(host: Namespace, directory: string, kind: 'c' | 'ours', server: ChildProcess) {
    this.host = host;
    this.directory = directory;
    this.#kind = kind;
    this.#server = server;
  }

  /** A host whose switch is running, on an empty database. It is taken down when the test is over, passed or failed. */
  static async start(t: Scope, { server = 'c', daemon = 'ours' }: LabOptions = {}): Promise<Lab> {
    const directory = mkdtempSync(join(tmpdir(), 'vsw-'));
    const host = await Namespace.create();
    const lab = new Lab(host, directory, server, await createDatabase(server, directory));
    t.teardown(() => lab.close());
    t.teardown(() => {
      if (!t.passed) t.log(lab.log);
    });
    await until('the server listens', () => canConnect(lab.socket));
    await lab.vsctl('--no-wait', 'init');
    lab.startSwitch(daemon);
    // With its default waiting this returns when the switch has looked.
    await lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:started=true');
    return lab;
  }

  get socket(): string {
    return join(this.directory, 'db.sock');
  }

  /** The switch's process; @throws when none runs */
  get switch(): ChildProcess {
    if (!this.#switch) throw new Error('no switch is running');
    return this.#switch;
  }

  startSwitch(daemon: 'c' | 'ours' = 'ours'): void {
    const remote = `unix:${this.socket}`;
    const command = daemon === 'ours' ? [process.execPath, program('bin/ovs-vswitchd.cjs')] : ['ovs-vswitchd'];
    const options = ['-vsyslog:off', ...(daemon === 'ours' ? ['-vconsole:dbg'] : [])];
    const child = this.host.spawn('env', `OVS_RUNDIR=${this.directory}`, ...command, ...options, remote);
    child.stderr?.on('data', (chunk: Buffer) => {
      this.log += chunk.toString();
    });
    this.#switch = child;
  }

  /** Ends the switch: SIGKILL as a crash would, SIGTERM in good order. Both C and our daemon then die of the signal. */
  async stopSwitch(signal: NodeJS.Signals): Promise<void> {
    await end(this.switch, signal);
    this.#switch = undefined;
  }

  /** The C ovs-vsctl, waiting for the switch unless told otherwise. @throws with its stderr when it fails */
  async vsctl(...args: readonly string[]): Promise<string> {
    const { stdout } = await execute('ovs-vsctl', ['--timeout=60', `--db=unix:${this.socket}`, ...args], {
      maxBuffer: 1 << 26,
    });
    return stdout.trimEnd();
  }

  /** Kills the database server, and starts it again on the same file after `meanwhile`. */
  async restartServer(meanwhile: () => Promise<void>): Promise<void> {
    await end(this.#server, 'SIGKILL');
    await meanwhile();
    this.#server = startServer(this.#kind, this.directory);
    await until('the server listens again', () => canConnect(this.socket));
  }

  /** A program that has a tap open until it is released. `flags` are IFF_* of linux/if_tun.h. */
  async holdTap(name: string, flags: number): Promise<{ release(): Promise<void> }> {
    const holder = this.host.spawn(process.execPath, program('test/fixtures/tap-holder.js'), name, String(flags));
    await once(holder.stdout ?? process.stdin, 'data');
    return {
      release: async () => {
        await end(holder, 'SIGKILL');
      },
    };
  }

  /** Many commands as one transaction. */
  async vsctlAll(commands: readonly string[]): Promise<string> {
    return this.vsctl(...commands.flatMap((command) => ['--', ...command.split(' ')]));
  }

  /** Adds internal ports in one transaction that no command line could hold, and waits for the switch. */
  async insertPorts(bridge: string, names: readonly string[]): Promise<void> {
    const inserts = names.flatMap((name, i) => [
      { op: 'insert', table: 'Interface', row: { name, type: 'internal' }, 'uuid-name': `i${i}` },
      { op: 'insert', table: 'Port', row: { name, interfaces: ['named-uuid', `i${i}`] }, 'uuid-name': `p${i}` },
    ]);
    const ports = ['set', names.map((_, i) => ['named-uuid', `p${i}`])];
    const operations = [
      ...inserts,
      { op: 'mutate', table: 'Bridge', where: [['name', '==', bridge]], mutations: [['ports', 'insert', ports]] },
    ];
    const client = await Client.connect(`unix:${this.socket}`);
    await client.transact('Open_vSwitch', operations);
    client.close();
    await this.vsctl('set', 'Open_vSwitch', '.', 'external_ids:inserted=true');
  }

  async get(table: string, record: string, column: string): Promise<string> {
    return this.vsctl('get', table, record, column);
  }

  /** Waits for a column to have a value, which the switch writes when the kernel has changed. */
  async await(table: string, record: string, column: string, value: string | RegExp): Promise<void> {
    let last = '';
    await until(`${table} ${record} ${column} is ${value} and not ${last}`, async () => {
      last = await this.get(table, record, column);
      return typeof value === 'string' ? last === value : value.test(last);
    }).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : error}; it is ${last}`);
    });
  }

  /** Another host, in a namespace that ends with the lab. */
  async neighbour(): Promise<Namespace> {
    const namespace = await Namespace.create();
    this.#others.push(namespace);
    return namespace;
  }

  /** Deletes a neighbour's namespace before the end of the test. */
  async drop(neighbour: Namespace): Promise<void> {
    this.#others.splice(this.#others.indexOf(neighbour), 1);
    await neighbour.close();
  }

  /** The steps that the switch has logged since `from`. */
  stepsSince(from: number): string[] {
    return this.log
      .slice(from)
      .split('\n')
      .filter((line) => /\|DBG\|(bridge|interface) /.test(line));
  }

  /** Makes the switch look again; @throws when that finds anything to do, as nothing has changed. */
  async assertSettled(): Promise<void> {
    const from = this.log.length;
    this.#looks++;
    // For what changes nothing ovs-vsctl does not wait.
    await this.vsctl('set', 'Open_vSwitch', '.', `external_ids:look=${this.#looks}`);
    const steps = this.stepsSince(from);
    if (steps.length > 0) throw new Error(`a second look found things to do:\n${steps.join('\n')}`);
  }

  async close(): Promise<void> {
    if (this.#switch) await end(this.#switch, 'SIGKILL');
    await end(this.#server, 'SIGTERM');
    for (const namespace of [...this.#others, this.host]) await namespace.close();
    rmSync(this.directory, { recursive: true });
  }
}

async function createDatabase(kind: 'c' | 'ours', directory: string): Promise<ChildProcess> {
  if (kind === 'c') await execute('ovsdb-tool', ['create', join(directory, 'conf.db'), schema]);
  return startServer(kind, directory);
}

function startServer(kind: 'c' | 'ours', directory: string): ChildProcess {
  const database = join(directory, 'conf.db');
  const remote = `--remote=punix:${join(directory, 'db.sock')}`;
  const env = { ...process.env, OVS_RUNDIR: directory, OVS_DBDIR: directory, OVS_LOGDIR: directory };
  return kind === 'ours'
    ? spawn(process.execPath, [program('bin/ovsdb-server.cjs'), database, remote], { env, stdio: 'ignore' })
    : spawn('ovsdb-server', [database, remote, '-vconsole:off', '-vsyslog:off', '--unixctl=none'], {
        env,
        stdio: 'ignore',
      });
}

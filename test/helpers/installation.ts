/** The programs as a person runs them, on a host of their own: end to end, nothing stubbed. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { end, Namespace } from './netns.ts';
import { projectFile, projectProgram } from './project.ts';
import { temporaryFolder } from './temporary.ts';

const execute = promisify(execFile);
const ours = {
  vswitch: projectProgram('vswitch'),
  vsctl: projectProgram('ovs-vsctl'),
  switch: projectProgram('ovs-vswitchd'),
  tapProgram: projectFile('dist/test/fixtures/tap-program.js'),
} as const;

/** Whose programs work together; the switch is always ours. */
export interface Peers {
  /** Our server and switch in one program, or the C server with our switch beside it. */
  readonly server: 'vswitch' | 'C ovsdb-server';
  readonly vsctl: 'ours' | 'C';
}

export class Installation {
  readonly host: Namespace;
  readonly directory: string;
  readonly #vsctl: readonly string[];
  #program: ChildProcess | undefined;

  private constructor(host: Namespace, directory: string, { vsctl }: Peers) {
    this.host = host;
    this.directory = directory;
    this.#vsctl = vsctl === 'ours' ? [process.execPath, ours.vsctl] : ['ovs-vsctl'];
  }

  /** A host on which all is running, with an empty database; taken down after the test. */
  static async start(t: ExecutionContext, peers: Peers = { server: 'vswitch', vsctl: 'ours' }): Promise<Installation> {
    const directory = temporaryFolder(t);
    const host = await Namespace.create();
    t.teardown(() => host.close());
    const installation = new Installation(host, directory, peers);
    if (peers.server === 'vswitch') await installation.startVswitch();
    else await installation.#startCServer(t);
    return installation;
  }

  get target(): string {
    return `unix:${join(this.directory, 'db.sock')}`;
  }

  /** The process of `vswitch`. @throws when there is none */
  get program(): ChildProcess {
    if (this.#program === undefined) throw new Error('vswitch is not running');
    return this.#program;
  }

  /** Starts `vswitch`; resolves when it says that it is running. */
  async startVswitch(): Promise<void> {
    const { directory } = this;
    const files = ['--rundir', directory, '--database', join(directory, 'conf.db')];
    const child = this.host.spawn(process.execPath, ours.vswitch, ...files);
    this.#program = child;
    await firstWords(child);
  }

  /** Its --run command says when it listens, and lives as long as our end of the pipe. */
  async #startCServer(t: ExecutionContext): Promise<void> {
    const database = join(this.directory, 'conf.db');
    execFileSync('ovsdb-tool', ['create', database, projectFile('schema/vswitch.ovsschema')]);
    const remote = `--remote=p${this.target}`;
    const args = ['--log-file=/dev/null', '--unixctl=none', remote, '--run=echo ready; cat', database];
    const server = spawn('ovsdb-server', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    t.teardown(async () => {
      server.stdin?.end();
      await end(server, 'SIGTERM');
    });
    await firstWords(server);
    this.host.spawn('env', `OVS_RUNDIR=${this.directory}`, process.execPath, ours.switch, this.target);
  }

  /** ovs-vsctl, waiting for the switch as it does by default. @throws with its stderr when it fails */
  async vsctl(...args: readonly string[]): Promise<string> {
    const [program = '', ...before] = this.#vsctl;
    const { stdout } = await execute(program, [...before, '--timeout=60', `--db=${this.target}`, ...args]);
    return stdout.trimEnd();
  }

  /** What the doctor says, and its exit status. */
  async doctor(): Promise<{ readonly text: string; readonly status: number | null }> {
    const child = this.host.spawn(process.execPath, ours.vswitch, 'doctor', `--db=${this.target}`);
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    const [status] = await once(child, 'close');
    return { text, status };
  }

  /** Another host, at the other end of a cable that is plugged into `device` of this one. */
  async neighbour(t: ExecutionContext, device: string, address: string): Promise<Namespace> {
    const neighbour = await Namespace.create();
    t.teardown(() => neighbour.close());
    await this.host.ip(`link add ${device} type veth peer name eth0 netns ${neighbour.name}`);
    await this.host.ip(`link set ${device} up`);
    await neighbour.ip('link set eth0 up');
    await neighbour.ip(`addr add ${address}/24 dev eth0`);
    return neighbour;
  }

  /** What a virtual machine does, in small: a program, as root, that opens a tap and answers pings to an address. */
  async openTap(device: string, address: string): Promise<ChildProcess> {
    const child = this.host.spawn(process.execPath, ours.tapProgram, device, address);
    await firstWords(child);
    return child;
  }
}

/** Whether nobody answers at an address, in as much time as an answer never takes. */
export const isSilent = (from: Namespace, address: string): Promise<boolean> =>
  from.run('ping', '-n', '-c', '2', '-i', '0.2', '-W', '1', address).then(
    () => false,
    () => true,
  );

/** What a program says first on stdout. @throws Error with its stderr when it ends without a word */
export const firstWords = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      errors += chunk;
    });
    child.stdout?.once('data', (chunk: Buffer) => resolve(String(chunk)));
    child.once('close', () => reject(new Error(`${child.spawnargs.join(' ')} ended: ${errors}`)));
  });

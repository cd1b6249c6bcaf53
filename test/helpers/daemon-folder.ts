import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { projectProgram } from './project.ts';
import { findProgram } from './requires.ts';
import { temporaryFolder } from './temporary.ts';
import { until } from './until.ts';

/** Whose programs: Open vSwitch's in C, or this project's. */
export type Kind = 'c' | 'ours';

/** How a program ended, and what it wrote. */
export interface Ran {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command that runs one of the programs. */
export const programCommand = (kind: Kind, program: string): readonly [string, ...string[]] =>
  kind === 'c' ? [findProgram(program) ?? program] : [process.execPath, projectProgram(program)];

/** A folder for the sockets, pid files, logs and databases of daemons, which end with the test. */
export class DaemonFolder {
  readonly path: string;
  /** What programs find in their environment besides this folder. */
  readonly environment: NodeJS.ProcessEnv = {};
  readonly #children = new Set<ChildProcess>();

  constructor(t: Pick<ExecutionContext, 'teardown'>) {
    this.path = temporaryFolder(t);
    t.teardown(() => this.#end());
  }

  file(name: string): string {
    return join(this.path, name);
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8');
  }

  has(name: string): boolean {
    return existsSync(this.file(name));
  }

  /** The names of its files, but for those that SQLite keeps beside a database, and locks. */
  files(): string[] {
    return readdirSync(this.path)
      .filter((name) => !/-(shm|wal)$|^\./.test(name))
      .sort();
  }

  get env(): NodeJS.ProcessEnv {
    const { path } = this;
    const { OVS_CTL_TIMEOUT: _, OVS_SYSLOG_METHOD: __, ...env } = process.env;
    return {
      ...env,
      OVS_RUNDIR: path,
      OVS_LOGDIR: path,
      OVS_DBDIR: path,
      OVS_SYSLOG_METHOD: 'null',
      ...this.environment,
    };
  }

  /** Runs a program to its end; for a daemon with --detach, until it is in the background. */
  run(kind: Kind, program: string, ...args: readonly string[]): Promise<Ran> {
    return this.start(kind, program, ...args).ended;
  }

  /** Starts a program in this folder. */
  start(kind: Kind, program: string, ...args: readonly string[]): { child: ChildProcess; ended: Promise<Ran> } {
    const [command, ...first] = programCommand(kind, program);
    const child = spawn(command, [...first, ...args], {
      cwd: this.path,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (chunk: Buffer) => {
        output[name] += chunk;
      });
    }
    const ended = new Promise<Ran>((resolve, reject) => {
      child.once('error', reject);
      // 'close' comes when nobody holds the pipes any more: a daemon in the background must not.
      child.once('close', (code, signal) => resolve({ code, signal, ...output }));
    });
    return { child, ended };
  }

  /** Gives a daemon a command. */
  appctl(kind: Kind, ...args: readonly string[]): Promise<Ran> {
    return this.run(kind, 'ovs-appctl', ...args);
  }

  /** The process id in a pid file. */
  pid(name = 'ovsdb-server.pid'): number {
    return Number(this.read(name));
  }

  /** The process id in the pid file, if it is there now. */
  currentPid(): number | undefined {
    try {
      return this.pid();
    } catch {
      return undefined;
    }
  }

  /** Ends processes that a failed test left: children, and daemons in this folder, by their pid files or log. */
  async #end(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const pid of this.#daemons()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {}
      await until('the daemon has ended', () => !isAlive(pid));
    }
  }

  /** The processes whose control sockets, which bear their ids, are in this folder. Monitors come first. */
  #daemons(): number[] {
    const pids = this.files().flatMap((name) => {
      const pid = /\.(\d+)\.ctl$/.exec(name)?.[1] ?? (name.endsWith('.pid') ? this.read(name).trim() : undefined);
      return pid === undefined || !isAlive(Number(pid)) ? [] : [Number(pid)];
    });
    return pids.flatMap((pid) => [...this.#monitorOf(pid), pid]);
  }

  #monitorOf(pid: number): number[] {
    const parent = parentOf(pid);
    return parent !== undefined && comm(parent) === 'monitor' ? [parent] : [];
  }
}

/** Whether the process is there, and not merely waiting for its parent to ask how it ended. */
export const isAlive = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

export const comm = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim();

export const parentOf = (pid: number): number | undefined => {
  const fields = /^\d+ \(.*\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return fields?.[1] === undefined ? undefined : Number(fields[1]);
};

/** What a descriptor of the process is open on. */
export const descriptor = (pid: number, fd: number): string => basename(readlinkSync(`/proc/${pid}/fd/${fd}`));

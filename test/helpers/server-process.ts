import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import { readSchema } from '../../server/server-database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import { projectFile } from './project.ts';
import { findProgram } from './requires.ts';
import { temporaryFolder } from './temporary.ts';

/** A running ovsdb-server, the C program's or ours, on a unix socket. */
export class ServerProcess {
  readonly socket: string;
  readonly database: string;
  readonly child: ChildProcess;
  #stderr = '';

  constructor(child: ChildProcess, socket: string, database: string) {
    this.child = child;
    this.socket = socket;
    this.database = database;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk;
    });
  }

  get target(): string {
    return `unix:${this.socket}`;
  }

  /** What it logged so far. */
  get log(): string {
    return this.#stderr;
  }

  /** Stops it, and waits until it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    child.stdin?.end();
    await exited;
  }
}

const cProgram = (name: string): string => {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
};

type Test = Pick<ExecutionContext, 'teardown'>;

/** Starts the C ovsdb-server on a new database of that schema; resolves when it listens. */
export const startCServer = async (t: Test, schema: string): Promise<ServerProcess> => {
  const folder = temporaryFolder(t);
  const database = join(folder, 'database');
  execFileSync(cProgram('ovsdb-tool'), ['create', database, schema]);
  return runCServer(t, database);
};

/**
 * Starts the C ovsdb-server on a database that exists. Its --run command says when it listens, and lives as long as
 * our end of the pipe: a test that dies takes the server with it.
 */
export const runCServer = async (t: Test, database: string, ...options: readonly string[]): Promise<ServerProcess> => {
  const socket = join(temporaryFolder(t), 'socket');
  const child = spawn(
    cProgram('ovsdb-server'),
    [
      '--log-file=/dev/null',
      '--unixctl=none',
      `--remote=punix:${socket}`,
      ...options,
      '--run=echo ready; cat',
      database,
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  return ready(t, child, child.stdout, new ServerProcess(child, socket, database));
};

/** Starts our ovsdb-server on a new database of that schema; resolves when it listens. */
export const startServer = (t: Test, schema: string, ...options: readonly string[]): Promise<ServerProcess> => {
  const database = join(temporaryFolder(t), 'conf.db');
  SqliteStorage.create(database, readSchema(schema));
  return runServer(t, database, ...options);
};

/** Starts our ovsdb-server on a database file; one that does not exist is made, for a virtual switch. */
export const runServer = async (t: Test, database: string, ...options: readonly string[]): Promise<ServerProcess> => {
  const socket = join(temporaryFolder(t), 'socket');
  const program = projectFile('dist/bin/ovsdb-server.cjs');
  const remote = `--remote=punix:${socket}`;
  const child = spawn(process.execPath, [program, database, remote, '--unixctl=none', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return ready(t, child, child.stderr, new ServerProcess(child, socket, database));
};

/** Waits for the words that say it listens: the C server's command's, or what ours logs. */
const ready = async (
  t: Test,
  child: ChildProcess,
  output: Readable | null,
  server: ServerProcess,
): Promise<ServerProcess> => {
  t.teardown(() => server.stop());
  await new Promise<void>((resolve, reject) => {
    output?.on('data', (chunk: Buffer) => {
      if (/^ready$|\|INFO\|ovsdb-server \(/m.test(chunk.toString())) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the server exited with ${code}: ${server.log}`)));
  });
  return server;
};

import { closeSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { native } from '../native/index.ts';
import type { DaemonOptions, LogOptions } from './daemon-options.ts';
import { becomeUser } from './daemon-user.ts';
import { directories, makeFolder } from './directories.ts';
import { logFor } from './log.ts';
import { applyLogLevels, LogPlaceError, openLog } from './log-start.ts';
import { PidFile } from './pidfile.ts';
import {
  exitStatus,
  type Role,
  readyDescriptor,
  roleVariable,
  signalName,
  startWorker,
  stateDescriptor,
} from './process.ts';
import { superviseWorker } from './process-monitor.ts';
import { leaveTerminal } from './terminal.ts';

const log = logFor('daemon_unix');
const signalLog = logFor('fatal_signal');

/** What a daemon is, to those who start it. */
export interface Program {
  readonly name: string;
  readonly process: DaemonOptions;
  readonly log: LogOptions;
  /** What it may still do as another user (--user), as bits of daemon-user.ts; nothing by default. */
  readonly capabilities?: number;
  /** Serves until `daemon` stops; calls `daemon.ready()` once it does. */
  readonly serve: (daemon: Daemon) => Promise<void>;
}

/**
 * Runs a daemon as its options say, and resolves to the exit code of this process.
 *
 * Node cannot fork, so `--detach` and `--monitor` start this program again with the same arguments: the process that was
 * started waits until the last one is ready; between them there may be one that starts the last again when it crashed.
 * Each knows its role by an environment variable. Only the last does the daemon's work.
 */
export const runDaemon = async (program: Program): Promise<number> => {
  const role = takeRole();
  applyLogLevels(program.log);
  const { user: spec } = program.process;
  if (role === undefined && spec !== undefined) {
    becomeUser({ spec, logFile: program.log.logFile, kept: program.capabilities ?? 0 });
  }
  const { detach, monitor } = program.process;
  if (role === undefined && detach) return launch(monitor ? 'monitor' : 'worker');
  if (role !== 'worker' && monitor) return superviseWorker(program, role === 'monitor');
  return work(program, role === 'worker');
};

const takeRole = (): Role | undefined => {
  const role = process.env[roleVariable];
  delete process.env[roleVariable];
  return role === 'monitor' || role === 'worker' ? role : undefined;
};

/** Starts the process that goes on in the background, and stays until it serves. */
const launch = async (role: Role): Promise<number> => {
  const worker = startWorker({ role, detached: true });
  if (await worker.ready) {
    worker.release();
    return 0;
  }
  const end = await worker.ended;
  if (end.signal === null) return end.code ?? 1;
  log.warn(`fork child died before signaling startup (${exitStatus(end)})`);
  return 1;
};

const work = async (program: Program, launched: boolean): Promise<number> => {
  const { name, process: options } = program;
  takeName(name);
  try {
    openLog(name, program.log);
  } catch (error) {
    if (!(error instanceof LogPlaceError)) throw error;
    if (error.message !== '') process.stderr.write(`${name}: ${error.message}\n`);
    return 1;
  }
  const { detach, pidfile, overwritePidfile, unixctl } = options;
  if (detach || pidfile !== undefined || unixctl !== 'none') makeRunDirectory();
  const daemon = new Daemon({
    options,
    launched,
    pidfile: pidfile === undefined ? undefined : PidFile.create(pidfile, overwritePidfile === true),
  });
  try {
    await program.serve(daemon);
    return 0;
  } finally {
    await daemon.end();
  }
};

/** After a start of the machine it is not there. Who may not make it hears so from what should be in it. */
const makeRunDirectory = (): void => {
  try {
    makeFolder(directories().run);
  } catch {}
};

/** What `ps` shows, and `/proc/PID/comm`, by which scripts know a daemon. */
const takeName = (name: string): void => {
  process.title = [name, ...process.argv.slice(2)].join(' ');
  native().setName(name);
};

interface DaemonState {
  readonly options: DaemonOptions;
  /** By another process of this program, which waits until this one is ready. */
  readonly launched: boolean;
  readonly pidfile: PidFile | undefined;
}

/** How long what a daemon does at its end may take, in milliseconds. */
const endTimeout = 3000;
const fatalSignals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGALRM'] as const;

/** The process that does a daemon's work. */
export class Daemon {
  readonly #state: DaemonState;
  readonly #atEnd: (() => void | Promise<void>)[] = [];
  readonly #stopped: Promise<void>;
  #stop: () => void = () => {};
  #ended: Promise<void> | undefined;

  constructor(state: DaemonState) {
    this.#state = state;
    this.#stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
    for (const signal of fatalSignals) process.once(signal, () => this.#die(signal));
    process.once('uncaughtException', (error) => this.#crash(error));
  }

  /** Resolves when the daemon has been told to stop. */
  get stopped(): Promise<void> {
    return this.#stopped;
  }

  /** Ends the daemon in good order. */
  stop(): void {
    this.#stop();
  }

  /** Does something before the process ends, however it ends short of a crash. What came last is done first. */
  atEnd(action: () => void | Promise<void>): void {
    this.#atEnd.push(action);
  }

  /** To be called when the daemon serves: who started it is told, and a detached daemon leaves its terminal. */
  ready(): void {
    const { options, launched } = this.#state;
    if (launched) {
      writeSync(readyDescriptor, '\n');
      closeSync(readyDescriptor);
    }
    if (options.detach !== true) return;
    leaveTerminal();
    if (options.chdir) process.chdir('/');
  }

  /** What a worker that crashed has left for this one; undefined when there was none. */
  get inheritance(): string | undefined {
    if (!this.#state.launched) return undefined;
    const buffer = Buffer.alloc(fstatSync(stateDescriptor).size);
    readSync(stateDescriptor, buffer, 0, buffer.length, 0);
    return buffer.length === 0 ? undefined : buffer.toString();
  }

  /** Leaves `text` for the worker that comes after a crash of this one. */
  bequeath(text: string): void {
    if (!this.#state.launched || !fstatSync(stateDescriptor).isFile()) return;
    ftruncateSync(stateDescriptor);
    writeSync(stateDescriptor, text, 0);
  }

  /** Does what is to be done at the end, once. */
  end(): Promise<void> {
    this.#ended ??= this.#finish();
    return this.#ended;
  }

  async #finish(): Promise<void> {
    const actions = async (): Promise<void> => {
      for (const action of this.#atEnd.toReversed()) await action();
    };
    try {
      await within(actions(), endTimeout);
    } finally {
      this.#state.pidfile?.remove();
    }
  }

  /** As the C programs: cleans up, and then dies of the signal, which tells the parent what happened. */
  async #die(signal: NodeJS.Signals): Promise<void> {
    signalLog.warn(`terminating with signal ${constants.signals[signal]} (${signalName(signal)})`);
    try {
      await this.end();
    } finally {
      process.kill(process.pid, signal);
    }
  }

  /** A fault of ours. Dies so that a monitor process starts the daemon again. */
  #crash(error: Error): void {
    log.emer(`internal error: ${error.stack ?? error.message}`);
    process.kill(process.pid, 'SIGABRT');
  }
}

const within = (work: Promise<void>, milliseconds: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer));
};

import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { native } from '../native/index.ts';
import type { Program } from './daemon.ts';
import { logFor } from './log.ts';
import { closeLogFile, isLogFileOpen, setLogSource } from './log-destination.ts';
import { openLog } from './log-start.ts';
import { exitStatus, type ProcessEnd, readyDescriptor, type StartedProcess, startWorker } from './process.ts';
import { leaveTerminal } from './terminal.ts';

const log = logFor('daemon_unix');

/** Signals that a program dies of by its own fault. */
const crashes: ReadonlySet<NodeJS.Signals> = new Set<NodeJS.Signals>([
  ...(['SIGABRT', 'SIGALRM', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGPIPE'] as const),
  ...(['SIGSEGV', 'SIGXCPU', 'SIGXFSZ'] as const),
]);

/** The least time from one start of the worker to the next, in milliseconds. */
const restartInterval = 10_000;

/**
 * Starts the process that does the daemon's work, and again each time it has crashed. Resolves to an exit code once it
 * ended otherwise.
 * @param launched whether another process waits for readiness
 */
export const superviseWorker = async (program: Program, launched: boolean): Promise<number> => {
  const state = openState();
  let worker = startWorker({ role: 'worker', detached: false, state });
  if (!(await worker.ready)) return startFailure(await worker.ended);
  if (launched) tellReady();
  if (program.process.detach) leaveTerminal();
  if (program.process.chdir && program.process.detach) process.chdir('/');
  let status = 'healthy';
  let lastStart = Number.NEGATIVE_INFINITY;
  for (let count = 1; ; count++) {
    takeName(program.name, worker, status);
    const end = await worker.ended;
    reopenLog(program);
    if (end.signal === null || !crashes.has(end.signal)) {
      log.info(`pid ${worker.pid} died, ${exitStatus(end)}, exiting`);
      return 0;
    }
    status = `${count} crashes: pid ${worker.pid} died, ${exitStatus(end)}`;
    const wait = lastStart + restartInterval - performance.now();
    if (wait > 0) {
      log.warn(`${status}, waiting until 10 seconds since last restart`);
      await delay(wait);
    }
    lastStart = performance.now();
    log.err(`${status}, restarting`);
    closeLogFile();
    worker = startWorker({ role: 'worker', detached: false, state });
    if (!(await worker.ready)) return startFailure(await worker.ended);
  }
};

const tellReady = (): void => {
  writeSync(readyDescriptor, '\n');
  closeSync(readyDescriptor);
};

const startFailure = (end: ProcessEnd): number => {
  if (end.signal === null) return end.code ?? 1;
  log.warn(`fork child died before signaling startup (${exitStatus(end)})`);
  return 1;
};

/** A file without a name: gone when the last process that has it open is. */
const openState = (): number => {
  const folder = mkdtempSync(join(tmpdir(), 'vswitch-'));
  try {
    return openSync(join(folder, 'state'), 'w+', 0o600);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const takeName = (name: string, { pid }: StartedProcess, status: string): void => {
  process.title = `${name}: monitoring pid ${pid} (${status})`;
  native().setName('monitor');
};

/** The log file is the worker's; this process opens it only for what it has to say itself. */
const reopenLog = (program: Program): void => {
  if (isLogFileOpen()) return;
  try {
    openLog(program.name, program.log);
  } catch {
    // Told in the log's other destinations; the worker matters more.
  }
  setLogSource({ program: program.name, subprogram: 'monitor' });
};

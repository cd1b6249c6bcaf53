import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** What a process of a daemon's program is there for. */
export type Role = 'monitor' | 'worker';

/** Tells a process that this program started which role it has. */
export const roleVariable = 'VSWITCH_PROCESS_ROLE';
/** Where the started process tells that it serves: anything written means yes. */
export const readyDescriptor = 3;
/** A file that outlives a worker, for its successor; only under a monitor. */
export const stateDescriptor = 4;

/** How a process ended: one of the two is null. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartedProcess {
  readonly pid: number;
  /** Whether it came to serve; false once it ended before. */
  readonly ready: Promise<boolean>;
  readonly ended: Promise<ProcessEnd>;
  /** Lets this process end before that one. */
  release(): void;
}

interface StartOptions {
  readonly role: Role;
  /** In a session of its own, without a terminal. */
  readonly detached: boolean;
  /** A descriptor that becomes the process's stateDescriptor. */
  readonly state?: number;
}

/** Starts this program again, with the same arguments. */
export const startWorker = ({ role, detached, state }: StartOptions): StartedProcess => {
  const [script = ''] = process.argv.slice(1);
  const child = spawn(process.execPath, [...process.execArgv, script, ...process.argv.slice(2)], {
    detached,
    env: { ...process.env, [roleVariable]: role },
    stdio: ['inherit', 'inherit', 'inherit', 'pipe', state ?? 'ignore'],
  });
  const ended = new Promise<ProcessEnd>((resolve, reject) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', reject);
  });
  return {
    pid: child.pid ?? 0,
    ready: readiness(child),
    ended,
    release: () => {
      child.unref();
      readyPipe(child)?.destroy();
    },
  };
};

const readyPipe = (child: ChildProcess): Readable | undefined => {
  const stream = child.stdio[readyDescriptor];
  return stream !== null && stream !== undefined && 'read' in stream ? stream : undefined;
};

const readiness = (child: ChildProcess): Promise<boolean> => {
  const pipe = readyPipe(child);
  if (pipe === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    pipe.once('data', () => resolve(true));
    pipe.once('close', () => resolve(false));
    pipe.once('error', () => resolve(false));
  });
};

/** The words of strsignal(3) for signals that end a program. */
const signalWords: ReadonlyMap<NodeJS.Signals, string> = new Map([
  ['SIGABRT', 'Aborted'],
  ['SIGALRM', 'Alarm clock'],
  ['SIGBUS', 'Bus error'],
  ['SIGFPE', 'Floating point exception'],
  ['SIGHUP', 'Hangup'],
  ['SIGILL', 'Illegal instruction'],
  ['SIGINT', 'Interrupt'],
  ['SIGKILL', 'Killed'],
  ['SIGPIPE', 'Broken pipe'],
  ['SIGQUIT', 'Quit'],
  ['SIGSEGV', 'Segmentation fault'],
  ['SIGTERM', 'Terminated'],
  ['SIGTRAP', 'Trace/breakpoint trap'],
  ['SIGXCPU', 'CPU time limit exceeded'],
  ['SIGXFSZ', 'File size limit exceeded'],
]);

export const signalName = (signal: NodeJS.Signals): string => signalWords.get(signal) ?? signal;

/** How a process ended, in the words of the C programs. */
export const exitStatus = ({ code, signal }: ProcessEnd): string =>
  signal === null ? `exit status ${code}` : `killed (${signalName(signal)})`;

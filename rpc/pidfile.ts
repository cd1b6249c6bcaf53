import { closeSync, fstatSync, ftruncateSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { native } from '../native/index.ts';
import { systemMessage } from './system-error.ts';

/** A pid file that cannot be made, or that says the program runs already. */
export class PidFileError extends Error {}

/** Open vSwitch's programs believe a pid file only while the process it names holds a lock on it. */
export class PidFile {
  readonly #path: string;
  /** The lock goes with *any* descriptor of the file, so nothing here may open it again. */
  readonly #fd: number;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  /**
   * Writes this process's id to the file and holds it locked. It gets its name when it is whole.
   * @param overwrite also when another process holds it
   * @throws PidFileError
   */
  static create(path: string, overwrite: boolean): PidFile {
    const unfinished = overwrite ? `${path}.tmp${process.pid}` : `${path}.tmp`;
    const fd = open(unfinished, overwrite);
    try {
      if (!native().lockFile(fd)) {
        throw new PidFileError(`${unfinished}: fcntl(F_SETLK) failed (Resource temporarily unavailable)`);
      }
      if (!overwrite) refuseIfRunning(path, unfinished);
      ftruncateSync(fd, 0);
      writeSync(fd, `${process.pid}\n`);
      renameSync(unfinished, path);
      return new PidFile(path, fd);
    } catch (error) {
      closeSync(fd);
      throw error instanceof PidFileError ? error : new PidFileError(`${path}: ${systemMessage(error)}`);
    }
  }

  /** At the end of the process. A file that another process has put there since is left alone. */
  remove(): void {
    const there = statSync(this.#path, { throwIfNoEntry: false });
    if (there?.ino === fstatSync(this.#fd).ino) rmSync(this.#path, { force: true });
    closeSync(this.#fd);
  }
}

const open = (path: string, truncate: boolean): number => {
  try {
    return openSync(path, truncate ? 'w' : 'a+', 0o666);
  } catch (error) {
    throw new PidFileError(`${path}: create failed (${systemMessage(error)})`);
  }
};

const refuseIfRunning = (path: string, unfinished: string): void => {
  const running = runningProcess(path);
  if (running === undefined) return;
  rmSync(unfinished, { force: true });
  throw new PidFileError(`${path}: already running as pid ${running}, aborting`);
};

/** The process that holds the pid file; undefined when there is no file, or nobody holds it. */
const runningProcess = (path: string): number | undefined => {
  try {
    return readPidFile(path);
  } catch (error) {
    if (error instanceof PidFileError) return undefined;
    throw error;
  }
};

/**
 * The id of the process that a pid file names.
 * @throws PidFileError when there is none, with the C library's words: the file is missing, or nobody holds it
 */
export const readPidFile = (path: string): number => {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new PidFileError(systemMessage(error), { cause: error });
  }
  try {
    // A process does not see its own lock, and would lose it by closing the descriptor below.
    const holder = native().lockHolder(fd);
    if (holder === null) throw new PidFileError('No such process');
    return holder;
  } finally {
    closeSync(fd);
  }
};

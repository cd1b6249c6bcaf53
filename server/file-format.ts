import { closeSync, openSync, readSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { native } from '../native/index.ts';

/** The file cannot be used as a database; the message says why and what to do. */
export class StorageError extends Error {}

/** Another process has the database file. */
export class LockedError extends StorageError {
  /** The lock's file. */
  readonly lock: string;
  /** Its process id; null when it let go meanwhile. */
  readonly holder: number | null;
  constructor(path: string, lock: string, holder: number | null) {
    super(`${path}: cannot lock file because it is already locked by pid ${holder}`);
    this.lock = lock;
    this.holder = holder;
  }
}

/** What a file is, told by its first bytes. */
export type FileFormat = 'sqlite' | 'log' | 'cluster log' | 'unknown';

const magics: readonly { readonly magic: string; readonly format: FileFormat }[] = [
  { magic: 'SQLite format 3\0', format: 'sqlite' },
  { magic: 'OVSDB JSON ', format: 'log' },
  { magic: 'OVSDB CLUSTER ', format: 'cluster log' },
];

/** @throws the system's error when the file cannot be read */
export const fileFormat = (path: string): FileFormat => {
  const head = Buffer.alloc(16);
  const fd = openSync(path, 'r');
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  const text = head.toString('latin1');
  return magics.find(({ magic }) => text.startsWith(magic))?.format ?? 'unknown';
};

/**
 * Takes the lock of a database file, until the descriptor that is returned is closed. The lock file's name is the C
 * server's, so that neither serves what the other does.
 * @throws LockedError when another process has it
 */
export const lockDatabase = (path: string): number => {
  const real = realpathSync(path);
  const lock = join(dirname(real), `.${basename(real)}.~lock~`);
  const fd = openSync(lock, 'a+', 0o600);
  if (native().lockFile(fd)) return fd;
  const holder = native().lockHolder(fd);
  closeSync(fd);
  throw new LockedError(path, lock, holder);
};

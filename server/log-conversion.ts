import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { logFor } from '../rpc/log.ts';
import { OvsdbError } from '../schema/error.ts';
import type { DatabaseSchema } from '../schema/schema.ts';
import { fileFormat, lockDatabase, StorageError } from './file-format.ts';
import { readLogDatabase } from './log-database.ts';
import { LogFile } from './log-file.ts';
import { SqliteStorage } from './storage.ts';

const log = logFor('ovsdb_server');

/**
 * Turns a database in the log format of Open vSwitch's own server into one of ours, and keeps the original beside it,
 * as "NAME.ovsdb-log". Does nothing to a file of another format. Whatever happens meanwhile, the file is either the
 * original or the whole database.
 * @param check throws when a database of that schema is not wanted
 * @throws StorageError, and what `check` throws; the file is as it was then
 */
export const convertLogFile = (
  path: string,
  newUuid: () => string,
  check: (schema: DatabaseSchema) => void = () => {},
): void => {
  // To read from a pipe would wait for its writer, and nothing could end the server meanwhile.
  if (!statSync(path).isFile()) throw new StorageError(`${path}: is not a regular file`);
  if (fileFormat(path) !== 'log') return;
  const real = realpathSync(path);
  const lock = lockDatabase(path);
  try {
    convert(path, real, newUuid, check);
  } catch (error) {
    if (error instanceof OvsdbError) throw new StorageError(`${path}: ${error.message}`, { cause: error });
    throw error;
  } finally {
    closeSync(lock);
  }
};

const convert = (path: string, real: string, newUuid: () => string, check: (schema: DatabaseSchema) => void): void => {
  const journal = `${real}-wal`;
  if (existsSync(journal) && statSync(journal).size > 0) {
    throw new StorageError(
      `${path}: is in Open vSwitch's log format, but ${journal} beside it belongs to a database of ours that stood here before: move that file away first`,
    );
  }
  const { schema, tables, fault } = readLogDatabase(LogFile.read(path), newUuid);
  check(schema);
  const unfinished = `${real}.converting`;
  rmSync(unfinished, { force: true });
  SqliteStorage.create(unfinished, schema, tables);
  takeOwner(real, unfinished);
  const kept = keep(real);
  renameSync(unfinished, real);
  syncFolder(real);
  if (fault !== undefined) {
    log.err(fault.error.message);
    log.err(`${path}: the last ${fault.unread} bytes could not be used; they are kept in ${kept}`);
  }
  log.info(`${path}: converted from Open vSwitch's log format to SQLite; the original is kept in ${kept}`);
};

const takeOwner = (from: string, to: string): void => {
  const { mode, uid, gid } = statSync(from);
  chmodSync(to, mode & 0o777);
  if (uid !== process.geteuid?.() || gid !== process.getegid?.()) {
    try {
      chownSync(to, uid, gid);
    } catch (error) {
      log.warn(`${to}: cannot be given to user ${uid} and group ${gid}, who own the original: ${error}`);
    }
  }
};

/** Gives the original a second name, which nothing had before; returns it. */
const keep = (real: string): string => {
  for (let n = 0; ; n++) {
    const kept = `${real}.ovsdb-log${n === 0 ? '' : `.${n}`}`;
    // The same file already: an earlier conversion was stopped before its end.
    if (existsSync(kept) && statSync(kept).ino === statSync(real).ino) return kept;
    if (tryLink(real, kept)) return kept;
  }
};

const hasCode = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

/** False when the name is taken. A file system without links gets a copy. */
const tryLink = (from: string, to: string): boolean => {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    if (!hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK')) throw error;
  }
  return tryCopy(from, to);
};

const tryCopy = (from: string, to: string): boolean => {
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL);
    syncFile(to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
};

const syncFile = (path: string): void => {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

/** Until then a crash of the machine may take the names of files back. */
const syncFolder = (path: string): void => syncFile(dirname(path));

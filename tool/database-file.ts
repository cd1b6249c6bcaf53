import { randomUUID } from 'node:crypto';
import { appendFileSync, closeSync, fsyncSync, openSync } from 'node:fs';
import { logFor } from '../rpc/log.ts';
import { errorCode, systemMessage } from '../rpc/system-error.ts';
import type { DatabaseSchema } from '../schema/schema.ts';
import { fileFormat, LockedError, lockDatabase } from '../server/file-format.ts';
import { emptyTables, type LogDatabase, readLogDatabase, readLogSchema } from '../server/log-database.ts';
import { LogFile, logRecord } from '../server/log-file.ts';
import { changesRecord, RefusedRecord } from '../server/log-record.ts';
import type { Tables } from '../server/references.ts';
import { SqliteStorage } from '../server/storage.ts';
import type { RowChange } from '../server/transaction.ts';
import { Failure } from './failure.ts';

const lockLog = logFor('lockfile');
const fileLog = logFor('ovsdb_tool');

/** What a database file holds. */
export interface Content {
  readonly schema: DatabaseSchema;
  readonly tables: Tables;
}

/**
 * @param asFolder what a folder fails at: it can be opened, but not for writing
 * @throws Failure in Open vSwitch's words, when the file is missing or may not be read
 */
export const isSqlite = (path: string, asFolder = 'read error'): boolean => {
  try {
    return fileFormat(path) === 'sqlite';
  } catch (error) {
    const failed = errorCode(error) === 'EISDIR' ? asFolder : 'open failed';
    throw new Failure(`I/O error: ${path}: ${failed} (${systemMessage(error)})`);
  }
};

/**
 * Opens a file in the log format.
 * @throws OvsdbError; Failure
 */
export const openLog = (path: string): LogFile => {
  if (isSqlite(path)) throw new Failure(`${path}: is not in Open vSwitch's log format`);
  return LogFile.read(path);
};

const withStorage = <Result>(storage: SqliteStorage, use: (storage: SqliteStorage) => Result): Result => {
  try {
    return use(storage);
  } finally {
    storage.close();
  }
};

/** @throws OvsdbError, StorageError, Failure */
export const readDatabaseSchema = (path: string): DatabaseSchema =>
  isSqlite(path)
    ? withStorage(SqliteStorage.openReadOnly(path), ({ schema }) => schema)
    : readLogSchema(LogFile.read(path));

/**
 * Reads a database, of either format, without locking it.
 * @throws OvsdbError, StorageError, Failure
 */
export const readDatabase = (path: string): Content =>
  isSqlite(path)
    ? withStorage(SqliteStorage.openReadOnly(path), load)
    : whole(readLogDatabase(openLog(path), randomUUID));

const load = (storage: SqliteStorage): Content => {
  const tables = emptyTables(storage.schema);
  storage.load(tables, randomUUID);
  return { schema: storage.schema, tables };
};

/**
 * What was read, if it is all there is; a transaction that breaks the schema's rules ends the file, as for Open vSwitch.
 * @throws OvsdbError
 */
export const whole = ({ schema, tables, fault }: LogDatabase): Content => {
  if (fault?.error instanceof RefusedRecord) {
    fileLog.warn(`${fault.error.message} (this transaction and what follows it, ${fault.unread} bytes, is left out)`);
  } else if (fault !== undefined) throw fault.error;
  return { schema, tables };
};

/**
 * Holds a database's lock meanwhile.
 * @param describe what to say when another process has it
 * @throws Failure
 */
export const withLock = <Result>(path: string, describe: (problem: string) => string, use: () => Result): Result => {
  let lock: number;
  try {
    lock = lockDatabase(path);
  } catch (error) {
    throw lockFailure(error, describe);
  }
  try {
    return use();
  } finally {
    closeSync(lock);
  }
};

const lockFailure = (error: unknown, describe: (problem: string) => string): Error => {
  if (error instanceof LockedError) {
    lockLog.warn(`${error.lock}: cannot lock file because it is already locked by pid ${error.holder}`);
    return new Failure(describe('failed to lock lockfile (Resource temporarily unavailable)'));
  }
  return new Failure(describe(`failed to lock lockfile (${systemMessage(error)})`), { cause: error });
};

/** What a transaction leaves to be stored. */
export interface Written {
  readonly changes: readonly RowChange[];
  readonly comments: readonly string[];
}

/**
 * Changes a database, of either format, while it is locked.
 * @param change runs against the tables, and says what is to be stored
 * @throws OvsdbError, StorageError, Failure
 */
export const changeDatabase = (path: string, change: (content: Content) => Written): void => {
  const describe = (problem: string) => `I/O error: ${path}: ${problem}`;
  if (!isSqlite(path, 'open failed')) {
    withLock(path, describe, () => {
      const content = whole(readLogDatabase(openLog(path), randomUUID));
      appendRecord(path, change(content));
    });
    return;
  }
  withStorage(openStorage(path, describe), (storage) => {
    const content = load(storage);
    const { changes } = change(content);
    if (changes.length === 0) return;
    // What clients know would have a gap where this transaction is.
    storage.loadHistory(emptyTables(storage.schema));
    storage.write(changes, true);
  });
};

/** @throws Failure when another process has the file, StorageError */
export const openStorage = (path: string, describe: (problem: string) => string): SqliteStorage => {
  try {
    return SqliteStorage.open(path);
  } catch (error) {
    throw error instanceof LockedError ? lockFailure(error, describe) : error;
  }
};

const appendRecord = (path: string, { changes, comments }: Written): void => {
  if (changes.length === 0) return;
  const comment = comments.length > 0 ? { comment: comments.join('\n') } : {};
  const fd = openSync(path, 'a');
  try {
    appendFileSync(fd, logRecord(changesRecord(changes, { ...comment, date: Date.now() })));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

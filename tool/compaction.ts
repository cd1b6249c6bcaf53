import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode, systemMessage } from '../rpc/system-error.ts';
import { ovsVersion } from '../rpc/version.ts';
import { formatJson, JsonText, parseJson } from '../schema/json.ts';
import { type DatabaseSchema, schemaToJson } from '../schema/schema.ts';
import { emptyTables } from '../server/log-database.ts';
import { logRecord } from '../server/log-file.ts';
import { applyRecord, snapshotRecord } from '../server/log-record.ts';
import { SqliteStorage } from '../server/storage.ts';
import { type Content, isSqlite, openStorage, readDatabase, withLock } from './database-file.ts';
import { causeOf, Failure } from './failure.ts';

/**
 * Writes a database anew without what it held once: in its place, or to `destination`, which is overwritten. It keeps
 * its format.
 * @throws OvsdbError, StorageError, Failure; nothing has changed then
 */
export const compact = (path: string, destination: string | undefined): void => {
  if (destination === undefined && isSqlite(path)) {
    const storage = openStorage(path, inPlace(path));
    try {
      storage.compact();
    } finally {
      storage.close();
    }
    return;
  }
  rewrite(path, destination, 'compacted', (content) => content);
};

/**
 * Puts a database under another schema: what the schema lacks is dropped, what it adds is at its default.
 * @throws as compact; also when a value does not fit the schema
 */
export const convert = (path: string, schema: DatabaseSchema, destination: string | undefined): void => {
  if (destination === undefined && isSqlite(path)) {
    const storage = openStorage(path, inPlace(path));
    try {
      const tables = emptyTables(storage.schema);
      storage.load(tables, randomUUID);
      storage.convert(schema, convertContent({ schema: storage.schema, tables }, schema).tables);
    } finally {
      storage.close();
    }
    return;
  }
  rewrite(path, destination, 'converted', (content) => convertContent(content, schema));
};

const inPlace =
  (path: string) =>
  (problem: string): string =>
    `${path}: ${problem}`;

/** @throws OvsdbError when a value does not fit; RefusedRecord when the rows together break the schema's rules */
const convertContent = ({ tables }: Content, schema: DatabaseSchema): Content => {
  const converted = emptyTables(schema);
  const record = parseJson(snapshotRecord(tables, { date: 0 }).text);
  applyRecord(converted, record, { newUuid: randomUUID, converting: true });
  return { schema, tables: converted };
};

type Change = (content: Content) => Content;

const rewrite = (path: string, destination: string | undefined, verb: string, change: Change): void => {
  const format = isSqlite(path) ? writeSqlite : writeLog;
  const target = realPath(destination ?? path);
  const write = () => {
    const content = change(readDatabase(path));
    try {
      replace(target, (unfinished) => format(unfinished, content, `${verb} by ovsdb-tool ${ovsVersion}`));
    } catch (error) {
      const cause = causeOf(error);
      if (errorCode(cause) === undefined) throw error;
      const problem = `create or open failed (${systemMessage(cause)})`;
      throw new Failure(`I/O error: ${destination ?? path}: ${problem}`, { cause });
    }
  };
  if (existsSync(target)) withLock(target, inPlace(destination ?? path), write);
  else write();
};

/** A file that a link points to is written, not the link. */
const realPath = (path: string): string => (existsSync(path) ? realpathSync(path) : path);

/** Writes a file under another name first, so that there is always a whole one. */
const replace = (path: string, write: (unfinished: string) => void): void => {
  const unfinished = `${path}.tmp`;
  rmSync(unfinished, { force: true });
  try {
    write(unfinished);
    removeJournal(path);
    renameSync(unfinished, path);
    syncPath(dirname(path));
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
};

/** What SQLite has beside the file that is replaced must not be taken for the new one's. */
const removeJournal = (path: string): void => {
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
};

const syncPath = (path: string): void => {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

const writeSqlite = (path: string, { schema, tables }: Content): void => SqliteStorage.create(path, schema, tables);

const writeLog = (path: string, { schema, tables }: Content, comment: string): void => {
  const schemaRecord = logRecord(new JsonText(formatJson(schemaToJson(schema))));
  writeFileSync(path, schemaRecord + logRecord(snapshotRecord(tables, { comment, date: Date.now() })), { mode: 0o660 });
  syncPath(path);
};

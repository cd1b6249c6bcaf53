import { closeSync, existsSync, openSync, realpathSync, renameSync, rmSync } from 'node:fs';
import BetterSqlite3 from 'better-sqlite3';
import { logFor } from '../rpc/log.ts';
import { systemMessage } from '../rpc/system-error.ts';
import { formatJson, parseJson } from '../schema/json.ts';
import type { Row } from '../schema/row.ts';
import { type DatabaseSchema, parseSchema, schemaToJson } from '../schema/schema.ts';
import { type FileFormat, fileFormat, lockDatabase, StorageError } from './file-format.ts';
import { FileSpace } from './file-space.ts';
import type { StoredTransaction } from './history.ts';
import { historyText, parseHistory } from './history-text.ts';
import type { Tables } from './references.ts';
import { SqlTable, sqlNames } from './sql-table.ts';
import type { RowChange } from './transaction.ts';

const log = logFor('storage');

/** How tables and columns are laid out in the file; a file with another number is refused. */
const layout = '1';

/**
 * A database file: SQLite in WAL mode, so that what is committed survives the end of this program at any moment. One SQL
 * table per OVSDB table (see SqlTable), `_meta` with the schema, and
 * `_history` with what undoes the last transactions.
 */
export class SqliteStorage {
  readonly #sqlite: BetterSqlite3.Database;
  readonly #lock: number | undefined;
  #schema: DatabaseSchema;
  #tables: ReadonlyMap<string, SqlTable>;
  /** As it was named, for messages. */
  readonly #path: string;
  readonly #space: FileSpace;
  #holdsHistory = false;
  readonly #begin: BetterSqlite3.Statement;
  readonly #commit: BetterSqlite3.Statement;
  readonly #rollback: BetterSqlite3.Statement;

  private constructor(path: string, sqlite: BetterSqlite3.Database, schema: DatabaseSchema, lock?: number) {
    this.#path = path;
    this.#space = new FileSpace(sqlite, realpathSync(path));
    this.#sqlite = sqlite;
    this.#lock = lock;
    this.#schema = schema;
    this.#tables = sqlTables(sqlite, schema);
    this.#begin = sqlite.prepare('BEGIN IMMEDIATE');
    this.#commit = sqlite.prepare('COMMIT');
    this.#rollback = sqlite.prepare('ROLLBACK');
  }

  get schema(): DatabaseSchema {
    return this.#schema;
  }

  /**
   * Makes a database file of that schema, which must not exist, with the rows of these tables.
   * @throws StorageError
   */
  static create(path: string, schema: DatabaseSchema, tables?: Tables): void {
    if (existsSync(path)) throw new StorageError(`${path}: already exists`);
    // Under another name until it is whole: a file that is there is a database.
    const unfinished = `${path}.new`;
    try {
      rmSync(unfinished, { force: true });
      // The mode is that of the C server's files; SQLite gives it to the files beside it too.
      closeSync(openSync(unfinished, 'wx', 0o660));
      const sqlite = new BetterSqlite3(unfinished);
      sqlite.pragma('auto_vacuum = INCREMENTAL');
      sqlite.pragma('journal_mode = WAL');
      sqlite.transaction(() => {
        sqlite.exec('CREATE TABLE _meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID');
        sqlite.exec('CREATE TABLE _history (_id INTEGER PRIMARY KEY, changes TEXT NOT NULL)');
        const put = sqlite.prepare('INSERT INTO _meta VALUES (?, ?)');
        put.run('layout', layout);
        fill(sqlite, schema, tables);
      })();
      sqlite.close();
      renameSync(unfinished, path);
    } catch (error) {
      throw explain(path, error);
    }
  }

  /**
   * Opens a database file, which stays locked against other servers until closed.
   * @throws StorageError
   */
  static open(path: string): SqliteStorage {
    checkFormat(path);
    const lock = lockDatabase(path);
    try {
      return opened(path, (sqlite) => {
        // First: what is none of ours is not changed.
        const schema = readSchema(path, sqlite);
        sqlite.pragma('journal_mode = WAL');
        // The tables' references are for those who read the file: who writes it keeps them whole by itself.
        sqlite.pragma('foreign_keys = OFF');
        const storage = new SqliteStorage(path, sqlite, schema, lock);
        storage.#space.durable = false;
        return storage;
      });
    } catch (error) {
      closeSync(lock);
      throw error;
    }
  }

  /**
   * Opens a database file to look into it, also while a server has it open.
   * @throws StorageError
   */
  static openReadOnly(path: string): SqliteStorage {
    checkFormat(path);
    return opened(path, (sqlite) => {
      // Not SQLite's own read-only mode, which would leave files beside the database.
      sqlite.pragma('query_only = ON');
      return new SqliteStorage(path, sqlite, readSchema(path, sqlite));
    });
  }

  /** Puts all rows into the tables, each as a new version. @throws StorageError when the file is damaged */
  load(tables: Tables, newUuid: () => string): void {
    try {
      for (const [name, table] of tables) {
        this.#tables.get(name)?.load(newUuid, (row) => {
          const { size } = table;
          table.put(row.uuid, row);
          if (table.size === size) throw new Error(`row ${row.uuid} is in the file twice`);
        });
      }
    } catch (cause) {
      throw new StorageError(`${this.#path}: ${damaged}`, { cause });
    }
  }

  /**
   * The last transactions before the program that wrote this file ended in good order, oldest first. With the next
   * transaction they are forgotten in the file, where they would be a history with a gap.
   */
  loadHistory(tables: Tables): StoredTransaction[] {
    const texts = this.#sqlite.prepare<[], unknown>('SELECT changes FROM _history ORDER BY _id DESC').pluck().all();
    this.#holdsHistory = texts.length > 0;
    try {
      return parseHistory(tables, texts.map(String));
    } catch (error) {
      log.warn(`${this.#path}: the transaction history is damaged, clients will read everything anew: ${error}`);
      return [];
    }
  }

  /** Keeps the last transactions, oldest first, for when the database is opened again. */
  saveHistory(transactions: readonly StoredTransaction[]): void {
    const add = this.#sqlite.prepare('INSERT INTO _history (changes) VALUES (?)');
    this.#begin.run();
    this.#sqlite.exec('DELETE FROM _history');
    for (const transaction of transactions) add.run(historyText(transaction));
    this.#commit.run();
  }

  /** @throws StorageError; none of the changes is stored then */
  write(changes: readonly RowChange[], durable: boolean): void {
    try {
      this.#space.durable = durable;
      this.#begin.run();
      if (this.#holdsHistory) this.#sqlite.exec('DELETE FROM _history');
      this.#writeChanges(changes);
      this.#commit.run();
      this.#holdsHistory = false;
    } catch (error) {
      if (this.#sqlite.inTransaction) this.#rollback.run();
      throw explain(this.#path, error);
    }
    this.#space.committed();
  }

  /**
   * Puts another schema in place, and the rows of these tables, all or nothing. The history is forgotten.
   * @throws StorageError
   */
  convert(schema: DatabaseSchema, tables: Tables): void {
    try {
      this.#space.durable = true;
      this.#tables = this.#sqlite.transaction(() => {
        this.#sqlite.exec('DELETE FROM _history');
        for (const table of this.#tables.values()) table.drop();
        return fill(this.#sqlite, schema, tables);
      })();
      this.#schema = schema;
    } catch (error) {
      throw explain(this.#path, error);
    }
  }

  /**
   * Gives the space of what was deleted back to the file system.
   * @throws StorageError
   */
  compact(): void {
    try {
      this.#space.compact();
    } catch (error) {
      throw explain(this.#path, error);
    }
  }

  /** In their order, but rows are deleted last, all at once. */
  #writeChanges(changes: readonly RowChange[]): void {
    const removed = new Map<SqlTable, Row[]>();
    for (const { table, old, new: row } of changes) {
      const sqlTable = this.#tables.get(table.schema.name);
      if (sqlTable === undefined) continue;
      if (old === undefined) {
        if (row !== undefined) sqlTable.insert(row);
      } else if (row === undefined) {
        const rows = removed.get(sqlTable);
        if (rows === undefined) removed.set(sqlTable, [old]);
        else rows.push(old);
      } else sqlTable.modify(old, row);
    }
    for (const [table, rows] of removed) table.delete(rows);
  }

  close(): void {
    this.#space.close();
    this.#sqlite.close();
    if (this.#lock !== undefined) closeSync(this.#lock);
  }
}

/** Closes the file again when it cannot be used, so that SQLite leaves nothing beside it. @throws StorageError */
const opened = (path: string, use: (sqlite: BetterSqlite3.Database) => SqliteStorage): SqliteStorage => {
  let sqlite: BetterSqlite3.Database | undefined;
  try {
    sqlite = new BetterSqlite3(path, { fileMustExist: true });
    const storage = use(sqlite);
    // Rows that only the file's structure tells of would be missed by nobody else.
    if (sqlite.pragma('quick_check(1)', { simple: true }) !== 'ok') throw new StorageError(`${path}: ${damaged}`);
    return storage;
  } catch (error) {
    sqlite?.close();
    throw explain(path, error);
  }
};

/** Notes the schema, and makes the SQL tables with the rows of `tables`. */
const fill = (sqlite: BetterSqlite3.Database, schema: DatabaseSchema, tables?: Tables): Map<string, SqlTable> => {
  const put = sqlite.prepare('REPLACE INTO _meta VALUES (?, ?)');
  put.run('name', schema.name);
  put.run('version', schema.version);
  put.run('schema', formatJson(schemaToJson(schema)));
  const created = sqlTables(sqlite, schema);
  for (const [name, table] of created) {
    table.create();
    for (const row of tables?.get(name)?.rows() ?? []) table.insert(row);
  }
  return created;
};

const sqlTables = (sqlite: BetterSqlite3.Database, { tables }: DatabaseSchema): Map<string, SqlTable> => {
  const names = sqlNames(tables.keys());
  return new Map([...tables].map(([name, table]) => [name, new SqlTable(sqlite, table, names.get(name) ?? name)]));
};

const readSchema = (path: string, sqlite: BetterSqlite3.Database): DatabaseSchema => {
  if (sqlite.prepare("SELECT 1 FROM sqlite_schema WHERE name = '_meta'").get() === undefined) {
    throw new StorageError(`${path}: is a SQLite file of another program's`);
  }
  const get = sqlite.prepare<[string], unknown>('SELECT value FROM _meta WHERE key = ?').pluck();
  const found = get.get('layout');
  if (found !== layout) {
    throw new StorageError(
      `${path}: has layout ${found} and this program writes ${layout}: use the version that made it`,
    );
  }
  return parseSchema(parseJson(String(get.get('schema'))));
};

const formatAdvice: { readonly [format in FileFormat]?: string } = {
  log: "is in the log format of Open vSwitch's own server; ovsdb-server converts it when it starts",
  'cluster log': 'is a clustered database of the C server, which this one does not serve',
  unknown: 'is not a database file',
};

const checkFormat = (path: string): void => {
  let advice: string | undefined;
  try {
    advice = formatAdvice[fileFormat(path)];
  } catch (error) {
    throw explain(path, error);
  }
  if (advice !== undefined) throw new StorageError(`${path}: ${advice}`);
};

const damaged = 'the file is damaged; restore it from a backup, or recover it with sqlite3';
const sqliteAdvice: ReadonlyMap<string, string> = new Map([
  ['SQLITE_CORRUPT', damaged],
  ['SQLITE_NOTADB', 'is not a database file'],
  ['SQLITE_FULL', 'the disk is full'],
]);

const explain = (path: string, error: unknown): StorageError => {
  if (error instanceof StorageError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return new StorageError(`${path}: ${sqliteAdvice.get(code) ?? systemMessage(error)}`, { cause: error });
};

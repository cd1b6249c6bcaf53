import { randomUUID } from 'node:crypto';
import { formatJson, type Json, parseJson } from '../../schema/json.ts';
import { schemaToJson } from '../../schema/schema.ts';
import { checkDatabase } from '../../server/check.ts';
import { Database } from '../../server/database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import type { Clock } from '../../server/transact.ts';
import { type Clearable, deleteAll, type Subject } from './transact-corpus.ts';

const clock: Clock = { now: () => performance.now(), newUuid: randomUUID };
const anybody = { refusal: () => undefined, holdsLock: () => false };

/** A database without a server around it, in a file; its invariants are checked after every transaction. */
export class CoreSubject implements Subject, Clearable {
  readonly #path: string;
  #storage: SqliteStorage;
  #database: Database;
  readonly problems: string[] = [];

  constructor(path: string) {
    this.#path = path;
    this.#storage = SqliteStorage.open(path);
    this.#database = new Database(this.#storage.schema, clock, this.#storage);
  }

  async transact(operations: readonly Json[]): Promise<Json> {
    const results = await this.transactUnchecked(operations);
    this.check(formatJson(operations));
    return results;
  }

  async transactUnchecked(operations: readonly Json[]): Promise<Json> {
    const text = await new Promise<string>((done) => {
      this.#database.submit({ operations, requester: anybody, done });
    });
    return parseJson(text);
  }

  check(after: string): void {
    const found = checkDatabase(this.#database.tables, this.#storage);
    this.problems.push(...found.map((problem) => `${problem}, after ${after}`));
  }

  async clear(): Promise<void> {
    await this.transact(deleteAll(schemaToJson(this.#database.schema)));
  }

  /** All rows, as text: equal for databases that are equal. Ephemeral columns are left out, as are versions. */
  dump(): string[] {
    return [...this.#database.tables.values()].flatMap((table) => {
      const columns = table.schema.ownColumns.filter(({ ephemeral }) => !ephemeral);
      const rows = [...table.rows()].map((row) => {
        const data = columns.map((column) => `${column.name}=${row.get(column).text(column.type)}`);
        return `${table.schema.name} ${row.uuid} ${data.join(' ')}`;
      });
      return rows.sort();
    });
  }

  /** Closes the database and opens it again from its file. */
  reopen(): void {
    this.close();
    this.#storage = SqliteStorage.open(this.#path);
    this.#database = new Database(this.#storage.schema, clock, this.#storage);
    this.check('it was opened');
  }

  close(): void {
    this.#database.close();
  }
}

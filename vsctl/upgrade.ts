import { isObject, type Json, member } from '../schema/json.ts';
import { type DatabaseSchema, uuidColumn } from '../schema/schema.ts';
import type { Request } from './facts.ts';
import { Query } from './query.ts';

/** Whether an operation failed because the server does not know a table or column. */
export const isUnknownName = (result: Json): boolean => {
  if (!isObject(result)) return false;
  const tag = member(result, 'error');
  const details = member(result, 'details');
  return (
    tag === 'unknown column' ||
    tag === 'unknown table' ||
    (tag === 'syntax error' && /No table named|is not a valid column name/.test(String(details)))
  );
};

/** What the schema of the server lacks. */
export class Upgrade {
  readonly #schema: DatabaseSchema;
  readonly #warned = new Set<string>();

  constructor(schema: DatabaseSchema) {
    this.#schema = schema;
  }

  /** The part of a request that the server can answer; undefined if it has no such table. */
  known({ query, columns }: Request, warn: (message: string) => void): Request | undefined {
    const { name } = query.table;
    const table = this.#schema.tables.get(name);
    if (table === undefined) {
      this.#warnOnce(warn, `${this.#schema.name} database lacks ${name} table (database needs upgrade?)`);
      return undefined;
    }
    const present = [...columns].filter((column) => table.columns.has(column.name));
    for (const column of columns) {
      if (table.columns.has(column.name)) continue;
      const lack = `${name} table in ${this.#schema.name} database lacks ${column.name} column`;
      this.#warnOnce(warn, `${lack} (database needs upgrade?)`);
    }
    // Without a clause about a column that is not there, more rows come than were asked for: who asks looks again.
    const clauses = query.clauses.filter(({ column }) => column === uuidColumn || table.columns.has(column.name));
    return { query: new Query(query.table, clauses), columns: new Set(present) };
  }

  #warnOnce(warn: (message: string) => void, message: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    warn(message);
  }
}

import type BetterSqlite3 from 'better-sqlite3';
import type { Atom } from '../schema/atom.ts';
import type { Datum } from '../schema/datum.ts';
import { difference } from '../schema/difference.ts';
import type { Row } from '../schema/row.ts';
import type { Column, TableSchema } from '../schema/schema.ts';
import { isMap, isOptionalScalar, isScalar } from '../schema/type.ts';
import { type SqlValue, sqlTypes, toSql } from './sql-atom.ts';
import { readTable } from './table-reader.ts';

type Sqlite = BetterSqlite3.Database;
type Statement = BetterSqlite3.Statement<unknown[]>;

/** Whether the column's value is one cell of the table itself; others have a table of their own. */
const isCell = ({ type }: Column): boolean => isScalar(type) || isOptionalScalar(type);

/** Two names that differ only in case are one name to SQLite, and it keeps names with its own prefix to itself. */
export const sqlNames = (names: Iterable<string>): Map<string, string> => {
  const taken = new Set<string>();
  const unique = new Map<string, string>();
  for (const name of names) {
    let candidate = /^sqlite_/i.test(name) ? `table ${name}` : name;
    while (taken.has(candidate.toLowerCase())) candidate += '~';
    taken.add(candidate.toLowerCase());
    unique.set(name, candidate);
  }
  return unique;
};

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/**
 * One OVSDB table in SQL: a table with a cell for every scalar and optional scalar (NULL: none), and for every other
 * column a table "Table.column" with a row for each member of the set, or pair of the map. Ephemeral columns are left
 * out.
 */
export class SqlTable {
  readonly #sqlite: Sqlite;
  readonly #schema: TableSchema;
  readonly #name: string;
  readonly #cells: readonly { readonly column: Column; readonly sql: string }[];
  readonly #children: readonly SqlChild[];
  #lastId = 0;
  readonly #updates = new Map<string, Statement>();
  #insert: Statement | undefined;
  #delete: Statement | undefined;

  constructor(sqlite: Sqlite, schema: TableSchema, name: string) {
    const kept = schema.ownColumns.filter(({ ephemeral }) => !ephemeral);
    const names = sqlNames(kept.map((column) => column.name));
    const nameOf = (column: Column) => names.get(column.name) ?? column.name;
    this.#sqlite = sqlite;
    this.#schema = schema;
    this.#name = quote(name);
    this.#cells = kept.filter(isCell).map((column) => ({ column, sql: quote(nameOf(column)) }));
    this.#children = kept
      .filter((column) => !isCell(column))
      .map((column) => new SqlChild(sqlite, column, `${name}.${nameOf(column)}`, name));
  }

  create(): void {
    const cells = this.#cells.map(
      ({ column, sql }) => `, ${sql} ${sqlTypes[column.type.key.type]}${isScalar(column.type) ? ' NOT NULL' : ''}`,
    );
    this.#sqlite.exec(`CREATE TABLE ${this.#name} (_id INTEGER PRIMARY KEY, _uuid TEXT NOT NULL${cells.join('')})`);
    for (const child of this.#children) child.create();
  }

  drop(): void {
    for (const child of this.#children) child.drop();
    this.#sqlite.exec(`DROP TABLE ${this.#name}`);
  }

  insert(row: Row): void {
    this.#insert ??= this.#sqlite.prepare(
      `INSERT INTO ${this.#name} (_id, _uuid${this.#cells.map(({ sql }) => `, ${sql}`).join('')})
       VALUES (?, ?${', ?'.repeat(this.#cells.length)})`,
    );
    const values = this.#cells.map(({ column }) => cellValue(row.get(column)));
    const id = ++this.#lastId;
    row.fileId = id;
    this.#insert.run(id, row.uuid, ...values);
    for (const child of this.#children) {
      const datum = row.get(child.column);
      if (datum.size > 0) child.insert(id, datum);
    }
  }

  /** In the order of the file, and many at a time where they stand side by side: each page is changed just once. */
  delete(rows: readonly Row[]): void {
    const ranges = rangesOf(rows.map(idOf));
    for (const child of this.#children) {
      if (rows.some((row) => row.get(child.column).size > 0)) child.deleteAll(ranges);
    }
    this.#delete ??= this.#sqlite.prepare(`DELETE FROM ${this.#name} WHERE _id BETWEEN ? AND ?`);
    for (const range of ranges) this.#delete.run(...range);
  }

  modify(old: Row, row: Row): void {
    const id = idOf(old);
    row.fileId = id;
    const changed = this.#cells.filter(({ column }) => !old.get(column).equals(row.get(column)));
    if (changed.length > 0) {
      const values = changed.map(({ column }) => cellValue(row.get(column)));
      this.#update(changed.map(({ sql }) => sql)).run(...values, id);
    }
    for (const child of this.#children) child.modify(id, old.get(child.column), row.get(child.column));
  }

  #update(columns: readonly string[]): Statement {
    const assignments = columns.map((sql) => `${sql} = ?`).join(', ');
    const known = this.#updates.get(assignments);
    if (known !== undefined) return known;
    const statement = this.#sqlite.prepare(`UPDATE ${this.#name} SET ${assignments} WHERE _id = ?`);
    this.#updates.set(assignments, statement);
    return statement;
  }

  /** Reads all rows, each as a new version. @throws when the table is damaged */
  load(newUuid: () => string, take: (row: Row) => void): void {
    const layout = { schema: this.#schema, name: this.#name, cells: this.#cells, children: this.#children };
    this.#lastId = readTable(this.#sqlite, layout, newUuid, take);
  }
}

const idOf = ({ uuid, fileId }: Row): number => {
  if (fileId === undefined) throw new Error(`row ${uuid} is not in the file`);
  return fileId;
};

/** The first and last of ids that follow one another. */
type Range = readonly [first: number, last: number];

const rangesOf = (ids: readonly number[]): Range[] => {
  const ranges: Range[] = [];
  let first: number | undefined;
  const sorted = ids.toSorted((a, b) => a - b);
  for (const [i, id] of sorted.entries()) {
    first ??= id;
    if (sorted[i + 1] === id + 1) continue;
    ranges.push([first, id]);
    first = undefined;
  }
  return ranges;
};

const cellValue = (datum: Datum): SqlValue => (datum.first === undefined ? null : toSql(datum.first));

/** The table of one set or map column. */
class SqlChild {
  readonly column: Column;
  readonly #sqlite: Sqlite;
  /** Quoted. */
  readonly name: string;
  readonly #parent: string;
  #put: Statement | undefined;
  #remove: Statement | undefined;
  #removeAll: Statement | undefined;

  constructor(sqlite: Sqlite, column: Column, name: string, parent: string) {
    this.#sqlite = sqlite;
    this.column = column;
    this.name = quote(name);
    this.#parent = quote(parent);
  }

  create(): void {
    const { key, value } = this.column.type;
    const pair = value === undefined ? '' : `, value ${sqlTypes[value.type]} NOT NULL`;
    this.#sqlite.exec(
      `CREATE TABLE ${this.name} (_id INTEGER NOT NULL REFERENCES ${this.#parent}, key ${sqlTypes[key.type]} NOT NULL${pair},
       PRIMARY KEY (_id, key)) WITHOUT ROWID`,
    );
  }

  drop(): void {
    this.#sqlite.exec(`DROP TABLE ${this.name}`);
  }

  insert(id: number, datum: Datum): void {
    for (const [key, value] of datum.elements()) this.#putElement(id, key, value);
  }

  #putElement(id: number, key: Atom, value: Atom | undefined): void {
    this.#put ??= this.#sqlite.prepare(
      `REPLACE INTO ${this.name} VALUES (?, ?${isMap(this.column.type) ? ', ?' : ''})`,
    );
    if (value === undefined) this.#put.run(id, toSql(key));
    else this.#put.run(id, toSql(key), toSql(value));
  }

  modify(id: number, before: Datum, after: Datum): void {
    if (before === after) return;
    if (after.size === 0 && before.size > 0) {
      this.deleteAll([[id, id]]);
      return;
    }
    for (const change of difference(before, after)) {
      if (change.new === undefined) this.#removeElement(id, change.key);
      else this.#putElement(id, change.key, isMap(this.column.type) ? change.new : undefined);
    }
  }

  #removeElement(id: number, key: Atom): void {
    this.#remove ??= this.#sqlite.prepare(`DELETE FROM ${this.name} WHERE _id = ? AND key = ?`);
    this.#remove.run(id, toSql(key));
  }

  /** All elements of these rows. */
  deleteAll(ranges: readonly Range[]): void {
    this.#removeAll ??= this.#sqlite.prepare(`DELETE FROM ${this.name} WHERE _id BETWEEN ? AND ?`);
    for (const range of ranges) this.#removeAll.run(...range);
  }
}

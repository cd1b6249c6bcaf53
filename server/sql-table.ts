import type BetterSqlite3 from 'better-sqlite3';
import { type Atom, type AtomicType, defaultAtom } from '../schema/atom.ts';
import { Datum, type Element } from '../schema/datum.ts';
import { difference } from '../schema/difference.ts';
import { toInteger } from '../schema/json.ts';
import { Row } from '../schema/row.ts';
import type { Column, TableSchema } from '../schema/schema.ts';
import { isMap, isOptionalScalar, isScalar } from '../schema/type.ts';

type Sqlite = BetterSqlite3.Database;
type Statement = BetterSqlite3.Statement<unknown[]>;
type SqlValue = number | bigint | string | null;
/** A row's `_id` in the file. */
type SqlId = number | bigint;

const sqlTypes: { readonly [type in AtomicType]: string } = {
  integer: 'INTEGER',
  real: 'REAL',
  boolean: 'INTEGER',
  string: 'TEXT',
  uuid: 'TEXT',
};

const toSql = (atom: Atom): SqlValue => (typeof atom === 'boolean' ? Number(atom) : atom);

/** Integers come out of SQLite as bigints, so that none is rounded. */
const fromSql = (type: AtomicType, value: unknown): Atom => {
  switch (type) {
    case 'integer':
      return typeof value === 'bigint' ? (toInteger(value) ?? 0) : Number(value);
    case 'real':
      return Number(value);
    case 'boolean':
      return Number(value) !== 0;
    case 'string':
    case 'uuid':
      return String(value);
    default:
      return type satisfies never;
  }
};

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
  readonly #updates = new Map<string, Statement>();
  #insert: Statement | undefined;
  #delete: Statement | undefined;
  #find: Statement | undefined;

  constructor(sqlite: Sqlite, schema: TableSchema, name: string) {
    const kept = schema.ownColumns.filter(({ ephemeral }) => !ephemeral);
    const names = sqlNames(kept.map((column) => column.name));
    const nameOf = (column: Column) => names.get(column.name) ?? column.name;
    this.#sqlite = sqlite;
    this.#schema = schema;
    this.#name = name;
    this.#cells = kept.filter(isCell).map((column) => ({ column, sql: quote(nameOf(column)) }));
    this.#children = kept
      .filter((column) => !isCell(column))
      .map((column) => new SqlChild(sqlite, column, `${name}.${nameOf(column)}`, name));
  }

  create(): void {
    const cells = this.#cells.map(
      ({ column, sql }) => `, ${sql} ${sqlTypes[column.type.key.type]}${isScalar(column.type) ? ' NOT NULL' : ''}`,
    );
    const uuid = '_uuid TEXT NOT NULL UNIQUE';
    this.#sqlite.exec(`CREATE TABLE ${quote(this.#name)} (_id INTEGER PRIMARY KEY, ${uuid}${cells.join('')})`);
    for (const child of this.#children) child.create();
  }

  drop(): void {
    for (const child of this.#children) child.drop();
    this.#sqlite.exec(`DROP TABLE ${quote(this.#name)}`);
  }

  insert(row: Row): void {
    this.#insert ??= this.#sqlite.prepare(
      `INSERT INTO ${quote(this.#name)} (_uuid${this.#cells.map(({ sql }) => `, ${sql}`).join('')})
       VALUES (?${', ?'.repeat(this.#cells.length)})`,
    );
    const values = this.#cells.map(({ column }) => cellValue(row.get(column)));
    const { lastInsertRowid } = this.#insert.run(row.uuid, ...values);
    for (const child of this.#children) {
      const datum = row.get(child.column);
      if (datum.size > 0) child.insert(lastInsertRowid, datum);
    }
  }

  delete(old: Row): void {
    const id = this.#idOf(old);
    for (const child of this.#children) if (old.get(child.column).size > 0) child.deleteAll(id);
    this.#delete ??= this.#sqlite.prepare(`DELETE FROM ${quote(this.#name)} WHERE _id = ?`);
    this.#delete.run(id);
  }

  modify(old: Row, row: Row): void {
    const id = this.#idOf(old);
    const changed = this.#cells.filter(({ column }) => !old.get(column).equals(row.get(column)));
    if (changed.length > 0) {
      const values = changed.map(({ column }) => cellValue(row.get(column)));
      this.#update(changed.map(({ sql }) => sql)).run(...values, id);
    }
    for (const child of this.#children) child.modify(id, old.get(child.column), row.get(child.column));
  }

  #idOf(row: Row): SqlId {
    this.#find ??= this.#sqlite.prepare(`SELECT _id FROM ${quote(this.#name)} WHERE _uuid = ?`).pluck();
    const id = this.#find.get(row.uuid);
    if (typeof id !== 'number') throw new Error(`row ${row.uuid} of table ${this.#name} is not in the file`);
    return id;
  }

  #update(columns: readonly string[]): Statement {
    const assignments = columns.map((sql) => `${sql} = ?`).join(', ');
    const known = this.#updates.get(assignments);
    if (known !== undefined) return known;
    const statement = this.#sqlite.prepare(`UPDATE ${quote(this.#name)} SET ${assignments} WHERE _id = ?`);
    this.#updates.set(assignments, statement);
    return statement;
  }

  /** All rows, each as a new version. */
  *load(newUuid: () => string): Generator<Row> {
    const children = this.#children.map((child) => ({ column: child.column, data: child.load() }));
    const columns = this.#cells.map(({ sql }) => `, ${sql}`).join('');
    const rows: IterableIterator<unknown[]> = this.#sqlite
      .prepare<[], unknown[]>(`SELECT _id, _uuid${columns} FROM ${quote(this.#name)} ORDER BY _id`)
      .safeIntegers()
      .raw()
      .iterate();
    for (const [id, uuid, ...values] of rows) {
      const data = new Map<Column, Datum>();
      for (const [i, { column }] of this.#cells.entries()) {
        const atom = cellAtom(column, values[i]);
        // Rows share their defaults.
        if (atom !== undefined && (!isScalar(column.type) || atom !== defaultAtom(column.type.key.type)))
          data.set(column, Datum.of(atom));
      }
      for (const { column, data: found } of children) {
        const datum = found.get(Number(id));
        if (datum !== undefined) data.set(column, datum);
      }
      yield Row.create(this.#schema, String(uuid), newUuid(), data);
    }
  }
}

const cellValue = (datum: Datum): SqlValue => (datum.first === undefined ? null : toSql(datum.first));
const cellAtom = ({ type }: Column, value: unknown): Atom | undefined =>
  value === null ? undefined : fromSql(type.key.type, value);

/** The table of one set or map column. */
class SqlChild {
  readonly column: Column;
  readonly #sqlite: Sqlite;
  readonly #name: string;
  readonly #parent: string;
  #put: Statement | undefined;
  #remove: Statement | undefined;
  #removeAll: Statement | undefined;

  constructor(sqlite: Sqlite, column: Column, name: string, parent: string) {
    this.#sqlite = sqlite;
    this.column = column;
    this.#name = quote(name);
    this.#parent = quote(parent);
  }

  create(): void {
    const { key, value } = this.column.type;
    const pair = value === undefined ? '' : `, value ${sqlTypes[value.type]} NOT NULL`;
    this.#sqlite.exec(
      `CREATE TABLE ${this.#name} (_id INTEGER NOT NULL REFERENCES ${this.#parent}, key ${sqlTypes[key.type]} NOT NULL${pair},
       PRIMARY KEY (_id, key)) WITHOUT ROWID`,
    );
  }

  drop(): void {
    this.#sqlite.exec(`DROP TABLE ${this.#name}`);
  }

  insert(id: SqlId, datum: Datum): void {
    for (const [key, value] of datum.elements()) this.#putElement(id, key, value);
  }

  #putElement(id: SqlId, key: Atom, value: Atom | undefined): void {
    this.#put ??= this.#sqlite.prepare(
      `REPLACE INTO ${this.#name} VALUES (?, ?${isMap(this.column.type) ? ', ?' : ''})`,
    );
    if (value === undefined) this.#put.run(id, toSql(key));
    else this.#put.run(id, toSql(key), toSql(value));
  }

  modify(id: SqlId, before: Datum, after: Datum): void {
    if (before === after) return;
    for (const change of difference(before, after)) {
      if (change.new === undefined) this.#removeElement(id, change.key);
      else this.#putElement(id, change.key, isMap(this.column.type) ? change.new : undefined);
    }
  }

  #removeElement(id: SqlId, key: Atom): void {
    this.#remove ??= this.#sqlite.prepare(`DELETE FROM ${this.#name} WHERE _id = ? AND key = ?`);
    this.#remove.run(id, toSql(key));
  }

  deleteAll(id: SqlId): void {
    this.#removeAll ??= this.#sqlite.prepare(`DELETE FROM ${this.#name} WHERE _id = ?`);
    this.#removeAll.run(id);
  }

  /** The data of all rows, by their `_id`. */
  load(): Map<number, Datum> {
    const { key, value } = this.column.type;
    const rows = this.#sqlite
      .prepare<[], unknown[]>(`SELECT * FROM ${this.#name} ORDER BY _id`)
      .safeIntegers()
      .raw()
      .iterate();
    const data = new Map<number, Datum>();
    let elements: Element[] = [];
    let current: number | undefined;
    const finish = () => current !== undefined && data.set(current, Datum.fromElements(elements));
    for (const [id, keyValue, mapValue] of rows) {
      const row = Number(id);
      if (row !== current) {
        finish();
        current = row;
        elements = [];
      }
      elements.push([fromSql(key.type, keyValue), value && fromSql(value.type, mapValue)]);
    }
    finish();
    return data;
  }
}

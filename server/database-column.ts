import type { Row } from '../schema/row.ts';
import { type Column, uuidColumn } from '../schema/schema.ts';
import { isMap } from '../schema/type.ts';
import type { Database } from './database.ts';
import type { Table } from './table.ts';

/** A remote, or another setting, that cannot be understood. */
export class RemoteError extends Error {}

const prefix = 'db:';
/** Whether a setting is to be read from a database. */
export const isInDatabase = (setting: string): boolean => setting.startsWith(prefix);

/** The name of that database; '' when there is none. */
export const databaseNamed = (setting: string): string =>
  isInDatabase(setting) ? (setting.slice(prefix.length).split(',')[0] ?? '') : '';

/** A column that holds settings: db:DB,TABLE,COLUMN (ovsdb-server(1)). */
export class DatabaseColumn {
  readonly name: string;
  readonly database: Database;
  readonly table: Table;
  readonly column: Column;

  /** @throws RemoteError */
  constructor(name: string, databases: ReadonlyMap<string, Database>) {
    const [databaseName, tableName, columnName] = name.slice(prefix.length).split(',');
    if (databaseName === undefined || tableName === undefined || columnName === undefined) {
      throw new RemoteError(`"${name}": invalid syntax`);
    }
    const database = databases.get(databaseName);
    if (database === undefined) throw new RemoteError(`"${name}": no database named ${databaseName}`);
    const table = database.tables.get(tableName);
    if (table === undefined) throw new RemoteError(`"${name}": no table named ${tableName}`);
    const column = table.schema.columns.get(columnName);
    if (column === undefined) throw new RemoteError(`"${name}": table "${tableName}" has no column "${columnName}"`);
    this.name = name;
    this.database = database;
    this.table = table;
    this.column = column;
  }

  /**
   * The strings in the column, over all rows.
   * @throws RemoteError when it does not hold strings
   */
  strings(): string[] {
    const { key } = this.column.type;
    if (key.type !== 'string' || isMap(this.column.type)) {
      const where = `table "${this.table.schema.name}" column "${this.column.name}"`;
      throw new RemoteError(`"${this.name}": ${where} is not string or set of strings`);
    }
    return [...this.#elements()].map(String);
  }

  /** The table that the column refers to, if that is what it does. */
  get referencedTable(): Table | undefined {
    const { type } = this.column;
    return type.key.refTable === undefined || isMap(type) ? undefined : this.database.tables.get(type.key.refTable);
  }

  /** The rows of that table that the column refers to. */
  rowsOf(table: Table): Row[] {
    return [...this.#elements()].flatMap((uuid) => table.get(String(uuid)) ?? []);
  }

  *#elements() {
    for (const row of this.table.rows()) yield* row.get(this.column).keys();
  }
}

/** The scalar in a row's column of that name; undefined when there is none, or no such column. */
export const scalarOf = (row: Row, name: string) => {
  const column = row.table.columns.get(name);
  return column === undefined || column === uuidColumn || column.type.max !== 1 || isMap(column.type)
    ? undefined
    : row.get(column).first;
};

import { Datum, defaultDatum, parseDatum } from './datum.ts';
import { syntaxError } from './error.ts';
import { isObject, type Json } from './json.ts';
import { type Column, type TableSchema, uuidColumn, versionColumn } from './schema.ts';
import type { SymbolTable } from './symbol.ts';

/** A row: immutable, so that what it was stays true when it changes. Its data stand in the order of its columns. */
export class Row {
  readonly table: TableSchema;
  readonly uuid: string;
  readonly data: readonly Datum[];

  constructor(table: TableSchema, data: readonly Datum[]) {
    this.table = table;
    this.data = data;
    this.uuid = String(data[uuidColumn.index]?.first);
  }

  /** A new row; columns that `data` lacks are at their default. */
  static create(table: TableSchema, uuid: string, version: string, data: ReadonlyMap<Column, Datum> = new Map()): Row {
    const defaults = defaultsOf(table);
    const all = [...table.columns.values()].map((column) => data.get(column) ?? defaults[column.index] ?? Datum.empty);
    all[uuidColumn.index] = Datum.of(uuid);
    all[versionColumn.index] = Datum.of(version);
    return new Row(table, all);
  }

  get(column: Column): Datum {
    return this.data[column.index] ?? Datum.empty;
  }

  with(changes: ReadonlyMap<Column, Datum>): Row {
    const data = [...this.data];
    for (const [column, datum] of changes) data[column.index] = datum;
    return new Row(this.table, data);
  }

  /** The columns in which two versions of a row differ; `_version` does not count. */
  changedColumns(newer: Row): Column[] {
    const changed: Column[] = [];
    for (const column of this.table.columns.values()) {
      if (column !== versionColumn && !this.get(column).equals(newer.get(column))) changed.push(column);
    }
    return changed;
  }

  isDefault(column: Column): boolean {
    return this.get(column).equals(defaultsOf(this.table)[column.index] ?? Datum.empty);
  }
}

/** Made once for each table, so that rows share their defaults. */
const defaultsByTable = new WeakMap<TableSchema, readonly Datum[]>();
const defaultsOf = (table: TableSchema): readonly Datum[] => {
  const known = defaultsByTable.get(table);
  if (known !== undefined) return known;
  const defaults = [...table.columns.values()].map(({ type }) => defaultDatum(type));
  defaultsByTable.set(table, defaults);
  return defaults;
};

/**
 * Reads a `<row>` of RFC 7047 section 5.1.
 * @throws OvsdbError syntax error, unknown column, constraint violation
 */
export const parseRow = (table: TableSchema, json: Json, symbols?: SymbolTable): Map<Column, Datum> => {
  if (!isObject(json)) throw syntaxError('row must be JSON object', json);
  const data = new Map<Column, Datum>();
  for (const [name, value] of Object.entries(json)) {
    const column = table.column(name, json);
    data.set(column, parseDatum(column.type, value, symbols === undefined ? {} : { symbols }));
  }
  return data;
};

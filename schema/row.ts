import { Datum, defaultDatum } from './datum.ts';
import { parseDatum } from './datum-parser.ts';
import { syntaxError } from './error.ts';
import { isObject, type Json } from './json.ts';
import { type Column, type TableSchema, versionColumn } from './schema.ts';
import type { SymbolTable } from './symbol.ts';

/** A row's `_version`, or what makes it: most are never asked for. */
export type Version = string | (() => string);

/** A row: immutable, so that what it was stays true when it changes. Its data stand in the order of its columns. */
export class Row {
  readonly table: TableSchema;
  readonly uuid: string;
  readonly data: readonly Datum[];
  /**
   * The number under which a file keeps it, in all its versions; undefined while none does. It is the file's to give: to
   * look it up by uuid instead would cost an index there, of which each row that comes or goes changes a page.
   */
  fileId: number | undefined;
  #version: Version;

  constructor(table: TableSchema, uuid: string, version: Version, data: readonly Datum[], fileId?: number) {
    this.table = table;
    this.uuid = uuid;
    this.#version = version;
    this.data = data;
    this.fileId = fileId;
  }

  get version(): string {
    if (typeof this.#version !== 'string') this.#version = this.#version();
    return this.#version;
  }

  /** A new row; columns that `data` lacks are at their default. */
  static create(table: TableSchema, uuid: string, version: Version, data: ReadonlyMap<Column, Datum> = new Map()): Row {
    return new Row(table, uuid, version, withChanges(defaultsOf(table), data));
  }

  get(column: Column): Datum {
    return this.data[column.index] ?? Datum.of(column === versionColumn ? this.version : this.uuid);
  }

  /** The row with some columns changed, which is a new version of it. */
  with(changes: ReadonlyMap<Column, Datum>, version: Version = this.version): Row {
    return new Row(this.table, this.uuid, version, withChanges(this.data, changes), this.fileId);
  }

  /** The columns in which two versions of a row differ; `_version` does not count. */
  changedColumns(newer: Row): Column[] {
    return this.table.ownColumns.filter(({ index }) => !sameDatum(this.data[index], newer.data[index]));
  }

  /** Whether two versions of a row have the same data. */
  hasSameData(other: Row): boolean {
    return this.data === other.data || this.data.every((datum, i) => sameDatum(datum, other.data[i]));
  }

  isDefault(column: Column): boolean {
    return defaultsOf(this.table)[column.index]?.equals(this.get(column)) ?? false;
  }
}

/** Most columns of two versions share one datum. */
const sameDatum = (a: Datum | undefined, b: Datum | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.equals(b));

const withChanges = (data: readonly Datum[], changes: ReadonlyMap<Column, Datum>): Datum[] => {
  const changed = [...data];
  for (const [column, datum] of changes) if (column.index >= 0) changed[column.index] = datum;
  return changed;
};

const defaultsByTable = new WeakMap<TableSchema, readonly Datum[]>();

/** What a row of that table holds where nothing is said. Made once for each table, so that rows share it. */
export const defaultsOf = (table: TableSchema): readonly Datum[] => {
  const known = defaultsByTable.get(table);
  if (known !== undefined) return known;
  const defaults = table.ownColumns.map(({ type }) => defaultDatum(type));
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

import type { Atom } from '../schema/atom.ts';
import type { Datum } from '../schema/datum.ts';
import { isArray, isObject, type Json, type JsonObject, member, type OutJsonObject } from '../schema/json.ts';
import { type Column, type TableSchema, uuidColumn } from '../schema/schema.ts';
import { KnownRow } from './known-row.ts';
import { Query } from './query.ts';

/** Beyond this many rows of one table it is cheaper to ask for the table than for each row. */
const fewRows = 32;

/** A fact is asked for that is not known yet: it has been noted, and can be known at the next attempt. */
export class Missing extends Error {}
/** Thrown by the thousand, so made once. */
const missing = new Missing();

/** Rows and columns to read. */
export interface Request {
  readonly query: Query;
  readonly columns: Set<Column>;
}

/**
 * What has been read of the database. Commands ask for facts as they run; those that are not known are noted, to be
 * read all together, in one request, and the commands are then run again. So a thousand commands need as many
 * requests as one does, and nothing is read that no command looks at.
 */
export class Facts {
  /** What is known of the rows of each table, or null if there is none of that uuid. */
  readonly #rows = new Map<TableSchema, Map<string, KnownRow | null>>();
  /** Tables all of whose rows are known. */
  readonly #wholeTables = new Set<TableSchema>();
  readonly #indexes = new Map<Column, ReadonlyMap<Atom, string[]>>();
  readonly #results = new Map<string, readonly string[]>();
  readonly #wantedQueries = new Map<string, Request>();
  readonly #wantedRows = new Map<TableSchema, Map<string, Set<Column>>>();
  /** The tables and columns that were looked at: what may change the outcome when it changes. */
  readonly looked = new Map<TableSchema, Set<Column>>();

  /** Whether something was asked for that is not known. */
  get incomplete(): boolean {
    return this.#wantedQueries.size > 0 || this.#wantedRows.size > 0;
  }

  /**
   * The uuids of the rows that the query selects.
   * @param columns columns that will be asked for next, read together with the rows
   * @throws Missing
   */
  select(query: Query, columns: readonly Column[] = []): readonly string[] {
    const result = this.#result(query);
    if (result === undefined) {
      this.want(query, columns);
      throw missing;
    }
    return result;
  }

  /** Notes that the query's result will be needed, if it is not known. */
  want(query: Query, columns: readonly Column[] = []): void {
    if (this.#result(query) !== undefined) return;
    const request = this.#wantedQueries.get(query.key) ?? { query, columns: new Set([uuidColumn]) };
    for (const { column, function: name } of query.clauses) if (name === '==') request.columns.add(column);
    for (const column of columns) request.columns.add(column);
    this.#wantedQueries.set(query.key, request);
  }

  /** A query's result, if it is known; also if the whole table is, with the column that the query is about. */
  #result(query: Query): readonly string[] | undefined {
    const known = this.#results.get(query.key);
    if (known !== undefined || !this.#wholeTables.has(query.table)) return known;
    const [clause, ...others] = query.clauses;
    if (clause?.function !== '==' || others.length > 0) return undefined;
    return this.#index(query.table, clause.column)?.get(clause.atom) ?? this.#noneIn(query.table, clause.column);
  }

  #noneIn(table: TableSchema, column: Column): readonly string[] | undefined {
    return this.#index(table, column) === undefined ? undefined : [];
  }

  /** The rows of a table that was read whole, by the value of a column; undefined if that was not read of all. */
  #index(table: TableSchema, column: Column): ReadonlyMap<Atom, string[]> | undefined {
    const known = this.#indexes.get(column);
    if (known !== undefined) return known;
    const index = new Map<Atom, string[]>();
    for (const [uuid, row] of this.#rows.get(table) ?? []) {
      if (row === null) continue;
      const atom = row.get(column)?.first;
      if (atom === undefined) return undefined;
      const uuids = index.get(atom);
      if (uuids === undefined) index.set(atom, [uuid]);
      else uuids.push(uuid);
    }
    this.#indexes.set(column, index);
    return index;
  }

  /** @throws Missing */
  exists(table: TableSchema, uuid: string): boolean {
    return this.row(table, uuid) !== null;
  }

  /**
   * What is known of a row, or null if there is none.
   * @throws Missing
   */
  row(table: TableSchema, uuid: string): KnownRow | null {
    const row = this.#row(table, uuid);
    if (row !== undefined) return row;
    this.#wantRow(table, uuid, [uuidColumn]);
    throw missing;
  }

  /**
   * The value of a column; undefined if the row is gone.
   * @throws Missing
   */
  datum(table: TableSchema, uuid: string, column: Column): Datum | undefined {
    const known = this.known(table, uuid, column);
    if (known === undefined && !this.wantData(table, uuid, [column])) throw missing;
    return known;
  }

  /** The value of a column, if it happens to be known. */
  known(table: TableSchema, uuid: string, column: Column): Datum | undefined {
    return this.#rows.get(table)?.get(uuid)?.get(column);
  }

  /** Notes that these columns of a row will be needed, and says whether they are known. */
  wantData(table: TableSchema, uuid: string, columns: readonly Column[]): boolean {
    const row = this.#row(table, uuid);
    if (row === null) return true;
    const unknown = row === undefined ? columns : columns.filter((column) => !row.has(column));
    if (row !== undefined && unknown.length === 0) return true;
    this.#wantRow(table, uuid, unknown);
    return false;
  }

  /** As wantData, for many rows of a table. */
  wantRows(table: TableSchema, uuids: readonly string[], columns: readonly Column[]): boolean {
    const unknown = uuids.filter((uuid) => !this.#isKnown(table, uuid, columns));
    if (unknown.length > fewRows) this.#wantTable(table, columns);
    else for (const uuid of unknown) this.wantData(table, uuid, columns);
    return unknown.length === 0;
  }

  #isKnown(table: TableSchema, uuid: string, columns: readonly Column[]): boolean {
    const row = this.#row(table, uuid);
    return row === null || (row !== undefined && columns.every((column) => row.has(column)));
  }

  #wantTable(table: TableSchema, columns: readonly Column[]): void {
    const query = new Query(table);
    const wanted = this.#wantedQueries.get(query.key)?.columns ?? [];
    this.#wantedQueries.set(query.key, { query, columns: new Set([uuidColumn, ...wanted, ...columns]) });
  }

  #wantRow(table: TableSchema, uuid: string, columns: readonly Column[]): void {
    const rows = this.#wantedRows.get(table) ?? new Map<string, Set<Column>>();
    const wanted = rows.get(uuid) ?? new Set([uuidColumn]);
    for (const column of columns) wanted.add(column);
    this.#wantedRows.set(table, rows.set(uuid, wanted));
  }

  /** The requests that would make what was asked for known: one `select` each. They are no longer noted. */
  takeRequests(): Request[] {
    const requests = [...this.#wantedQueries.values()];
    for (const [table, rows] of this.#wantedRows) requests.push(...rowRequests(table, rows));
    this.#wantedQueries.clear();
    this.#wantedRows.clear();
    for (const { query, columns } of requests) {
      const looked = this.looked.get(query.table) ?? new Set();
      for (const column of columns) looked.add(column);
      this.looked.set(query.table, looked);
    }
    return requests;
  }

  /** Takes in what a request came to: uuids of rows, with what was asked of them. */
  learn({ query, columns }: Request, answers: Iterable<readonly [string, JsonObject]>): void {
    const { table } = query;
    const rows = this.#rows.get(table) ?? new Map<string, KnownRow | null>();
    this.#rows.set(table, rows);
    const uuids: string[] = [];
    for (const [uuid, json] of answers) {
      uuids.push(uuid);
      rows.set(uuid, new KnownRow(uuid, columns, json, rows.get(uuid) ?? undefined));
    }
    this.#results.set(query.key, uuids);
    const [clause] = query.clauses;
    if (clause === undefined) this.#wholeTables.add(table);
    if (clause?.column === uuidColumn && uuids.length === 0) rows.set(String(clause.atom), null);
  }

  #row(table: TableSchema, uuid: string): KnownRow | null | undefined {
    const row = this.#rows.get(table)?.get(uuid);
    return row === undefined && this.#wholeTables.has(table) ? null : row;
  }
}

const rowRequests = (table: TableSchema, rows: ReadonlyMap<string, Set<Column>>): Request[] => {
  if (rows.size <= fewRows) {
    return [...rows].map(([uuid, columns]) => ({ query: Query.byUuid(table, uuid), columns }));
  }
  const columns = new Set<Column>();
  for (const wanted of rows.values()) for (const column of wanted) columns.add(column);
  return [{ query: new Query(table), columns }];
};

/** Requests for the whole tables that these are about, in place of many requests for a few rows each. */
export const wholeTables = (requests: readonly Request[]): Request[] => {
  const columnsOf = new Map<TableSchema, Set<Column>>();
  for (const { query, columns } of requests) {
    const all = columnsOf.get(query.table) ?? new Set();
    for (const column of columns) all.add(column);
    columnsOf.set(query.table, all);
  }
  return [...columnsOf].map(([table, columns]) => ({ query: new Query(table), columns }));
};

export const selectOperation = ({ query, columns }: Request): OutJsonObject => ({
  op: 'select',
  table: query.table.name,
  where: query.where,
  columns: [...columns].map(({ name }) => name),
});

/** The rows that a `select` resulted in. */
export const selectedRows = (result: Json | undefined): [string, JsonObject][] => {
  const rows = isObject(result) ? member(result, 'rows') : undefined;
  const selected: [string, JsonObject][] = [];
  for (const row of isArray(rows) ? rows : []) {
    const uuid = isObject(row) ? row._uuid : undefined;
    if (isObject(row) && isArray(uuid)) selected.push([String(uuid[1]), row]);
  }
  return selected;
};

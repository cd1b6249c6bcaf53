import type BetterSqlite3 from 'better-sqlite3';
import { type Atom, defaultAtom } from '../schema/atom.ts';
import { Datum } from '../schema/datum.ts';
import { defaultsOf, Row } from '../schema/row.ts';
import type { Column, TableSchema } from '../schema/schema.ts';
import { isScalar } from '../schema/type.ts';
import { jsonArrayOf, parseAllAtoms, parseAtoms, parseIds, toSql } from './sql-atom.ts';

type Sqlite = BetterSqlite3.Database;
type Query = BetterSqlite3.Statement<unknown[], unknown[]>;

/** How a table stands in the file. All names are quoted. */
export interface TableLayout {
  readonly schema: TableSchema;
  readonly name: string;
  readonly cells: readonly { readonly column: Column; readonly sql: string }[];
  readonly children: readonly { readonly column: Column; readonly name: string }[];
}

/** So many rows are read at once. They are one JSON text per column, since to ask for each cell costs five times that. */
const rowsAtOnce = 64;

/**
 * Reads all rows of a table, in the order of their ids.
 * @param version of each row
 * @returns the last id; 0 when there is none
 * @throws when the file holds what the schema does not allow to be there
 */
export const readTable = (
  sqlite: Sqlite,
  layout: TableLayout,
  version: () => string,
  take: (row: Row) => void,
): number => {
  const { schema, name } = layout;
  const cells = usedCells(sqlite, layout).map(({ column, sql }) => ({ sql, reader: new CellReader(column) }));
  const children = layout.children
    .filter((child) => sqlite.prepare(`SELECT 1 FROM ${child.name}`).get() !== undefined)
    .map((child) => new ChildReader(sqlite, child.column, child.name));
  const arrays = cells.map(({ sql, reader }) => `, ${jsonArrayOf(reader.column.type.key.type, sql)}`).join('');
  const query = sqlite
    .prepare<unknown[], unknown[]>(
      `SELECT json_group_array(_id), json_group_array(_uuid)${arrays}
       FROM (SELECT * FROM ${name} WHERE _id > ? ORDER BY _id LIMIT ?)`,
    )
    .raw();
  const fetch = (after: number, count: number) => {
    const [idsJson, uuidsJson, ...cellsJson] = query.get(after, count) ?? [];
    const ids = parseIds(idsJson);
    for (const [i, { reader }] of cells.entries()) reader.fetch(cellsJson[i]);
    for (const child of children) child.fetch(after, ids.at(-1) ?? after);
    return { ids, uuids: parseAllAtoms('uuid', uuidsJson) };
  };
  const defaults = defaultsOf(schema);
  let count = rowsAtOnce;
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const [{ ids, uuids }, fitting] = fetchFewer((fewer) => fetch(after, fewer), count);
    count = fitting;
    const last = ids.at(-1);
    if (last === undefined) return Math.max(after, 0);
    for (const [i, id] of ids.entries()) {
      const data = [...defaults];
      for (const { reader } of cells) reader.put(data, i);
      for (const child of children) child.put(data, id);
      take(new Row(schema, String(uuids[i]), version, data, id));
    }
    after = last;
  }
};

/**
 * What `fetch` gives for so many rows, or for as many as one text can hold: a text of JavaScript's ends at about 512 MB.
 * @throws what `fetch` throws for a single row
 */
const fetchFewer = <Rows>(fetch: (count: number) => Rows, count: number): readonly [rows: Rows, count: number] => {
  try {
    return [fetch(count), count];
  } catch (error) {
    if (count === 1) throw error;
    return fetchFewer(fetch, Math.ceil(count / 4));
  }
};

/** The cells in which any row holds something else than the default: most hold nothing in any. */
const usedCells = (sqlite: Sqlite, { name, cells }: TableLayout): TableLayout['cells'] => {
  if (cells.length === 0) return [];
  const counts = cells.map(({ column, sql }) => `count(${isScalar(column.type) ? `nullif(${sql}, ?)` : sql})`);
  const defaults = cells.filter(({ column }) => isScalar(column.type)).map(({ column }) => toSql(defaultOf(column)));
  const used = sqlite
    .prepare<unknown[], unknown[]>(`SELECT ${counts.join()} FROM ${name}`)
    .raw()
    .get(...defaults);
  return cells.filter((_, i) => used?.[i] !== 0);
};

const defaultOf = ({ type }: Column): Atom => defaultAtom(type.key.type);

/** Values of a scalar or optional scalar. Rows share their defaults, and what the row before holds too. */
class CellReader {
  readonly column: Column;
  readonly #default: Atom | undefined;
  #atoms: readonly (Atom | null)[] = [];
  #datum = Datum.empty;

  constructor(column: Column) {
    this.column = column;
    this.#default = isScalar(column.type) ? defaultOf(column) : undefined;
  }

  fetch(json: unknown): void {
    this.#atoms = parseAtoms(this.column.type.key.type, json);
  }

  /** Puts the value of a row, given its place among those that were fetched, in its place among the row's data. */
  put(data: Datum[], at: number): void {
    const atom = this.#atoms[at] ?? null;
    if (atom === null || atom === this.#default) return;
    if (this.#datum.first !== atom) this.#datum = Datum.of(atom);
    data[this.column.index] = this.#datum;
  }
}

/** Elements of a set or map, which are in the order of rows and keys. */
class ChildReader {
  readonly #column: Column;
  readonly #query: Query;
  #ids: readonly number[] = [];
  #keys: readonly Atom[] = [];
  #values: readonly Atom[] | undefined;
  #at = 0;
  #lastKeys: readonly Atom[] = [];

  constructor(sqlite: Sqlite, column: Column, name: string) {
    const { key, value } = column.type;
    const values = value === undefined ? '' : `, ${jsonArrayOf(value.type, 'value')}`;
    this.#column = column;
    this.#query = sqlite
      .prepare<unknown[], unknown[]>(
        `SELECT json_group_array(_id), ${jsonArrayOf(key.type, 'key')}${values}
         FROM (SELECT * FROM ${name} WHERE _id > ? AND _id <= ? ORDER BY _id, key)`,
      )
      .raw();
  }

  /** Reads what belongs to rows with ids beyond `after`, up to `last`. */
  fetch(after: number, last: number): void {
    const { key, value } = this.#column.type;
    const [ids, keys, values] = this.#query.get(after, last) ?? [];
    this.#ids = parseIds(ids);
    this.#keys = parseAllAtoms(key.type, keys);
    this.#values = value === undefined ? undefined : parseAllAtoms(value.type, values);
    this.#at = 0;
  }

  /** Puts the value of the row with that id, which is beyond those asked for before, in its place among its data. */
  put(data: Datum[], id: number): void {
    const ids = this.#ids;
    while (Number(ids[this.#at]) < id) this.#at++;
    const start = this.#at;
    while (ids[this.#at] === id) this.#at++;
    if (this.#at === start) return;
    const keys = this.#sharedKeys(this.#keys.slice(start, this.#at));
    data[this.#column.index] = Datum.fromColumns(keys, this.#values?.slice(start, this.#at));
  }

  /** The same array for maps with the same keys, if one follows the other. */
  #sharedKeys(keys: readonly Atom[]): readonly Atom[] {
    const last = this.#lastKeys;
    if (keys.length === last.length && keys.every((key, i) => key === last[i])) return last;
    this.#lastKeys = keys;
    return keys;
  }
}

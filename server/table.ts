import type { Atom } from '../schema/atom.ts';
import type { Row } from '../schema/row.ts';
import { type Column, type TableSchema, uuidColumn } from '../schema/schema.ts';
import { isMap } from '../schema/type.ts';
import { Lookup } from './lookup.ts';
import { UniqueIndex } from './unique-index.ts';

/** Smaller tables are read through rather than indexed. */
const worthIndexing = 64;

/**
 * The rows of one table, as of the transaction under way. `put` is the only way in, so that all that is derived from the
 * rows (the schema's indexes, lookups by value, what is counted) changes with them.
 */
export class Table {
  readonly schema: TableSchema;
  readonly #rows = new Map<string, Row>();
  readonly indexes: readonly UniqueIndex[];
  /** Rows by an element of a column; made when a search first would have to read a large table through. */
  readonly #lookups = new Map<Column, Lookup>();
  /** How many strong references each row has from all rows of the database; kept by references.ts. */
  readonly references = new Map<string, number>();

  constructor(schema: TableSchema) {
    this.schema = schema;
    this.indexes = schema.indexes.map((columns) => new UniqueIndex(columns));
  }

  get size(): number {
    return this.#rows.size;
  }

  get(uuid: string): Row | undefined {
    return this.#rows.get(uuid);
  }

  rows(): IterableIterator<Row> {
    return this.#rows.values();
  }

  /** Replaces what stands under `uuid`: undefined is no row. Returns what stood there. */
  put(uuid: string, row: Row | undefined): Row | undefined {
    const old = this.#rows.get(uuid);
    if (row === undefined) this.#rows.delete(uuid);
    else this.#rows.set(uuid, row);
    for (const index of this.indexes) index.replace(old, row);
    for (const lookup of this.#lookups.values()) lookup.replace(old, row);
    return old;
  }

  /**
   * The rows whose `column` has that element (in a scalar: is that value), found without reading the table; undefined
   * when reading it is as good.
   */
  withElement(column: Column, key: Atom, value: Atom | undefined): readonly Row[] | undefined {
    if (column === uuidColumn) {
      const row = this.#rows.get(String(key));
      return row === undefined ? [] : [row];
    }
    if (column.index < 0 || this.#rows.size < worthIndexing) return undefined;
    if (isMap(column.type) && value === undefined) return undefined;
    const rows: Row[] = [];
    for (const uuid of this.#lookup(column).find(key, value)) {
      const row = this.#rows.get(uuid);
      if (row !== undefined) rows.push(row);
    }
    return rows;
  }

  #lookup(column: Column): Lookup {
    const known = this.#lookups.get(column);
    if (known !== undefined) return known;
    const lookup = new Lookup(column);
    for (const row of this.#rows.values()) lookup.replace(undefined, row);
    this.#lookups.set(column, lookup);
    return lookup;
  }
}

import type { Row } from '../schema/row.ts';
import type { Column } from '../schema/schema.ts';
import { datumKey } from './row-key.ts';

/**
 * One of a table's `indexes` (RFC 7047 section 3.2): no two rows may agree in all its columns. That is judged when a
 * transaction commits; within one, several rows may stand under one key.
 */
export class UniqueIndex {
  readonly columns: readonly Column[];
  readonly #rows = new Map<string, readonly string[]>();

  constructor(columns: readonly Column[]) {
    this.columns = columns;
  }

  /** The uuids of the rows that have the same values in the index's columns. */
  find(row: Row): readonly string[] {
    return this.#rows.get(this.#key(row)) ?? [];
  }

  /** Whether two versions of a row stand under one key, as they do when they share the data of these columns. */
  hasSameKey(old: Row, row: Row): boolean {
    return this.columns.every((column) => old.get(column) === row.get(column)) || this.#key(old) === this.#key(row);
  }

  replace(old: Row | undefined, row: Row | undefined): void {
    if (old !== undefined && row !== undefined && this.hasSameKey(old, row)) return;
    const before = old && this.#key(old);
    const after = row && this.#key(row);
    if (old !== undefined && before !== undefined) this.#remove(before, old.uuid);
    if (row !== undefined && after !== undefined) this.#rows.set(after, [...(this.#rows.get(after) ?? []), row.uuid]);
  }

  #remove(key: string, uuid: string): void {
    const others = (this.#rows.get(key) ?? []).filter((each) => each !== uuid);
    if (others.length > 0) this.#rows.set(key, others);
    else this.#rows.delete(key);
  }

  #key(row: Row): string {
    if (this.columns.length === 1 && this.columns[0] !== undefined)
      return datumKey(row.get(this.columns[0]), this.columns[0].type);
    return this.columns.map((column) => datumKey(row.get(column), column.type)).join();
  }

  /** The row's values in the index's columns, as an error message quotes them. */
  describe(row: Row): string {
    return this.columns.map((column) => row.get(column).describe(column.type)).join(' and ');
  }
}

import type { Atom } from '../schema/atom.ts';
import type { Row } from '../schema/row.ts';
import type { Column } from '../schema/schema.ts';
import { isScalar } from '../schema/type.ts';
import { datumKey } from './row-key.ts';
import { UuidMap } from './uuid-map.ts';

/**
 * One of a table's `indexes` (RFC 7047 section 3.2): no two rows may agree in all its columns. That is judged when a
 * transaction commits; within one, several rows may stand under one key.
 */
export class UniqueIndex {
  readonly columns: readonly Column[];
  readonly #uuids = new UuidMap();

  constructor(columns: readonly Column[]) {
    this.columns = columns;
  }

  /** The uuids of the rows that have the same values in the index's columns. */
  find(row: Row): readonly string[] {
    return this.#uuids.get(this.#key(row));
  }

  /** Whether two versions of a row stand under one key, as they do when they share the data of these columns. */
  hasSameKey(old: Row, row: Row): boolean {
    return this.columns.every((column) => old.get(column) === row.get(column)) || this.#key(old) === this.#key(row);
  }

  replace(old: Row | undefined, row: Row | undefined): void {
    if (old !== undefined && row !== undefined && this.hasSameKey(old, row)) return;
    if (old !== undefined) this.#uuids.remove(this.#key(old), old.uuid);
    if (row !== undefined) this.#uuids.add(this.#key(row), row.uuid);
  }

  /** A scalar is its own key. */
  #key(row: Row): Atom {
    const [column, ...others] = this.columns;
    if (column !== undefined && others.length === 0 && isScalar(column.type)) return row.get(column).first ?? '';
    return this.columns.map((each) => datumKey(row.get(each), each.type)).join();
  }

  /** The row's values in the index's columns, as an error message quotes them. */
  describe(row: Row): string {
    return this.columns.map((column) => row.get(column).describe(column.type)).join(' and ');
  }
}

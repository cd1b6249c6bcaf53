import type { Atom } from '../schema/atom.ts';
import type { Datum } from '../schema/datum.ts';
import type { Column, TableSchema } from '../schema/schema.ts';

/** A row of the database, or one that is to be inserted. */
export interface RowRef {
  readonly table: TableSchema;
  readonly uuid: string;
}

/**
 * A change to one column: a whole new value, or members that come and go, for which the value that they come to need
 * not be known.
 */
export class ColumnEdit {
  assigned: Datum | undefined;
  readonly put = new Map<Atom, Atom | undefined>();
  readonly removed = new Set<Atom>();

  constructor(assigned?: Datum) {
    this.assigned = assigned;
  }

  /** The value after the change. */
  applyTo(base: Datum): Datum {
    let value = this.assigned ?? base;
    for (const key of this.removed) value = value.remove(key);
    for (const [key, mapped] of this.put) value = value.put(key, mapped);
    return value;
  }

  /** What the change says of a key; undefined if it leaves it alone. */
  at(key: Atom): { readonly present: boolean; readonly value: Atom | undefined } | undefined {
    if (this.put.has(key)) return { present: true, value: this.put.get(key) };
    if (this.removed.has(key)) return { present: false, value: undefined };
    if (this.assigned === undefined) return undefined;
    return { present: this.assigned.has(key), value: this.assigned.get(key) };
  }

  putKey(key: Atom, value: Atom | undefined): void {
    this.removed.delete(key);
    this.put.set(key, value);
  }

  removeKey(key: Atom): void {
    this.put.delete(key);
    this.removed.add(key);
  }
}

/** What is to happen to a row. */
export interface RowEdit {
  readonly row: RowRef;
  kind: 'insert' | 'update' | 'delete';
  /** Whether the user chose the uuid of a row to insert: then the server is told it. */
  readonly isGiven?: boolean;
  readonly columns: Map<Column, ColumnEdit>;
}

/** Rows by an atom that one of their columns gains in this run. It may since have lost it again. */
export class GainedAtoms {
  readonly #rows = new Map<Column, Map<Atom, Set<RowRef>>>();

  add(column: Column, atom: Atom, row: RowRef): void {
    const byAtom = this.#rows.get(column) ?? new Map<Atom, Set<RowRef>>();
    const rows = byAtom.get(atom) ?? new Set();
    this.#rows.set(column, byAtom.set(atom, rows.add(row)));
  }

  get(column: Column, atom: Atom): Iterable<RowRef> {
    return this.#rows.get(column)?.get(atom) ?? [];
  }
}

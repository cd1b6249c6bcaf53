import type { Datum } from '../schema/datum.ts';
import type { Row } from '../schema/row.ts';
import type { Column } from '../schema/schema.ts';
import type { Table } from './table.ts';

/** What a transaction did to one row: no `old` means it was inserted, no `new` that it was deleted. */
export interface RowChange {
  readonly table: Table;
  readonly uuid: string;
  readonly old: Row | undefined;
  readonly new: Row | undefined;
}

/** What a transaction looked at: some rows of a table, or all of it. */
export type Reads = Map<Table, Set<string> | 'all'>;

/**
 * A transaction under way. It changes the tables in place, since it runs from start to end without a pause, and
 * remembers what stood there, so that it can be undone.
 */
export class Transaction {
  readonly newUuid: () => string;
  readonly #originals = new Map<Table, Map<string, Row | undefined>>();
  /** Changes to the counts of strong references, by table and row; kept by references.ts. */
  readonly referenceDeltas = new Map<Table, Map<string, number>>();
  readonly reads: Reads = new Map();
  readonly comments: string[] = [];
  durable = false;
  /** What `changes()` last found; undefined when something was written since. */
  #changes: readonly RowChange[] | undefined;

  constructor(newUuid: () => string) {
    this.newUuid = newUuid;
  }

  put(table: Table, uuid: string, row: Row | undefined): void {
    const old = table.put(uuid, row);
    this.#changes = undefined;
    let originals = this.#originals.get(table);
    if (originals === undefined) {
      originals = new Map();
      this.#originals.set(table, originals);
    }
    if (!originals.has(uuid)) originals.set(uuid, old);
  }

  insert(table: Table, row: Row): void {
    this.put(table, row.uuid, row);
  }

  modify(table: Table, row: Row, changes: ReadonlyMap<Column, Datum>): Row {
    const changed = row.with(changes, this.newUuid);
    this.put(table, row.uuid, changed);
    return changed;
  }

  delete(table: Table, uuid: string): void {
    this.put(table, uuid, undefined);
  }

  /** Whether a row of that name stood in the table before, or was put there since. */
  knows(table: Table, uuid: string): boolean {
    return table.get(uuid) !== undefined || this.#originals.get(table)?.has(uuid) === true;
  }

  /** What changed so far, in the order in which rows were first touched; a row that came and went is not among it. */
  changes(): readonly RowChange[] {
    this.#changes ??= this.#findChanges();
    return this.#changes;
  }

  #findChanges(): RowChange[] {
    const changes: RowChange[] = [];
    for (const [table, originals] of this.#originals) {
      for (const [uuid, old] of originals) {
        const now = table.get(uuid);
        if (old !== now) changes.push({ table, uuid, old, new: now });
      }
    }
    return changes;
  }

  /** Puts everything back. Of several transactions the last is undone first. */
  undo(): void {
    for (const [table, originals] of this.#originals) {
      for (const [uuid, old] of originals) table.put(uuid, old);
    }
    this.#originals.clear();
    this.#changes = undefined;
    for (const [table, deltas] of this.referenceDeltas) {
      for (const [uuid, delta] of deltas) countReferences(table, uuid, -delta);
    }
    this.referenceDeltas.clear();
  }

  readAll(table: Table): void {
    this.reads.set(table, 'all');
  }

  readRow(table: Table, uuid: string): void {
    const read = this.reads.get(table);
    if (read === undefined) this.reads.set(table, new Set([uuid]));
    else if (read !== 'all') read.add(uuid);
  }
}

/** Changes how many strong references a row is held to have. */
export const countReferences = (table: Table, uuid: string, delta: number): void => {
  const count = (table.references.get(uuid) ?? 0) + delta;
  if (count === 0) table.references.delete(uuid);
  else table.references.set(uuid, count);
};

import type { Table } from './table.ts';
import type { RowChange } from './transaction.ts';

/** The changes of several transactions as one: each row from what it was first to what it is last. */
export class ChangeSet {
  readonly #tables = new Map<Table, Map<string, RowChange>>();

  add(changes: Iterable<RowChange>): void {
    for (const change of changes) {
      let rows = this.#tables.get(change.table);
      if (rows === undefined) {
        rows = new Map();
        this.#tables.set(change.table, rows);
      }
      const earlier = rows.get(change.uuid);
      rows.set(change.uuid, earlier === undefined ? change : { ...change, old: earlier.old });
    }
  }

  /** What changed all told; a row that is again as it was is not among it. */
  get changes(): RowChange[] {
    return [...this.#tables.values()].flatMap((rows) => [...rows.values()].filter(({ old, new: now }) => old !== now));
  }
}

/** The changes of several transactions, in their order, as those of one. */
export const inTotal = (changes: Iterable<RowChange>): readonly RowChange[] => {
  const set = new ChangeSet();
  set.add(changes);
  return set.changes;
};

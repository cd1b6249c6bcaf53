import { difference } from '../schema/datum.ts';
import type { Row } from '../schema/row.ts';
import { zeroUuid } from '../schema/uuid.ts';
import { ChangeSet } from './change-set.ts';
import type { RowChange } from './transaction.ts';

/** A transaction that was stored. */
export interface StoredTransaction {
  readonly id: string;
  readonly changes: readonly RowChange[];
}

interface Entry extends StoredTransaction {
  readonly atoms: number;
  /** From before this program started; what ephemeral columns then held is not known. */
  readonly restored: boolean;
}

/** What a client missed. */
export interface Missed {
  readonly changes: readonly RowChange[];
  readonly restored: boolean;
}

const maxEntries = 1000;

/**
 * The last transactions of a database, for clients that come back (monitor_cond_since, ovsdb-server(7)). It never holds
 * more atoms than the database itself.
 */
export class History {
  #entries: Entry[] = [];
  #atoms = 0;
  #databaseAtoms: number;
  #last = zeroUuid;
  /** The transaction before the oldest entry: a client that knows it misses just the entries. */
  #base: string | undefined;

  /** @param databaseAtoms how many atoms the database holds now */
  constructor(databaseAtoms: number) {
    this.#databaseAtoms = databaseAtoms;
  }

  /** The id of the last transaction; zeros if there never was one. */
  get last(): string {
    return this.#last;
  }
  /** Oldest first; of the first, only the id may be known. */
  get entries(): readonly StoredTransaction[] {
    return this.#base === undefined ? this.#entries : [{ id: this.#base, changes: [] }, ...this.#entries];
  }
  /** The atoms in the history. */
  get atoms(): number {
    return this.#atoms;
  }
  get databaseAtoms(): number {
    return this.#databaseAtoms;
  }

  add(transaction: StoredTransaction): void {
    for (const change of transaction.changes) this.#databaseAtoms += rowAtoms(change.new) - rowAtoms(change.old);
    this.#push(transaction, false);
  }

  /** Takes back what an earlier run of the program kept, oldest first. */
  restore(transactions: readonly StoredTransaction[]): void {
    for (const transaction of transactions) this.#push(transaction, true);
  }

  #push({ id, changes }: StoredTransaction, restored: boolean): void {
    const atoms = changes.reduce((sum, change) => sum + changedAtoms(change), 0);
    this.#entries.push({ id, changes, atoms, restored });
    this.#atoms += atoms;
    this.#last = id;
    let excess = 0;
    while (this.#entries.length - excess > maxEntries || this.#atoms > this.#databaseAtoms) {
      const oldest = this.#entries[excess];
      if (oldest === undefined) break;
      this.#atoms -= oldest.atoms;
      excess++;
    }
    if (excess === 0) return;
    this.#base = this.#entries[excess - 1]?.id;
    this.#entries = this.#entries.slice(excess);
  }

  /** What has changed since that transaction, row by row; undefined when it is too long ago. */
  since(id: string): Missed | undefined {
    if (id === this.#last && id !== zeroUuid) return { changes: [], restored: false };
    const at = this.#entries.findLastIndex((entry) => entry.id === id);
    if (at < 0 && id !== this.#base) return undefined;
    const missed = this.#entries.slice(at + 1);
    const set = new ChangeSet();
    for (const { changes } of missed) set.add(changes);
    return { changes: set.changes, restored: missed.some(({ restored }) => restored) };
  }
}

/** How many atoms a row holds. */
export const rowAtoms = (row: Row | undefined): number => row?.data.reduce((sum, { size }) => sum + size, 0) ?? 0;

const changedAtoms = ({ old, new: now }: RowChange): number => {
  if (old === undefined || now === undefined) return rowAtoms(old ?? now);
  let atoms = 0;
  for (const [i, before] of old.data.entries()) {
    const after = now.data[i];
    if (after === undefined || before === after) continue;
    if (before.size <= 1 && after.size <= 1) atoms++;
    else for (const _ of difference(before, after)) atoms++;
  }
  return atoms;
};

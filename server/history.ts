import { difference } from '../schema/difference.ts';
import type { Row } from '../schema/row.ts';
import { zeroUuid } from '../schema/uuid.ts';
import { inTotal } from './change-set.ts';
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

/** In place of an entry that is forgotten, so that its rows are. */
const forgotten: Entry = { id: '', changes: [], atoms: 0, restored: false };

/**
 * The last transactions of a database, for clients that come back (monitor_cond_since, ovsdb-server(7)). It never holds
 * more atoms than the database itself.
 */
export class History {
  /** Those before `#oldest` are forgotten; they are taken out now and then, many at a time. */
  #entries: Entry[] = [];
  #oldest = 0;
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
    return this.newest(Infinity);
  }

  /** The last transactions, with so many atoms at most. Oldest first; of the first, only the id may be known. */
  newest(maxAtoms: number): readonly StoredTransaction[] {
    let atoms = 0;
    let from = this.#entries.length;
    for (; from > this.#oldest; from--) {
      atoms += this.#entries[from - 1]?.atoms ?? 0;
      if (atoms > maxAtoms) break;
    }
    const base = from > this.#oldest ? this.#entries[from - 1]?.id : this.#base;
    const entries = this.#entries.slice(from);
    return base === undefined ? entries : [{ id: base, changes: [] }, ...entries];
  }
  /** The atoms in the history. */
  get atoms(): number {
    return this.#atoms;
  }
  get databaseAtoms(): number {
    return this.#databaseAtoms;
  }

  add(transaction: StoredTransaction): void {
    for (const change of transaction.changes) this.#databaseAtoms += addedAtoms(change);
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
    this.#forget();
  }

  /** What is too old, or too much. */
  #forget(): void {
    for (;;) {
      const oldest = this.#entries[this.#oldest];
      if (oldest === undefined) break;
      if (this.#entries.length - this.#oldest <= maxEntries && this.#atoms <= this.#databaseAtoms) break;
      this.#atoms -= oldest.atoms;
      this.#base = oldest.id;
      this.#entries[this.#oldest++] = forgotten;
    }
    if (this.#oldest <= maxEntries) return;
    this.#entries = this.#entries.slice(this.#oldest);
    this.#oldest = 0;
  }

  /** What has changed since that transaction, row by row; undefined when it is too long ago. */
  since(id: string): Missed | undefined {
    if (id === this.#last && id !== zeroUuid) return { changes: [], restored: false };
    const at = this.#entries.findLastIndex((entry) => entry.id === id);
    if (at < 0 && id !== this.#base) return undefined;
    const missed = this.#entries.slice(at < 0 ? this.#oldest : at + 1);
    return {
      changes: inTotal(missed.flatMap(({ changes }) => changes)),
      restored: missed.some(({ restored }) => restored),
    };
  }
}

/** How many atoms a row holds. */
export const rowAtoms = (row: Row | undefined): number => {
  let atoms = 0;
  if (row !== undefined) for (const { size } of row.data) atoms += size;
  return atoms;
};

const addedAtoms = ({ old, new: now }: RowChange): number => {
  if (old === undefined || now === undefined) return rowAtoms(now) - rowAtoms(old);
  let atoms = 0;
  for (let i = 0; i < now.data.length; i++) {
    const before = old.data[i];
    const after = now.data[i];
    if (before !== after) atoms += (after?.size ?? 0) - (before?.size ?? 0);
  }
  return atoms;
};

const changedAtoms = ({ old, new: now }: RowChange): number => {
  if (old === undefined || now === undefined) return rowAtoms(old ?? now);
  let atoms = 0;
  for (let i = 0; i < old.data.length; i++) {
    const before = old.data[i];
    const after = now.data[i];
    if (before === after || before === undefined || after === undefined) continue;
    atoms += before.size <= 1 && after.size <= 1 ? 1 : difference(before, after).length;
  }
  return atoms;
};

/** The columns of one row, by the type their reader expects. */
import type { Atom } from '../schema/atom.ts';
import type { Datum } from '../schema/datum.ts';

const textOf = (atom: Atom | undefined): string => (typeof atom === 'string' ? atom : '');

/** How a view gets at its row, and at the rows that it refers to. */
export interface RowSource {
  readonly uuid: string;
  /** The value of a column; empty when the server's schema lacks it. */
  readonly datum: (column: string) => Datum;
  /** A row of another table; undefined when the replica does not know it (yet). */
  readonly follow: (table: string, uuid: string) => RowView | undefined;
}

/** A column that is empty, or that the server's schema lacks, reads as undefined, no elements, or false. */
export class RowView {
  readonly uuid: string;
  readonly #source: RowSource;

  constructor(source: RowSource) {
    this.uuid = source.uuid;
    this.#source = source;
  }

  datum(column: string): Datum {
    return this.#source.datum(column);
  }

  /** The empty string counts as no text. */
  text(column: string): string | undefined {
    return textOf(this.datum(column).first) || undefined;
  }

  integer(column: string): number | undefined {
    const atom = this.datum(column).first;
    return atom === undefined ? undefined : Number(atom);
  }

  /** In ascending order. */
  integers(column: string): number[] {
    return [...this.datum(column).keys()].map(Number);
  }

  flag(column: string): boolean {
    return this.datum(column).first === true;
  }

  map(column: string): ReadonlyMap<string, string> {
    return new Map([...this.datum(column).elements()].map(([key, value]) => [textOf(key), textOf(value)]));
  }

  /** Another row as it is now; undefined when it is not known (any more). */
  follow(table: string, uuid: string): RowView | undefined {
    return this.#source.follow(table, uuid);
  }

  /** The rows of `table` that a set of references names, without those that are not known (yet). */
  references(column: string, table: string): RowView[] {
    const found: RowView[] = [];
    const references = this.datum(column);
    if (references.size === 0) return found;
    for (const key of references.size === 1 ? [references.first] : references.keys()) {
      const row = this.#source.follow(table, textOf(key));
      if (row) found.push(row);
    }
    return found;
  }

  /** The rows of `table` that a map from integers to references names, such as QoS.queues. */
  numberedReferences(column: string, table: string): ReadonlyMap<number, RowView> {
    const found = new Map<number, RowView>();
    for (const [key, value] of this.datum(column).elements()) {
      const row = this.#source.follow(table, textOf(value));
      if (row) found.set(Number(key), row);
    }
    return found;
  }
}

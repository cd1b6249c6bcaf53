import { type Atom, compareAtoms } from './atom.ts';
import type { Datum, Leaf } from './datum.ts';

/** What differs between data of more elements than that is remembered. */
const few = 128;

/** A place in a datum, for going through two of them side by side. */
class Cursor {
  readonly #leaves: readonly Leaf[];
  #leafAt = 0;
  #at = 0;

  constructor(datum: Datum) {
    this.#leaves = datum.leaves;
  }

  get leaf(): Leaf | undefined {
    return this.#leaves[this.#leafAt];
  }
  get key(): Atom | undefined {
    return this.leaf?.atoms[this.#at];
  }
  /** The value in a map; in a set the key again. */
  get value(): Atom | undefined {
    const { leaf } = this;
    return leaf?.values === undefined ? leaf?.atoms[this.#at] : leaf.values[this.#at];
  }

  next(): void {
    this.#goTo(this.#at + 1);
  }

  #goTo(at: number): void {
    this.#at = at;
    if (at < (this.leaf?.atoms.length ?? 0)) return;
    this.#leafAt++;
    this.#at = 0;
  }

  /** Goes past what the two leaves here have in common from here on; false if that is nothing. */
  skipEqual(other: Cursor): boolean {
    const { leaf } = this;
    const theirs = other.leaf;
    if (leaf === undefined || theirs === undefined) return false;
    let at = this.#at;
    let otherAt = other.#at;
    const end = Math.min(leaf.atoms.length, at + theirs.atoms.length - otherAt);
    while (at < end && leaf.atoms[at] === theirs.atoms[otherAt] && leaf.values?.[at] === theirs.values?.[otherAt]) {
      at++;
      otherAt++;
    }
    if (at === this.#at) return false;
    this.#goTo(at);
    other.#goTo(otherAt);
    return true;
  }

  /** Goes past the leaves that both data have here; false if there is none. */
  skipShared(other: Cursor): boolean {
    if (this.#at !== 0 || other.#at !== 0) return false;
    const ours = this.#leaves;
    const theirs = other.#leaves;
    const start = this.#leafAt;
    while (this.#leafAt < ours.length && ours[this.#leafAt] === theirs[other.#leafAt]) {
      this.#leafAt++;
      other.#leafAt++;
    }
    return this.#leafAt > start;
  }
}

/** One key at which two data differ: its value before and after, absent where the key is. In a set the key itself. */
export interface Difference {
  readonly key: Atom;
  readonly old: Atom | undefined;
  readonly new: Atom | undefined;
}

/** The next key at which two data differ; both places are then behind it. */
const nextDifference = (a: Cursor, b: Cursor): Difference | undefined => {
  for (;;) {
    const { key } = a;
    const other = b.key;
    if (key === undefined && other === undefined) return undefined;
    if (a.skipShared(b) || a.skipEqual(b)) continue;
    const order = key === undefined ? 1 : other === undefined ? -1 : compareAtoms(key, other);
    const old = order <= 0 ? a.value : undefined;
    const now = order >= 0 ? b.value : undefined;
    if (order <= 0) a.next();
    if (order >= 0) b.next();
    const differing = order <= 0 ? key : other;
    if (old !== now && differing !== undefined) return { key: differing, old, new: now };
  }
};

const noDifferences: readonly Difference[] = [];

/** The last two large data that were compared: the rules of a commit ask for the same difference one after the other. */
let lastCompared: { readonly a: Datum; readonly b: Datum; readonly differences: readonly Difference[] } | undefined;

/** What differs between two data, in the order of keys. Leaves that both share are passed over unread. */
export const difference = (a: Datum, b: Datum): readonly Difference[] => {
  if (a === b || (a.size === 0 && b.size === 0)) return noDifferences;
  if (a.size <= 1 && b.size <= 1) return singleDifferences(a, b);
  if (a.size + b.size <= few) return findDifferences(a, b);
  if (lastCompared?.a !== a || lastCompared.b !== b) lastCompared = { a, b, differences: findDifferences(a, b) };
  return lastCompared.differences;
};

/** Between data of one element at most. In a set the value is the key itself. */
const singleDifferences = (a: Datum, b: Datum): readonly Difference[] => {
  const key = a.first;
  const other = b.first;
  const old = a.firstValue ?? key;
  const now = b.firstValue ?? other;
  if (key === undefined) return other === undefined ? noDifferences : [{ key: other, old: undefined, new: now }];
  if (key === other) return old === now ? noDifferences : [{ key, old, new: now }];
  const gone: Difference = { key, old, new: undefined };
  if (other === undefined) return [gone];
  const added: Difference = { key: other, old: undefined, new: now };
  return compareAtoms(key, other) < 0 ? [gone, added] : [added, gone];
};

/** Whether two data have the same elements. */
export const isSame = (a: Datum, b: Datum): boolean => nextDifference(new Cursor(a), new Cursor(b)) === undefined;

const findDifferences = (a: Datum, b: Datum): readonly Difference[] => {
  const ours = new Cursor(a);
  const theirs = new Cursor(b);
  const differences: Difference[] = [];
  for (let each = nextDifference(ours, theirs); each !== undefined; each = nextDifference(ours, theirs)) {
    differences.push(each);
  }
  return differences;
};

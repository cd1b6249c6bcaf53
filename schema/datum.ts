import { type Atom, atomText, compareAtoms, defaultAtom } from './atom.ts';
import { isSame } from './difference.ts';
import { OvsdbError } from './error.ts';
import { atomWord, type ColumnType, checkAtom, describeType, isMap } from './type.ts';

/** Leaves are split beyond this many atoms: a change copies one leaf and the list of leaves. */
export const leafSize = 128;

export type Element = readonly [key: Atom, value: Atom | undefined];

/**
 * The value of a column: a sorted set of atoms, or a map (RFC 7047 section 5.1). Immutable: what changes it returns
 * another datum, at a cost that grows with the change and the square root of the size. One element, as most data have, is
 * a Single; a few are one Leaf; many are a Tree of leaves, most of which it shares with what it was before.
 */
export abstract class Datum {
  abstract readonly size: number;
  abstract readonly leaves: readonly Leaf[];
  /** The first atom: all there is of a scalar. */
  abstract readonly first: Atom | undefined;
  /** The value of the first key in a map. */
  abstract readonly firstValue: Atom | undefined;

  /** A set of these atoms, in any order; duplicates count once. */
  static of(...atoms: readonly Atom[]): Datum {
    const [only] = atoms;
    if (only !== undefined && atoms.length === 1) return new Single(only, undefined);
    return Datum.fromElements(atoms.map((atom) => [atom, undefined]));
  }

  /** A set or map of these elements, in any order; of equal keys the last one counts. */
  static fromElements(elements: readonly Element[]): Datum {
    const [only] = elements;
    if (only === undefined) return Datum.empty;
    if (elements.length === 1) return new Single(...only);
    const sorted = isAscending(elements.map(([key]) => key)) ? elements : sortedUnique(elements);
    const leaves: Leaf[] = [];
    for (let at = 0; at < sorted.length; at += leafSize) leaves.push(leafOf(sorted.slice(at, at + leafSize)));
    return Datum.#join(leaves);
  }

  /** As fromElements, of the elements' keys and, in a map, their values, which it may hold on to. */
  static fromColumns(keys: readonly Atom[], values: readonly Atom[] | undefined): Datum {
    if (!isAscending(keys)) return Datum.fromElements(keys.map((key, i) => [key, values?.[i]]));
    return Datum.#join(new Leaf(keys, values).split());
  }

  static #join(leaves: readonly Leaf[]): Datum {
    const [only] = leaves;
    if (only?.first === undefined) return Datum.empty;
    if (leaves.length > 1) return new Tree(leaves);
    return only.size === 1 ? new Single(only.first, only.firstValue) : only;
  }

  *keys(): Generator<Atom> {
    for (const leaf of this.leaves) yield* leaf.atoms;
  }

  *elements(): Generator<Element> {
    for (const { atoms, values } of this.leaves) {
      for (const [i, key] of atoms.entries()) yield [key, values?.[i]];
    }
  }

  /** As elements(), for very many data: a call costs less than an iterator. */
  forEach(visit: (key: Atom, value: Atom | undefined) => void): void {
    for (const { atoms, values } of this.leaves) {
      for (let i = 0; i < atoms.length; i++) {
        const atom = atoms[i];
        if (atom !== undefined) visit(atom, values?.[i]);
      }
    }
  }

  has(key: Atom): boolean {
    return (this.leaves[this.#leafFor(key)]?.find(key) ?? -1) >= 0;
  }

  /** The value of that key in a map. */
  get(key: Atom): Atom | undefined {
    const leaf = this.leaves[this.#leafFor(key)];
    const at = leaf?.find(key) ?? -1;
    return at >= 0 ? leaf?.values?.[at] : undefined;
  }

  /** With that element; in a map the value replaces one that is there. */
  put(key: Atom, value?: Atom): Datum {
    if (this.size === 0) return new Single(key, value);
    const at = this.#leafFor(key);
    const changed = this.leaves[at]?.withElement(key, value);
    if (changed === undefined || changed === this.leaves[at]) return this;
    return Datum.#join(this.leaves.toSpliced(at, 1, ...changed.split()));
  }

  /** Without that key. */
  remove(key: Atom): Datum {
    const at = this.#leafFor(key);
    const leaf = this.leaves[at];
    const position = leaf?.find(key) ?? -1;
    if (leaf === undefined || position < 0) return this;
    return Datum.#join(this.leaves.toSpliced(at, 1, ...leaf.without(position).split()));
  }

  /** With those elements of another whose keys it lacks. */
  union(other: Datum): Datum {
    if (other.size > 1) return this.#merge(other, (leaf, elements) => leaf.withElements(elements));
    const key = other.first;
    return key === undefined || this.has(key) ? this : this.put(key, other.firstValue);
  }

  /** Without the elements of another; where that is a set, a map loses its keys whatever their values. */
  minus(other: Datum): Datum {
    return this.#merge(other, (leaf, elements) => leaf.withoutElements(elements));
  }

  /** Changes each leaf by those of another's elements that belong there, all at once. */
  #merge(other: Datum, change: (leaf: Leaf, elements: readonly Element[]) => Leaf): Datum {
    const merged: Leaf[] = [];
    const rest = other.elements();
    let next = rest.next();
    this.leaves.forEach((leaf, i) => {
      const end = this.leaves[i + 1]?.first;
      const here: Element[] = [];
      for (; next.done !== true; next = rest.next()) {
        if (end !== undefined && compareAtoms(next.value[0], end) >= 0) break;
        here.push(next.value);
      }
      if (here.length === 0) merged.push(leaf);
      else merged.push(...change(leaf, here).split());
    });
    return Datum.#join(merged);
  }

  /** Which leaf holds the key, or would: the last one that starts at or before it. */
  #leafFor(key: Atom): number {
    const { leaves } = this;
    let low = 0;
    let high = leaves.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (compareAtoms(leaves[middle]?.atoms[0] ?? key, key) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  equals(other: Datum): boolean {
    if (this === other) return true;
    const { size } = this;
    if (size !== other.size) return false;
    if (size === 0) return true;
    if (size === 1) return this.first === other.first && this.firstValue === other.firstValue;
    return isSame(this, other);
  }

  /** Order by size, then by the first key that differs, then by the first value; as Open vSwitch sorts rows by a column. */
  compare(other: Datum): number {
    if (this.size !== other.size) return this.size - other.size;
    const theirs = other.elements();
    let valueOrder = 0;
    for (const [key, value] of this.elements()) {
      const [otherKey, otherValue] = theirs.next().value ?? [key, value];
      const order = compareAtoms(key, otherKey);
      if (order !== 0) return order;
      if (valueOrder === 0) valueOrder = compareAtoms(value ?? 0, otherValue ?? 0);
    }
    return valueOrder;
  }

  /** In words, as error messages quote it and ovs-vsctl prints it (ovs-vsctl(8), "Database Values"). */
  describe({ key, value, max }: ColumnType): string {
    const words: string[] = [];
    for (const [atom, mapped] of this.elements()) {
      const word = atomWord(key.type, atom);
      words.push(value === undefined || mapped === undefined ? word : `${word}=${atomWord(value.type, mapped)}`);
    }
    const text = words.join(', ');
    if (value !== undefined) return `{${text}}`;
    return max > 1 || this.size === 0 ? `[${text}]` : text;
  }

  /** The datum on the wire: `<value>` of RFC 7047 section 5.1. */
  text(type: ColumnType): string {
    if (isMap(type)) return `["map",[${this.elementsText(type)}]]`;
    return this.size === 1 ? this.elementsText(type) : `["set",[${this.elementsText(type)}]]`;
  }

  protected abstract elementsText(type: ColumnType): string;

  static empty: Datum;
}

/** One element, which as most are needs no array around it. */
class Single extends Datum {
  override readonly first: Atom;
  override readonly firstValue: Atom | undefined;

  constructor(key: Atom, value: Atom | undefined) {
    super();
    this.first = key;
    this.firstValue = value;
  }

  override get size(): number {
    return 1;
  }
  override get leaves(): readonly Leaf[] {
    return [new Leaf([this.first], this.firstValue === undefined ? undefined : [this.firstValue])];
  }
  override *keys(): Generator<Atom> {
    yield this.first;
  }
  override *elements(): Generator<Element> {
    yield [this.first, this.firstValue];
  }
  override forEach(visit: (key: Atom, value: Atom | undefined) => void): void {
    visit(this.first, this.firstValue);
  }
  override has(key: Atom): boolean {
    return this.first === key;
  }
  override get(key: Atom): Atom | undefined {
    return this.first === key ? this.firstValue : undefined;
  }

  protected override elementsText(type: ColumnType): string {
    return elementText(type, this.first, this.firstValue);
  }
}

const elementText = ({ key, value }: ColumnType, first: Atom, second: Atom | undefined): string => {
  const keyText = atomText(key.type, first);
  return value === undefined ? keyText : `[${keyText},${atomText(value.type, second ?? defaultAtom(value.type))}]`;
};

/** Sorted atoms and, in a map, their values. */
export class Leaf extends Datum {
  readonly atoms: readonly Atom[];
  readonly values: readonly Atom[] | undefined;
  /** Its elements on the wire, if they are many: made once, when first needed. */
  #text: string | undefined;

  constructor(atoms: readonly Atom[], values: readonly Atom[] | undefined) {
    super();
    this.atoms = atoms;
    this.values = values;
  }

  override get size(): number {
    return this.atoms.length;
  }
  override get leaves(): readonly Leaf[] {
    return [this];
  }
  override get first(): Atom | undefined {
    return this.atoms[0];
  }
  override get firstValue(): Atom | undefined {
    return this.values?.[0];
  }

  protected override elementsText(type: ColumnType): string {
    return this.textOf(type);
  }

  textOf(type: ColumnType): string {
    if (this.#text !== undefined) return this.#text;
    const text = this.atoms.map((atom, i) => elementText(type, atom, this.values?.[i])).join();
    if (this.atoms.length > worthKeeping) this.#text = text;
    return text;
  }

  /** Where `key` is, or the complement (~i) of where it would go. */
  find(key: Atom): number {
    let low = 0;
    let high = this.atoms.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareAtoms(this.atoms[middle] ?? key, key);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return ~low;
  }

  withElement(key: Atom, value: Atom | undefined): Leaf {
    const at = this.find(key);
    if (at >= 0) {
      if (value === undefined || this.values === undefined || this.values[at] === value) return this;
      return new Leaf(this.atoms, this.values.with(at, value));
    }
    return new Leaf(
      this.atoms.toSpliced(~at, 0, key),
      value === undefined ? undefined : this.values?.toSpliced(~at, 0, value),
    );
  }

  without(at: number): Leaf {
    return new Leaf(this.atoms.toSpliced(at, 1), this.values?.toSpliced(at, 1));
  }

  /** With those elements, in order, whose keys it lacks. */
  withElements(elements: readonly Element[]): Leaf {
    const merged: Element[] = [];
    let at = 0;
    for (const element of elements) {
      const place = this.find(element[0]);
      const end = place < 0 ? ~place : place;
      while (at < end) merged.push(this.#element(at++));
      if (place < 0) merged.push(element);
    }
    while (at < this.atoms.length) merged.push(this.#element(at++));
    return leafOf(merged);
  }

  withoutElements(elements: readonly Element[]): Leaf {
    const gone = new Set<number>();
    for (const [key, value] of elements) {
      const at = this.find(key);
      if (at >= 0 && (value === undefined || this.values?.[at] === value)) gone.add(at);
    }
    if (gone.size === 0) return this;
    return new Leaf(
      this.atoms.filter((_, i) => !gone.has(i)),
      this.values?.filter((_, i) => !gone.has(i)),
    );
  }

  #element(at: number): Element {
    return [this.atoms[at] ?? '', this.values?.[at]];
  }

  /** Itself, in parts if it has grown too large, or nothing if it is empty. */
  split(): Leaf[] {
    const { atoms, values } = this;
    if (atoms.length <= leafSize) return atoms.length === 0 ? [] : [this];
    const size = Math.ceil(atoms.length / Math.ceil(atoms.length / leafSize));
    const parts: Leaf[] = [];
    for (let at = 0; at < atoms.length; at += size) {
      parts.push(new Leaf(atoms.slice(at, at + size), values?.slice(at, at + size)));
    }
    return parts;
  }
}

/** A leaf of more atoms keeps its text. */
const worthKeeping = 8;

class Tree extends Datum {
  override readonly leaves: readonly Leaf[];
  override readonly size: number;

  constructor(leaves: readonly Leaf[]) {
    super();
    this.leaves = leaves;
    let size = 0;
    for (const leaf of leaves) size += leaf.atoms.length;
    this.size = size;
  }

  override get first(): Atom | undefined {
    return this.leaves[0]?.first;
  }
  override get firstValue(): Atom | undefined {
    return this.leaves[0]?.firstValue;
  }

  protected override elementsText(type: ColumnType): string {
    return this.leaves.map((leaf) => leaf.textOf(type)).join();
  }
}

Datum.empty = new Leaf([], undefined);

const leafOf = (elements: readonly Element[]): Leaf => {
  const values: Atom[] = [];
  for (const [, value] of elements) if (value !== undefined) values.push(value);
  return new Leaf(
    elements.map(([key]) => key),
    values.length > 0 ? values : undefined,
  );
};

/** Whether no atom is at or before the one in front of it. */
export const isAscending = (atoms: readonly Atom[]): boolean => {
  for (let i = 1; i < atoms.length; i++) {
    if (compareAtoms(atoms[i - 1] ?? '', atoms[i] ?? '') >= 0) return false;
  }
  return true;
};

const sortedUnique = (elements: readonly Element[]): Element[] => {
  const sorted = elements.toSorted(([a], [b]) => compareAtoms(a, b));
  return sorted.filter(([key], i) => sorted[i + 1]?.[0] !== key);
};

/** What a column holds when an insert does not say. */
export const defaultDatum = (type: ColumnType): Datum => {
  if (type.min === 0) return Datum.empty;
  const known = defaults.get(type);
  if (known !== undefined) return known;
  const datum = Datum.fromElements([[defaultAtom(type.key.type), type.value && defaultAtom(type.value.type)]]);
  defaults.set(type, datum);
  return datum;
};

/** One for each type, so that equal ones are the same. */
const defaults = new WeakMap<ColumnType, Datum>();

/** @throws OvsdbError constraint violation */
export const checkSize = (datum: Datum, type: ColumnType): void => {
  if (datum.size >= type.min && datum.size <= type.max) return;
  throw new OvsdbError('constraint violation', `Attempted to store ${datum.size} elements in ${describeType(type)}.`);
};

/** @throws OvsdbError constraint violation */
export const checkDatum = (datum: Datum, type: ColumnType): void => {
  for (const [key, value] of datum.elements()) {
    checkAtom(key, type.key);
    if (type.value !== undefined && value !== undefined) checkAtom(value, type.value);
  }
};

import { type Atom, atomText, compareAtoms, defaultAtom, parseAtom } from './atom.ts';
import { OvsdbError, syntaxError } from './error.ts';
import { isArray, type Json } from './json.ts';
import type { SymbolTable } from './symbol.ts';
import { atomWord, type ColumnType, checkAtom, describeType, isMap } from './type.ts';

/** What error messages call the size of a set that has no limit. */
const unlimited = 2 ** 32 - 1;

/** Leaves are split beyond this many atoms: a change copies one leaf and the list of leaves. */
const leafSize = 128;

export type Element = readonly [key: Atom, value: Atom | undefined];

/**
 * The value of a column: a sorted set of atoms, or a map (RFC 7047 section 5.1). Immutable: what changes it returns
 * another datum, at a cost that grows with the change and the square root of the size. A small datum is one Leaf; a large
 * one is a Tree of leaves, most of which it shares with what it was before.
 */
export abstract class Datum {
  abstract readonly size: number;
  abstract readonly leaves: readonly Leaf[];

  /** A set of these atoms, in any order; duplicates count once. */
  static of(...atoms: readonly Atom[]): Datum {
    if (atoms.length === 1) return new Leaf(atoms, undefined);
    return Datum.fromElements(atoms.map((atom) => [atom, undefined]));
  }

  /** A set or map of these elements, in any order; of equal keys the last one counts. */
  static fromElements(elements: readonly Element[]): Datum {
    if (elements.length === 0) return Datum.empty;
    const sorted = isAscending(elements.map(([key]) => key)) ? elements : sortedUnique(elements);
    const leaves: Leaf[] = [];
    for (let at = 0; at < sorted.length; at += leafSize) leaves.push(leafOf(sorted.slice(at, at + leafSize)));
    return Datum.#join(leaves);
  }

  static #join(leaves: readonly Leaf[]): Datum {
    const [only] = leaves;
    if (only === undefined) return Datum.empty;
    return leaves.length === 1 ? only : new Tree(leaves);
  }

  /** The first atom: all there is of a scalar. */
  get first(): Atom | undefined {
    return this.leaves[0]?.atoms[0];
  }

  /** The value of the first key in a map. */
  get firstValue(): Atom | undefined {
    return this.leaves[0]?.values?.[0];
  }

  *keys(): Generator<Atom> {
    for (const leaf of this.leaves) yield* leaf.atoms;
  }

  *elements(): Generator<Element> {
    for (const { atoms, values } of this.leaves) {
      for (const [i, key] of atoms.entries()) yield [key, values?.[i]];
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
    if (this.size === 0) return new Leaf([key], value === undefined ? undefined : [value]);
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
    return nextDifference(new Cursor(this), new Cursor(other)) === undefined;
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
    const text =
      this.atoms.length === 1
        ? this.#elementText(type, 0)
        : this.atoms.map((_, i) => this.#elementText(type, i)).join();
    if (this.atoms.length > worthKeeping) this.#text = text;
    return text;
  }

  #elementText({ key, value }: ColumnType, i: number): string {
    const keyText = atomText(key.type, this.atoms[i] ?? defaultAtom(key.type));
    if (value === undefined) return keyText;
    return `[${keyText},${atomText(value.type, this.values?.[i] ?? defaultAtom(value.type))}]`;
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

const isAscending = (atoms: readonly Atom[]): boolean => {
  for (let i = 1; i < atoms.length; i++) {
    if (compareAtoms(atoms[i - 1] ?? '', atoms[i] ?? '') >= 0) return false;
  }
  return true;
};

const sortedUnique = (elements: readonly Element[]): Element[] => {
  const sorted = elements.toSorted(([a], [b]) => compareAtoms(a, b));
  return sorted.filter(([key], i) => sorted[i + 1]?.[0] !== key);
};

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
    this.#at++;
    if (this.#at < (this.leaf?.atoms.length ?? 0)) return;
    this.#leafAt++;
    this.#at = 0;
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
    if (a.skipShared(b)) continue;
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
  if (a.size + b.size <= leafSize) return findDifferences(a, b);
  if (lastCompared?.a !== a || lastCompared.b !== b) lastCompared = { a, b, differences: findDifferences(a, b) };
  return lastCompared.differences;
};

const findDifferences = (a: Datum, b: Datum): readonly Difference[] => {
  const ours = new Cursor(a);
  const theirs = new Cursor(b);
  const differences: Difference[] = [];
  for (let each = nextDifference(ours, theirs); each !== undefined; each = nextDifference(ours, theirs)) {
    differences.push(each);
  }
  return differences;
};

/** What a column holds when an insert does not say. */
export const defaultDatum = (type: ColumnType): Datum => {
  if (type.min === 0) return Datum.empty;
  return Datum.fromElements([[defaultAtom(type.key.type), type.value && defaultAtom(type.value.type)]]);
};

export interface ParseOptions {
  /** Allows named-uuids. */
  readonly symbols?: SymbolTable;
  /** Allows any number of elements: for conditions and mutations. */
  readonly anySize?: boolean;
}

/**
 * Reads a `<value>` for a column of that type, and checks it against the type's constraints.
 * @throws OvsdbError syntax error, constraint violation
 */
export const parseDatum = (type: ColumnType, json: Json, options: ParseOptions = {}): Datum =>
  isMap(type) ? parseMap(type, json, options) : parseSet(type, json, options);

const parseSet = (type: ColumnType, json: Json, options: ParseOptions): Datum => {
  if (!isArray(json) || json[0] !== 'set') return new Leaf([parseKey(type, json, options)], undefined);
  const atoms = parseMembers('set', type, json, options).map((each) => parseKey(type, each, options));
  if (atoms.length <= leafSize && isAscending(atoms))
    return atoms.length === 0 ? Datum.empty : new Leaf(atoms, undefined);
  return distinctDatum(
    atoms.map((atom) => [atom, undefined]),
    'set contains duplicate',
  );
};

const parseKey = ({ key }: ColumnType, json: Json, { symbols }: ParseOptions): Atom => {
  const atom = parseAtom(key.type, json, symbols);
  checkAtom(atom, key);
  return atom;
};

const parseMap = (type: ColumnType, json: Json, options: ParseOptions): Datum => {
  const { key, value = key } = type;
  const atoms: Atom[] = [];
  const values: Atom[] = [];
  for (const pair of parseMembers('map', type, json, options)) {
    if (!isArray(pair) || pair.length !== 2) throw syntaxError('expected 2-element array', pair);
    atoms.push(parseKey(type, pair[0] ?? null, options));
    const valueAtom = parseAtom(value.type, pair[1] ?? null, options.symbols);
    checkAtom(valueAtom, value);
    values.push(valueAtom);
  }
  if (atoms.length <= leafSize && isAscending(atoms)) return atoms.length === 0 ? Datum.empty : new Leaf(atoms, values);
  return distinctDatum(
    atoms.map((atom, i) => [atom, values[i]]),
    'map contains duplicate key',
  );
};

/** @throws OvsdbError for equal keys */
const distinctDatum = (elements: readonly Element[], complaint: string): Datum => {
  const datum = Datum.fromElements(elements);
  if (datum.size < elements.length) throw new OvsdbError('ovsdb error', complaint);
  return datum;
};

const parseMembers = (keyword: 'set' | 'map', type: ColumnType, json: Json, options: ParseOptions) => {
  const members = isArray(json) && json.length === 2 && json[0] === keyword ? json[1] : undefined;
  if (!isArray(members)) {
    throw syntaxError(`expected ["${keyword}", <array>]`, json);
  }
  const { length } = members;
  if (options.anySize !== true && (length < type.min || length > type.max)) {
    throw syntaxError(`${keyword} must have ${memberCount(type)} but ${length} are present`, json);
  }
  return members;
};

const memberCount = ({ min, max }: ColumnType): string =>
  min === 1 && max === 1 ? 'exactly one member' : `${min} to ${max === Infinity ? unlimited : max} members`;

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

/**
 * What "update2" and "update3" send of a changed column (ovsdb-server(7), section 4.1.13): the new value where
 * there is one element at most; else the members that come or go; in a map also the new values.
 */
export const diffDatum = (type: ColumnType, before: Datum, after: Datum): Datum => {
  if (type.max === 1) return after;
  const map = isMap(type);
  const elements: Element[] = [];
  for (const change of difference(before, after)) {
    elements.push([change.key, map ? (change.new ?? change.old) : undefined]);
  }
  return Datum.fromElements(elements);
};

/** The inverse of diffDatum: `before` with such a difference applied. */
export const patchDatum = (type: ColumnType, before: Datum, diff: Datum): Datum => {
  if (type.max === 1) return diff;
  let after = before;
  for (const [key, value] of diff.elements()) {
    const gone = isMap(type) ? before.get(key) === value : before.has(key);
    after = gone ? after.remove(key) : after.put(key, value);
  }
  return after;
};

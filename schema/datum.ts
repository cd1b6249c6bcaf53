import { type Atom, atomText, compareAtoms, defaultAtom, parseAtom } from './atom.ts';
import { OvsdbError, syntaxError } from './error.ts';
import { isArray, type Json } from './json.ts';
import type { SymbolTable } from './symbol.ts';
import { atomWord, type ColumnType, checkAtom, describeType, isMap } from './type.ts';

/** What error messages call the size of a set that has no limit. */
const unlimited = 2 ** 32 - 1;

/** Leaves are split beyond this many atoms: a change copies one leaf and the list of leaves. */
const leafSize = 256;

/**
 * Part of a datum: sorted atoms and, in a map, their values. Frozen once built; changes make new leaves, so that
 * data which differ little share most of their leaves.
 */
export class Leaf {
  readonly keys: readonly Atom[];
  readonly values: readonly Atom[] | undefined;
  /** Its elements on the wire, joined by commas: made when first needed. */
  #text: string | undefined;

  constructor(keys: readonly Atom[], values: readonly Atom[] | undefined) {
    this.keys = keys;
    this.values = values;
  }

  text(type: ColumnType): string {
    this.#text ??= this.keys.map((_key, i) => this.#elementText(type, i)).join();
    return this.#text;
  }

  #elementText({ key, value }: ColumnType, i: number): string {
    const keyText = atomText(key.type, this.keys[i] ?? defaultAtom(key.type));
    if (value === undefined) return keyText;
    return `[${keyText},${atomText(value.type, this.values?.[i] ?? defaultAtom(value.type))}]`;
  }

  /** Where `key` is, or the complement (~i) of where it would go. */
  find(key: Atom): number {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareAtoms(this.keys[middle] ?? key, key);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return ~low;
  }

  put(key: Atom, value: Atom | undefined): Leaf {
    const at = this.find(key);
    if (at >= 0) {
      if (value === undefined || this.values === undefined || this.values[at] === value) return this;
      return new Leaf(this.keys, this.values.with(at, value));
    }
    return new Leaf(
      this.keys.toSpliced(~at, 0, key),
      value === undefined ? undefined : this.values?.toSpliced(~at, 0, value),
    );
  }

  remove(at: number): Leaf {
    return new Leaf(this.keys.toSpliced(at, 1), this.values?.toSpliced(at, 1));
  }

  split(): Leaf[] {
    if (this.keys.length <= leafSize) return this.keys.length === 0 ? [] : [this];
    const middle = this.keys.length >>> 1;
    return [
      new Leaf(this.keys.slice(0, middle), this.values?.slice(0, middle)),
      new Leaf(this.keys.slice(middle), this.values?.slice(middle)),
    ];
  }

  equals(other: Leaf): boolean {
    return this === other || (sameAtoms(this.keys, other.keys) && sameAtoms(this.values ?? [], other.values ?? []));
  }
}

const sameAtoms = (a: readonly Atom[], b: readonly Atom[]): boolean =>
  a.length === b.length && a.every((atom, i) => atom === b[i]);

export type Element = readonly [key: Atom, value: Atom | undefined];

/**
 * The value of a column: a sorted set of atoms, or a map (RFC 7047 section 5.1). Immutable: what changes it returns
 * another datum, at a cost that grows with the change and the square root of the size.
 */
export class Datum {
  readonly leaves: readonly Leaf[];
  readonly size: number;

  private constructor(leaves: readonly Leaf[]) {
    this.leaves = leaves;
    this.size = leaves.reduce((sum, { keys }) => sum + keys.length, 0);
  }

  static readonly empty = new Datum([]);

  /** A set of these atoms, in any order; duplicates count once. */
  static of(...atoms: readonly Atom[]): Datum {
    return Datum.fromElements(atoms.map((atom) => [atom, undefined]));
  }

  /** A set or map of these elements, in any order; of equal keys the last one counts. */
  static fromElements(elements: readonly Element[]): Datum {
    if (elements.length === 0) return Datum.empty;
    if (!isAscending(elements)) return Datum.#fromAscending(sortedUnique(elements));
    return Datum.#fromAscending(elements);
  }

  static #fromAscending(elements: readonly Element[]): Datum {
    const leaves: Leaf[] = [];
    for (let at = 0; at < elements.length; at += leafSize) {
      const part = elements.slice(at, at + leafSize);
      const values: Atom[] = [];
      for (const [, value] of part) if (value !== undefined) values.push(value);
      leaves.push(
        new Leaf(
          part.map(([key]) => key),
          values.length > 0 ? values : undefined,
        ),
      );
    }
    return new Datum(leaves);
  }

  /** The first atom: all there is of a scalar. */
  get first(): Atom | undefined {
    return this.leaves[0]?.keys[0];
  }

  *keys(): Generator<Atom> {
    for (const leaf of this.leaves) yield* leaf.keys;
  }

  *elements(): Generator<Element> {
    for (const { keys, values } of this.leaves) {
      for (const [i, key] of keys.entries()) yield [key, values?.[i]];
    }
  }

  has(key: Atom): boolean {
    return (this.leaves[this.#leafOf(key)]?.find(key) ?? -1) >= 0;
  }

  /** The value of that key in a map. */
  get(key: Atom): Atom | undefined {
    const leaf = this.leaves[this.#leafOf(key)];
    const at = leaf?.find(key) ?? -1;
    return at >= 0 ? leaf?.values?.[at] : undefined;
  }

  /** With that element; in a map the value replaces one that is there. */
  put(key: Atom, value?: Atom): Datum {
    const at = this.#leafOf(key);
    const leaf = this.leaves[at];
    if (leaf === undefined) return new Datum([new Leaf([key], value === undefined ? undefined : [value])]);
    const changed = leaf.put(key, value);
    return changed === leaf ? this : new Datum(this.leaves.toSpliced(at, 1, ...changed.split()));
  }

  /** Without that key. */
  remove(key: Atom): Datum {
    const at = this.#leafOf(key);
    const leaf = this.leaves[at];
    const position = leaf?.find(key) ?? -1;
    if (leaf === undefined || position < 0) return this;
    return new Datum(this.leaves.toSpliced(at, 1, ...leaf.remove(position).split()));
  }

  /** Which leaf holds the key, or would: the last one that starts at or before it. */
  #leafOf(key: Atom): number {
    let low = 0;
    let high = this.leaves.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (compareAtoms(this.leaves[middle]?.keys[0] ?? key, key) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  equals(other: Datum): boolean {
    if (this === other) return true;
    if (this.size !== other.size) return false;
    if (this.leaves.length === 1 && other.leaves.length === 1) return sameLeaves(this.leaves, other.leaves);
    return difference(this, other).next().done === true;
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
    if (isMap(type)) return `["map",[${this.#elementsText(type)}]]`;
    return this.size === 1 ? this.#elementsText(type) : `["set",[${this.#elementsText(type)}]]`;
  }

  #elementsText(type: ColumnType): string {
    return this.leaves.length === 1
      ? (this.leaves[0]?.text(type) ?? '')
      : this.leaves.map((leaf) => leaf.text(type)).join();
  }
}

const sameLeaves = (a: readonly Leaf[], b: readonly Leaf[]): boolean =>
  a.every((leaf, i) => {
    const other = b[i];
    return other !== undefined && leaf.equals(other);
  });

const isAscending = (elements: readonly Element[]): boolean => {
  let previous: Atom | undefined;
  for (const [key] of elements) {
    if (previous !== undefined && compareAtoms(previous, key) >= 0) return false;
    previous = key;
  }
  return true;
};

const sortedUnique = (elements: readonly Element[]): Element[] => {
  const sorted = elements.toSorted(([a], [b]) => compareAtoms(a, b));
  return sorted.filter(([key], i) => sorted[i + 1]?.[0] !== key);
};

/** One key at which two data differ: its value before and after, absent where the key is. In a set the key itself. */
export interface Difference {
  readonly key: Atom;
  readonly old: Atom | undefined;
  readonly new: Atom | undefined;
}

/** What differs between two data, in the order of keys. Leaves that both share are passed over unread. */
export function* difference(a: Datum, b: Datum): Generator<Difference> {
  const [ours, theirs] = withoutShared(a.leaves, b.leaves);
  let i = 0;
  let j = 0;
  while (i < ours.length || j < theirs.length) {
    const x = ours[i];
    const y = theirs[j];
    const order = x === undefined ? 1 : y === undefined ? -1 : compareAtoms(x[0], y[0]);
    if (order <= 0) i++;
    if (order >= 0) j++;
    if (order < 0 && x) yield { key: x[0], old: x[1] ?? x[0], new: undefined };
    else if (order > 0 && y) yield { key: y[0], old: undefined, new: y[1] ?? y[0] };
    else if (x && y && x[1] !== y[1]) yield { key: x[0], old: x[1] ?? x[0], new: y[1] ?? y[0] };
  }
}

const withoutShared = (a: readonly Leaf[], b: readonly Leaf[]): [Element[], Element[]] => {
  if (a.length <= 1 && b.length <= 1) return [elementsOf(a), elementsOf(b)];
  const inA = new Set(a);
  const shared = new Set(b.filter((leaf) => inA.has(leaf)));
  const own = (leaves: readonly Leaf[]) => elementsOf(leaves.filter((leaf) => !shared.has(leaf)));
  return [own(a), own(b)];
};

const elementsOf = (leaves: readonly Leaf[]): Element[] =>
  leaves.flatMap(({ keys, values }) => keys.map((key, i): Element => [key, values?.[i]]));

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
export const parseDatum = (type: ColumnType, json: Json, options: ParseOptions = {}): Datum => {
  const elements = isMap(type) ? parseMap(type, json, options) : parseSet(type, json, options);
  if (!isAscending(elements)) {
    const sorted = sortedUnique(elements);
    if (sorted.length < elements.length) {
      throw new OvsdbError('ovsdb error', isMap(type) ? 'map contains duplicate key' : 'set contains duplicate');
    }
    return Datum.fromElements(sorted);
  }
  return Datum.fromElements(elements);
};

const parseSet = (type: ColumnType, json: Json, options: ParseOptions): Element[] => {
  const { key } = type;
  if (!isArray(json) || json[0] !== 'set') {
    const atom = parseAtom(key.type, json, options.symbols);
    checkAtom(atom, key);
    return [[atom, undefined]];
  }
  return parseMembers('set', type, json, options).map((each) => {
    const atom = parseAtom(key.type, each, options.symbols);
    checkAtom(atom, key);
    return [atom, undefined];
  });
};

const parseMap = (type: ColumnType, json: Json, options: ParseOptions): Element[] => {
  const { key, value = key } = type;
  return parseMembers('map', type, json, options).map((pair) => {
    const [keyJson, valueJson, ...rest] = isArray(pair) ? pair : [];
    if (keyJson === undefined || valueJson === undefined || rest.length > 0) {
      throw syntaxError('expected 2-element array', pair);
    }
    const keyAtom = parseAtom(key.type, keyJson, options.symbols);
    checkAtom(keyAtom, key);
    const valueAtom = parseAtom(value.type, valueJson, options.symbols);
    checkAtom(valueAtom, value);
    return [keyAtom, valueAtom];
  });
};

const parseMembers = (keyword: 'set' | 'map', type: ColumnType, json: Json, options: ParseOptions) => {
  const [word, members, ...rest] = isArray(json) ? json : [];
  if (word !== keyword || !isArray(members) || rest.length > 0) {
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

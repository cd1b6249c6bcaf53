import { type Atom, parseAtom } from './atom.ts';
import { Datum, type Element, isAscending, Leaf, leafSize } from './datum.ts';
import { OvsdbError, syntaxError } from './error.ts';
import { isArray, type Json } from './json.ts';
import type { SymbolTable } from './symbol.ts';
import { type ColumnType, checkAtom, isMap } from './type.ts';

/** What error messages call the size of a set that has no limit. */
const unlimited = 2 ** 32 - 1;

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
  if (!isArray(json) || json[0] !== 'set') return Datum.of(parseKey(type, json, options));
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

import type { Atom, AtomicType } from '../schema/atom.ts';
import { toInteger } from '../schema/json.ts';

export type SqlValue = number | bigint | string | null;

export const sqlTypes: { readonly [type in AtomicType]: string } = {
  integer: 'INTEGER',
  real: 'REAL',
  boolean: 'INTEGER',
  string: 'TEXT',
  uuid: 'TEXT',
};

export const toSql = (atom: Atom): SqlValue => (typeof atom === 'boolean' ? Number(atom) : atom);

/** The expression that makes a JSON array of these values, one of each row. Integers that JSON would round are text. */
export const jsonArrayOf = (type: AtomicType, value: string): string => {
  if (type !== 'integer') return `json_group_array(${value})`;
  const exact = `${value} BETWEEN ${Number.MIN_SAFE_INTEGER} AND ${Number.MAX_SAFE_INTEGER}`;
  return `json_group_array(iif(${exact}, ${value}, CAST(${value} AS TEXT)))`;
};

type Test = (value: unknown) => value is Atom | null;

const isNumber: Test = (value) => typeof value === 'number' || value === null;
const isText: Test = (value) => typeof value === 'string' || value === null;
const isBoolean: Test = (value) => typeof value === 'boolean' || value === null;

/** What JSON has as it is in memory. */
const isAtom: { readonly [type in AtomicType]: Test } = {
  integer: isNumber,
  real: isNumber,
  boolean: isBoolean,
  string: isText,
  uuid: isText,
};

/**
 * Reads what `jsonArrayOf` made; null stands for no atom.
 * @throws when a value is not of that type
 */
export const parseAtoms = (type: AtomicType, json: unknown): readonly (Atom | null)[] => {
  const values = parseArray(json);
  const test = isAtom[type];
  if (values.every(test)) return values;
  return values.map((value) => {
    const atom = test(value) ? value : convert(type, value);
    if (atom === undefined) throw new TypeError(`${JSON.stringify(value)} is not of type ${type}`);
    return atom;
  });
};

const convert = (type: AtomicType, value: unknown): Atom | undefined => {
  if (type === 'boolean' && typeof value === 'number') return value !== 0;
  return type === 'integer' && typeof value === 'string' ? toInteger(BigInt(value)) : undefined;
};

/**
 * As parseAtoms, where no value may be missing.
 * @throws when one is, or is not of that type
 */
export const parseAllAtoms = (type: AtomicType, json: unknown): readonly Atom[] => {
  const atoms = parseAtoms(type, json);
  if (!isComplete(atoms)) throw new TypeError(`a value of type ${type} is missing`);
  return atoms;
};

const isComplete = (atoms: readonly (Atom | null)[]): atoms is readonly Atom[] => !atoms.includes(null);

/** A column that holds ids of rows. @throws when one is not a number, or they are not in order */
export const parseIds = (json: unknown): readonly number[] => {
  const ids = parseArray(json);
  const inOrder = (id: unknown, i: number): id is number =>
    typeof id === 'number' && (i === 0 || Number(ids[i - 1]) <= id);
  if (!ids.every(inOrder)) throw new TypeError('rows are not in the order of their ids');
  return ids;
};

const parseArray = (json: unknown): unknown[] => {
  const parsed: unknown = JSON.parse(String(json));
  return Array.isArray(parsed) ? parsed : [];
};

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

const fromJson: { readonly [type in AtomicType]: (value: unknown) => Atom | undefined } = {
  integer: (value) => (typeof value === 'string' ? toInteger(BigInt(value)) : numberOf(value)),
  real: (value) => numberOf(value),
  boolean: (value) => (typeof value === 'number' ? value !== 0 : undefined),
  string: (value) => textOf(value),
  uuid: (value) => textOf(value),
};

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/**
 * Reads what `jsonArrayOf` made; null stands for no atom.
 * @throws when a value is not of that type
 */
export const parseAtoms = (type: AtomicType, json: unknown): (Atom | null)[] => {
  const read = fromJson[type];
  return parseArray(json).map((value) => {
    if (value === null) return null;
    const atom = read(value);
    if (atom === undefined) throw new TypeError(`${JSON.stringify(value)} is not of type ${type}`);
    return atom;
  });
};

/**
 * As parseAtoms, where no value may be missing.
 * @throws when one is, or is not of that type
 */
export const parseAllAtoms = (type: AtomicType, json: unknown): Atom[] => {
  const atoms = parseAtoms(type, json);
  if (!atoms.every((atom) => atom !== null)) throw new TypeError(`a value of type ${type} is missing`);
  return atoms;
};

/** The values of a column that holds numbers of rows. @throws when one is not a number, or they are not in order */
export const parseIds = (json: unknown): number[] =>
  parseArray(json).map((value, i, all) => {
    if (typeof value !== 'number') throw new TypeError(`${JSON.stringify(value)} is not the number of a row`);
    if (i > 0 && Number(all[i - 1]) > value) throw new TypeError('rows are not in the order of their numbers');
    return value;
  });

const parseArray = (json: unknown): unknown[] => {
  const parsed: unknown = JSON.parse(String(json));
  return Array.isArray(parsed) ? parsed : [];
};

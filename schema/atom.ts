import { syntaxError } from './error.ts';
import { formatReal, integerOf, isArray, type Json } from './json.ts';
import type { SymbolTable } from './symbol.ts';
import { isUuid, zeroUuid } from './uuid.ts';

export type AtomicType = 'integer' | 'real' | 'boolean' | 'string' | 'uuid';

/** One value of an atomic type (RFC 7047 section 3.1). An integer beyond 2^53 is a bigint; a uuid is its text. */
export type Atom = number | bigint | boolean | string;

const atomicTypes: ReadonlySet<string> = new Set<AtomicType>(['integer', 'real', 'boolean', 'string', 'uuid']);
export const isAtomicType = (name: string): name is AtomicType => atomicTypes.has(name);

const defaults: { readonly [type in AtomicType]: Atom } = {
  integer: 0,
  real: 0,
  boolean: false,
  string: '',
  uuid: zeroUuid,
};
export const defaultAtom = (type: AtomicType): Atom => defaults[type];

/** Strings in the order of their UTF-8 bytes (which is that of their code points); numbers and booleans by value. */
export const compareAtoms = (a: Atom, b: Atom): number => {
  if (a === b) return 0;
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  return a < b ? -1 : 1;
};

/** UTF-16 puts the surrogates, which stand for the highest code points, before U+E000 to U+FFFF. */
export const compareStrings = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return x >= 0xd800 && y >= 0xd800 ? ((x + 0x2000) % 0x10000) - ((y + 0x2000) % 0x10000) : x - y;
  }
  return a.length - b.length;
};

type AtomParser = (json: Json, symbols: SymbolTable | undefined) => Atom | undefined;

const parsers: { readonly [type in AtomicType]: AtomParser } = {
  integer: (json) => (typeof json === 'number' || typeof json === 'bigint' ? integerOf(json) : undefined),
  real: (json) => (typeof json === 'number' || typeof json === 'bigint' ? Number(json) : undefined),
  boolean: (json) => (typeof json === 'boolean' ? json : undefined),
  string: (json) => (typeof json === 'string' ? json : undefined),
  uuid: (json, symbols) => parseUuidAtom(json, symbols),
};

/**
 * Reads an `<atom>` of RFC 7047 section 5.1; a named-uuid only where `symbols` are given.
 * @throws OvsdbError syntax error
 */
export const parseAtom = (type: AtomicType, json: Json, symbols?: SymbolTable): Atom => {
  const atom = parsers[type](json, symbols);
  if (atom === undefined) throw syntaxError(`expected ${type}`, json);
  return atom;
};

const parseUuidAtom = (json: Json, symbols: SymbolTable | undefined): Atom => {
  const text = isArray(json) && json.length === 2 ? json[1] : undefined;
  if (isArray(json) && typeof text === 'string') {
    const keyword = json[0];
    if (keyword === 'uuid') return parseUuid(text, json);
    if (keyword === 'named-uuid' && symbols !== undefined) return symbols.refer(text, json);
  }
  throw syntaxError('expected ["uuid", <string>]', json);
};

/** @throws OvsdbError syntax error that quotes `json` */
export const parseUuid = (text: string, json: Json): string => {
  if (!isUuid(text)) throw syntaxError(`"${text}" is not a valid UUID`, json);
  return text.toLowerCase();
};

/** The atom's JSON text on the wire. */
export const atomText = (type: AtomicType, atom: Atom): string => {
  if (type === 'uuid') return `["uuid","${atom}"]`;
  if (typeof atom === 'string') return JSON.stringify(atom);
  return type === 'real' ? formatReal(Number(atom)) : atom.toString();
};

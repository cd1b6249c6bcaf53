import type { Atom } from '../schema/atom.ts';
import { Datum, type Element } from '../schema/datum.ts';
import { OvsdbError } from '../schema/error.ts';
import { toInteger } from '../schema/json.ts';
import { type BaseType, type ColumnType, checkAtom, describeType, isMap } from '../schema/type.ts';
import { isUuid } from '../schema/uuid.ts';
import { CommandFailure } from './failure.ts';
import { unescapeString } from './string-escape.ts';
import type { Symbols } from './symbols.ts';
import { isDelimiter, quoteNext, Scanner } from './token.ts';

/** The most integers that a range such as 1-4096 may stand for. */
const maxRange = 4096;

const truths: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'yes', 'on', '1'].map((word) => [word, true] as const),
  ...['false', 'no', 'off', '0'].map((word) => [word, false] as const),
]);

const parseInteger = (text: string): number | bigint | undefined =>
  /^\s*[+-]?\d+$/.test(text) ? toInteger(BigInt(text.trim().replace(/^\+/, ''))) : undefined;

type AtomParser = (text: string, base: BaseType, symbols: Symbols) => Atom;

const atomParsers: { readonly [type in BaseType['type']]: AtomParser } = {
  integer: (text) => {
    const integer = parseInteger(text);
    if (integer === undefined) throw new CommandFailure(`"${text}" is not a valid integer or range`);
    return integer;
  },
  real: (text) => {
    if (!/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
      throw new CommandFailure(`"${text}" is not a valid real number`);
    }
    const real = Number(text);
    return real === 0 ? 0 : real;
  },
  boolean: (text) => {
    const truth = truths.get(text);
    if (truth === undefined) {
      throw new CommandFailure(`"${text}" is not a valid boolean (use "true" or "false")`);
    }
    return truth;
  },
  string: (text) => {
    if (!text.startsWith('"')) return text;
    if (text.length < 2 || !text.endsWith('"')) {
      throw new CommandFailure(`${text}: missing quote at end of quoted string`);
    }
    return unescapeString(text);
  },
  uuid: (text, base, symbols) => {
    if (text.startsWith('@')) return symbols.refer(text, base.refTable === undefined ? undefined : base.refType);
    if (!isUuid(text)) throw new CommandFailure(`"${text}" is not a valid UUID`);
    return text.toLowerCase();
  },
};

/**
 * Reads one atom, such as the value after `column:key=`.
 * @throws CommandFailure
 */
export const parseAtom = (text: string, base: BaseType, symbols: Symbols): Atom => {
  if (text === '') {
    throw new CommandFailure('An empty string is not valid as input; use "" to represent the empty string');
  }
  return checked(atomParsers[base.type](text, base, symbols), base);
};

const checked = (atom: Atom, base: BaseType): Atom => {
  try {
    checkAtom(atom, base);
  } catch (error) {
    if (error instanceof OvsdbError) throw new CommandFailure(error.message);
    throw error;
  }
  return atom;
};

/** The atoms that an element of a set stands for: several, if it is a range of integers. */
const parseMember = (text: string, base: BaseType, symbols: Symbols): Atom[] => {
  const [, first, last] = (base.type === 'integer' && /^(\s*[+-]?\d+)-([+-]?\d+)$/.exec(text)) || [];
  const [start, end] = [parseInteger(first ?? ''), parseInteger(last ?? '')];
  if (start === undefined || end === undefined) return [parseAtom(text, base, symbols)];
  if (end < start) {
    throw new CommandFailure(`"${text}" is not a valid range. Range end cannot be before start.`);
  }
  checked(start, base);
  checked(end, base);
  const count = BigInt(end) - BigInt(start) + 1n;
  if (count > maxRange) {
    throw new CommandFailure(`Range "${start}-${end}" is too big. Maximum allowed size is ${maxRange}.`);
  }
  return Array.from({ length: Number(count) }, (_, i) => toInteger(BigInt(start) + BigInt(i)) ?? 0);
};

/** How many elements the text may hold, when not what the type says. */
export interface Limits {
  readonly min: number;
  readonly max: number;
}
/** For `add` and `remove`, whose arguments are parts of a value. */
export const anyNumber: Limits = { min: 1, max: Infinity };

/**
 * Reads a value of that type.
 * @throws CommandFailure
 */
export const parseValue = (text: string, type: ColumnType, symbols: Symbols, limits: Limits = type): Datum => {
  const scanner = new Scanner(text);
  const elements: Element[] = [];
  const map = isMap(type);
  const [open, close] = map ? ['{', '}'] : ['[', ']'];
  scanner.skipSpaces();
  if (scanner.next === '')
    throw new CommandFailure(`use "${open}${close}" to specify the empty ${map ? 'map' : 'set'}`);
  const delimited = scanner.accept(open);
  if (delimited) scanner.skipSpaces();
  while (scanner.next !== '' && !(delimited && scanner.next === close)) {
    if (isDelimiter(scanner.next)) {
      throw new CommandFailure(`${text}: unexpected "${scanner.next}" parsing ${describeType({ ...type, ...limits })}`);
    }
    elements.push(...(map ? parsePair(scanner, type, symbols) : parseSetMember(scanner, type, symbols)));
    scanner.skipSpaces();
    if (scanner.accept(',')) scanner.skipSpaces();
  }
  if (delimited) finishDelimited(scanner, close);
  return collect(text, type, elements, limits);
};

const parseSetMember = (scanner: Scanner, type: ColumnType, symbols: Symbols): Element[] =>
  parseMember(scanner.token(), type.key, symbols).map((atom) => [atom, undefined]);

const parsePair = (scanner: Scanner, { key, value = key }: ColumnType, symbols: Symbols): Element[] => {
  const keyAtom = parseAtom(scanner.token(), key, symbols);
  if (!scanner.accept('=')) {
    throw new CommandFailure(`${scanner.text}: syntax error at ${quoteNext(scanner.next, ' expecting "="')}`);
  }
  return [[keyAtom, parseAtom(scanner.token(), value, symbols)]];
};

const finishDelimited = (scanner: Scanner, close: string): void => {
  const { text } = scanner;
  if (!scanner.accept(close)) throw new CommandFailure(`${text}: missing "${close}" at end of data`);
  scanner.skipSpaces();
  if (scanner.next !== '') throw new CommandFailure(`${text}: trailing garbage after "${close}"`);
};

const collect = (text: string, type: ColumnType, elements: Element[], { min, max }: Limits): Datum => {
  const noun = isMap(type) ? 'pair(s)' : 'value(s)';
  const count = elements.length;
  if (count < min) throw new CommandFailure(`${text}: ${count} ${noun} specified but the minimum number is ${min}`);
  if (count > max) throw new CommandFailure(`${text}: ${count} ${noun} specified but the maximum number is ${max}`);
  const datum = Datum.fromElements(elements);
  if (datum.size < count) {
    throw new CommandFailure(`${text}: ${isMap(type) ? 'map contains duplicate key' : 'set contains duplicate value'}`);
  }
  return datum;
};

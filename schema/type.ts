import { type Atom, type AtomicType, compareAtoms, isAtomicType, parseAtom } from './atom.ts';
import { OvsdbError, syntaxError } from './error.ts';
import { formatReal, integerOf, isArray, isObject, type Json, type JsonObject } from './json.ts';
import { ObjectParser } from './parser.ts';
import { firstRawBytes } from './raw-bytes.ts';
import { isUuid } from './uuid.ts';

/** What an atom of a column may be: `<base-type>` of RFC 7047 section 3.2. */
export interface BaseType {
  readonly type: AtomicType;
  readonly enum?: readonly Atom[];
  readonly min?: number | bigint;
  readonly max?: number | bigint;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly refTable?: string;
  readonly refType?: 'strong' | 'weak';
}

/** `<type>` of RFC 7047 section 3.2. A scalar is a set of exactly one. `max` is Infinity where unlimited. */
export interface ColumnType {
  readonly key: BaseType;
  readonly value?: BaseType;
  readonly min: number;
  readonly max: number;
}

export const isScalar = (type: ColumnType): boolean => type.value === undefined && type.min === 1 && type.max === 1;
export const isOptionalScalar = (type: ColumnType): boolean =>
  type.value === undefined && type.min === 0 && type.max === 1;
export const isSet = (type: ColumnType): boolean => type.value === undefined && (type.min !== 1 || type.max !== 1);
export const isMap = (type: ColumnType): boolean => type.value !== undefined;

/** What the protocol's limits on sizes and lengths are limited to. */
export const maxUint32 = 2 ** 32 - 1;

/** @throws OvsdbError syntax error */
export const parseType = (json: Json): ColumnType => {
  if (typeof json === 'string') return { key: parseBaseType(json), min: 1, max: 1 };
  const parser = new ObjectParser(json, 'ovsdb type');
  const key = parseBaseType(parser.required('key', 'string', 'object'));
  const valueJson = parser.optional('value', 'string', 'object');
  const value = valueJson === undefined ? undefined : parseBaseType(valueJson);
  const min = parser.optional('min', 'integer') ?? 1;
  const max = parser.optional('max', 'integer', 'string') ?? 1;
  parser.finish();
  const type = {
    key,
    ...(value && { value }),
    min: parseCount(min),
    max: max === 'unlimited' ? Infinity : parseCount(max),
  };
  if (!(type.min === 0 || type.min === 1) || !(type.max >= 1)) {
    throw syntaxError('ovsdb type fails constraint checks', json);
  }
  return type;
};

const parseCount = (json: number | bigint | string): number => {
  const count = typeof json === 'number' ? json : -1;
  if (count < 0 || count > maxUint32) throw syntaxError('bad min or max value', json);
  return count;
};

const parseBaseType = (json: Json): BaseType => {
  if (typeof json === 'string') return { type: parseAtomicType(json) };
  const parser = new ObjectParser(json, 'ovsdb type');
  const type = parseAtomicType(parser.required('type', 'string') ?? null);
  const allowed = parseEnum(parser, type);
  const base = { type, ...(allowed === undefined ? constraintParsers[type](parser) : { enum: allowed }) };
  parser.finish();
  return base;
};

const parseAtomicType = (json: Json): AtomicType => {
  if (typeof json !== 'string') throw syntaxError('atomic-type expected', json);
  if (!isAtomicType(json)) throw syntaxError(`"${json}" is not an atomic-type`, json);
  return json;
};

/** A set of one or more (RFC 7047 section 3.2), or just its only member. */
const parseEnum = (parser: ObjectParser, type: AtomicType): Atom[] | undefined => {
  const json = parser.optional('enum', 'array', 'string', 'number', 'boolean');
  if (json === undefined) return undefined;
  if (!isArray(json) || json[0] !== 'set') return [parseAtom(type, json)];
  const [, members, ...rest] = json;
  if (!isArray(members) || rest.length > 0) throw syntaxError('expected ["set", <array>]', json);
  if (members.length === 0) throw syntaxError(`set must have 1 to ${maxUint32} members but 0 are present`, json);
  const atoms = members.map((each) => parseAtom(type, each)).sort(compareAtoms);
  if (atoms.some((atom, i) => atom === atoms[i + 1])) throw new OvsdbError('ovsdb error', 'set contains duplicate');
  return atoms;
};

const noConstraints = (): Partial<BaseType> => ({});

const constraintParsers: { readonly [type in AtomicType]: (parser: ObjectParser) => Partial<BaseType> } = {
  integer: (parser) => parseRange(parser, 'minInteger', 'maxInteger'),
  real: (parser) => parseRange(parser, 'minReal', 'maxReal'),
  boolean: noConstraints,
  string: (parser) => {
    const minLength = parseLength(parser, 'minLength');
    const maxLength = parseLength(parser, 'maxLength');
    if (minLength !== undefined && maxLength !== undefined && minLength > maxLength) {
      throw syntaxError('minLength exceeds maxLength', parser.json);
    }
    return {
      ...(minLength !== undefined && { minLength }),
      ...(maxLength !== undefined && { maxLength }),
    };
  },
  uuid: (parser) => {
    const refTable = parser.optional('refTable', 'id');
    if (refTable === undefined) return {};
    const refType = parser.optional('refType', 'id') ?? 'strong';
    if (refType !== 'strong' && refType !== 'weak') {
      throw syntaxError(`refType must be "strong" or "weak" (not "${refType}")`, parser.json);
    }
    return { refTable: String(refTable), refType };
  },
};

const parseLength = (parser: ObjectParser, name: string): number | undefined => {
  const json = parser.optional(name, 'integer');
  if (json === undefined) return undefined;
  if (json < 0 || json > maxUint32) throw syntaxError(`${name} out of valid range 0 to ${maxUint32}`, json);
  return Number(json);
};

const parseRange = (parser: ObjectParser, minName: string, maxName: string): Pick<BaseType, 'min' | 'max'> => {
  const kind = minName === 'minInteger' ? 'integer' : 'number';
  const min = parser.optional(minName, kind);
  const max = parser.optional(maxName, kind);
  if (min !== undefined && max !== undefined && min > max) {
    throw syntaxError(`${minName} exceeds ${maxName}`, parser.json);
  }
  return { ...(min !== undefined && { min: toNumber(min) }), ...(max !== undefined && { max: toNumber(max) }) };
};

const toNumber = (value: number | bigint): number | bigint => integerOf(value) ?? value;

/**
 * Checks an atom against its base type's enum, range and length.
 * @throws OvsdbError constraint violation
 */
export const checkAtom = (atom: Atom, base: BaseType): void => {
  if (base.enum !== undefined) checkEnum(atom, base, base.enum);
  else if (base.min !== undefined || base.max !== undefined) checkRange(atom, base);
  else if (typeof atom === 'string') checkString(atom, base);
};

const violation = (details: string): OvsdbError => new OvsdbError('constraint violation', details);

const checkEnum = (atom: Atom, base: BaseType, allowed: readonly Atom[]): void => {
  if (allowed.some((each) => compareAtoms(each, atom) === 0)) return;
  const list = allowed.map((each) => atomWord(base.type, each)).join(', ');
  throw violation(`${atomWord(base.type, atom)} is not one of the allowed values ([${list}])`);
};

/** An atom in the words of error messages and of ovs-vsctl(8), "Database Values". */
export const atomWord = (type: AtomicType, atom: Atom): string => {
  if (type === 'real') return formatReal(Number(atom));
  if (typeof atom === 'string' && type === 'string' && !isBareWord(atom)) return JSON.stringify(atom);
  return atom.toString();
};

/** A string that Open vSwitch prints without quotes (ovs-vsctl(8), "Database Values"). */
export const isBareWord = (text: string): boolean =>
  /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(text) && text !== 'true' && text !== 'false' && !isUuid(text);

const checkRange = (atom: Atom, { type, min, max }: BaseType): void => {
  const tooLow = min !== undefined && compareAtoms(atom, min) < 0;
  const tooHigh = max !== undefined && compareAtoms(atom, max) > 0;
  if (!tooLow && !tooHigh) return;
  const print = (limit: Atom) => atomWord(type, limit);
  if (min !== undefined && max !== undefined) {
    throw violation(`${print(atom)} is not in the valid range ${print(min)} to ${print(max)} (inclusive)`);
  }
  if (min !== undefined) throw violation(`${print(atom)} is less than minimum allowed value ${print(min)}`);
  if (max !== undefined) throw violation(`${print(atom)} is greater than maximum allowed value ${print(max)}`);
};

const checkString = (text: string, { minLength, maxLength }: BaseType): void => {
  const raw = firstRawBytes(text);
  if (raw !== undefined) throw violation(`not a valid UTF-8 string: invalid UTF-8 sequence ${raw}`);
  if (minLength !== undefined || maxLength !== undefined) checkLength(text, minLength, maxLength);
};

/** Lengths count characters, not bytes. */
const checkLength = (text: string, minLength = 0, maxLength = Infinity): void => {
  const length = [...text].length;
  if (length < minLength) {
    throw violation(`"${text}" length ${length} is less than minimum allowed length ${minLength}`);
  }
  if (length > maxLength) {
    throw violation(`"${text}" length ${length} is greater than maximum allowed length ${maxLength}`);
  }
};

/** The type in English, as error messages name it: "set of up to 3 integers". */
export const describeType = (type: ColumnType): string => {
  const { key, value, min, max } = type;
  if (value === undefined && min === 1 && max === 1) return key.type;
  const count = describeCount(min, max);
  const pair = value === undefined ? `${key.type}s` : `(${key.type}, ${value.type}) pairs`;
  return value === undefined ? `set of ${count}${pair}` : `map of ${count}${pair}`;
};

const describeCount = (min: number, max: number): string => {
  if (max === Infinity) return min === 0 ? '' : `${min} or more `;
  return min === 0 ? `up to ${max} ` : `${min} to ${max} `;
};

export const baseTypeToJson = (base: BaseType): string | JsonObject => {
  const { type, enum: allowed, min, max, minLength, maxLength, refTable, refType } = base;
  const real = type === 'real';
  const json: JsonObject = {
    type,
    ...(allowed && { enum: enumToJson(base, allowed) }),
    ...(min !== undefined && { [real ? 'minReal' : 'minInteger']: min }),
    ...(max !== undefined && { [real ? 'maxReal' : 'maxInteger']: max }),
    ...(minLength !== undefined && { minLength }),
    ...(maxLength !== undefined && { maxLength }),
    ...(refTable !== undefined && { refTable }),
    ...(refType === 'weak' && { refType }),
  };
  return Object.keys(json).length === 1 ? type : json;
};

/** As any set: of one element, that alone. */
const enumToJson = ({ type }: BaseType, allowed: readonly Atom[]): Json => {
  const atoms = allowed.map((atom): Json => (type === 'uuid' && typeof atom === 'string' ? ['uuid', atom] : atom));
  const [only = null, ...more] = atoms;
  return more.length === 0 ? only : ['set', atoms];
};

export const typeToJson = (type: ColumnType): string | JsonObject => {
  const key = baseTypeToJson(type.key);
  if (isScalar(type) && !isObject(key)) return key;
  return {
    key,
    ...(type.value && { value: baseTypeToJson(type.value) }),
    ...(type.min !== 1 && { min: type.min }),
    ...(type.max !== 1 && { max: type.max === Infinity ? 'unlimited' : type.max }),
  };
};

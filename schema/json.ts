/**
 * JSON with Open vSwitch's numbers: integers are 64 bits wide and exact, reals print with 15 significant digits.
 *
 * An integer that a JavaScript number cannot hold exactly (2^53 and beyond) is a bigint; every other number is a number.
 */
import { withoutRawBytes } from './raw-bytes.ts';

export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [name: string]: Json };

/** JSON that was serialized before, embedded in a value to be serialized: a row's text is made once, sent many times. */
export class JsonText {
  readonly text: string;
  #bytes: Buffer | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** The text as it is sent; made once, too. */
  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(withoutRawBytes(this.text));
    return this.#bytes;
  }
}
export type OutJson = null | boolean | number | bigint | string | JsonText | readonly OutJson[] | OutJsonObject;
export type OutJsonObject = { readonly [name: string]: OutJson | undefined };

const minInt64 = -(2n ** 63n);
const maxInt64 = 2n ** 63n - 1n;

/** An integer as this project holds it: a number where that is exact, else a bigint. Undefined outside 64 bits. */
export const toInteger = (value: bigint): number | bigint | undefined => {
  if (value < minInt64 || value > maxInt64) return undefined;
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
};

/** The integer that a JSON number stands for (1e3 and 1.0 are integers), or undefined. */
export const integerOf = (json: number | bigint): number | bigint | undefined => {
  if (typeof json === 'bigint' || Number.isSafeInteger(json)) return json === 0 ? 0 : json;
  return Number.isInteger(json) ? toInteger(BigInt(json)) : undefined;
};

export const isObject = (json: Json | undefined): json is JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json);
export const isArray = (json: Json | undefined): json is readonly Json[] => Array.isArray(json);
/** The member of that name, or undefined; never one inherited from Object.prototype. */
export const member = (object: JsonObject, name: string): Json | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined;

/**
 * A number of sixteen digits may be an integer that a double rounds, one with three in its exponent too large for one. Where
 * digits begin a string, or stand behind a letter in one, they are no number.
 */
const mayLosePrecision = /(?:^|[[,:\s])-?\d(?:\d{15}|\d*(?:\.\d+)?[eE]\+?\d{3})/;
/** Escapes that may make a string that no UTF-8 text can hold, or that C cannot. */
const mayBeNoText = /\\u(?:0000|[dD][89a-fA-F])/;

/**
 * Parses one JSON text. Beyond JSON's own rules, numbers must fit a double, and strings must be Unicode without null
 * characters, as for Open vSwitch.
 * @throws SyntaxError
 */
export const parseJson = (text: string): Json => {
  const json = mayLosePrecision.test(text) ? new ExactParser(text).parse() : parseTrusted(text);
  if (mayBeNoText.test(text)) checkStrings(json);
  return json;
};

const checkStrings = (json: Json): void => {
  if (typeof json === 'string') {
    if (json.includes('\0')) throw new SyntaxError('null bytes not supported in quoted strings');
    if (/\p{Surrogate}/u.test(json)) throw new SyntaxError('malformed escape: half of a surrogate pair');
  } else if (isArray(json)) {
    for (const element of json) checkStrings(element);
  } else if (isObject(json)) {
    for (const [name, value] of Object.entries(json)) {
      checkStrings(name);
      checkStrings(value);
    }
  }
};

const parseTrusted: (text: string) => Json = JSON.parse;

const numberToken = /-?(?:0|[1-9]\d*)(\.\d+)?(?:[eE][+-]?\d+)?/y;
const spaceToken = /[ \t\r\n]*/y;
const literals = new Map<string, Json>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** The characters of -2^63; to make a bigint of millions of digits would take long. */
const longestInteger = 20;

/** The slow path of parseJson: as JSON.parse, but no integer of 64 bits is rounded. */
class ExactParser {
  #at = 0;
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }

  parse(): Json {
    const value = this.#value();
    if (this.#peek() !== '') throw this.#unexpected();
    return value;
  }

  #value(): Json {
    const next = this.#peek();
    if (next === '{') return this.#object();
    if (next === '[') return this.#array();
    if (next === '"') return this.#string();
    for (const [word, value] of literals) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    return this.#number();
  }

  #object(): JsonObject {
    const object: { [name: string]: Json } = {};
    this.#at++;
    for (let first = true; !this.#accept('}'); first = false) {
      if (!first) this.#expect(',');
      if (this.#peek() !== '"') throw this.#unexpected();
      const name = this.#string();
      this.#expect(':');
      Object.defineProperty(object, name, {
        value: this.#value(),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
    return object;
  }

  #array(): Json[] {
    const elements: Json[] = [];
    this.#at++;
    while (!this.#accept(']')) {
      if (elements.length > 0) this.#expect(',');
      elements.push(this.#value());
    }
    return elements;
  }

  #string(): string {
    const end = this.#stringEnd();
    const parsed = parseTrusted(this.#text.slice(this.#at, end));
    if (typeof parsed !== 'string') throw this.#unexpected();
    this.#at = end;
    return parsed;
  }

  /** Behind the next quote that is not escaped. No pattern: of a string of some megabytes it would overflow the stack. */
  #stringEnd(): number {
    for (let quote = this.#at; ; ) {
      quote = this.#text.indexOf('"', quote + 1);
      if (quote === -1) throw this.#unexpected();
      let before = quote;
      while (this.#text[before - 1] === '\\') before--;
      if ((quote - before) % 2 === 0) return quote + 1;
    }
  }

  #number(): Json {
    const token = this.#token(numberToken);
    const isInteger = token.length <= longestInteger && /^-?\d+$/.test(token);
    const number = (isInteger ? toInteger(BigInt(token)) : undefined) ?? Number(token);
    if (typeof number === 'number' && !Number.isFinite(number)) throw new SyntaxError('number outside valid range');
    return number;
  }

  #token(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const token = pattern.exec(this.#text)?.[0];
    if (token === undefined) throw this.#unexpected();
    this.#at += token.length;
    return token;
  }

  #peek(): string {
    this.#token(spaceToken);
    return this.#text.charAt(this.#at);
  }

  #accept(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#accept(character)) throw this.#unexpected();
  }

  #unexpected(): SyntaxError {
    return new SyntaxError(`unexpected ${this.#at < this.#text.length ? 'character' : 'end'} at ${this.#at}`);
  }
}

/** A real number's text: what C's printf makes of "%.15g". */
export const formatReal = (value: number): string => {
  if (Object.is(value, -0)) return '-0';
  const [digits = '', exponent = '0'] = fifteenDigits(value).split('e');
  const power = Number(exponent);
  if (power < -4 || power >= 15) {
    const mantissa = digits.replace(/\.?0+$/, '');
    return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  const text = Number(`${digits}e${exponent}`).toFixed(Math.max(0, 14 - power));
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
};

/** In exponential notation. Of two texts as near as each other C takes the even one, JavaScript the larger one. */
const fifteenDigits = (value: number): string => {
  const rounded = value.toExponential(14);
  // A number midway ends in a 5 behind the 15 digits, and in nothing but zeros behind that.
  if (!value.toExponential(15).includes('5e')) return rounded;
  const [, digits = '', zeros = ''] = /^(-?\d\.\d{13}[02468])50*(e.*)$/.exec(value.toExponential(50)) ?? [];
  return zeros === '' ? rounded : digits + zeros;
};

const formatNumber = (value: number): string => {
  const integer = integerOf(value);
  return integer === undefined ? formatReal(value) : integer.toString();
};

/**
 * Compact JSON text. Members whose value is undefined are left out.
 * @param sorted names in order, as in the "syntax" member of an error
 */
export const formatJson = (json: OutJson, sorted = false): string => {
  switch (typeof json) {
    case 'string':
      return JSON.stringify(json);
    case 'number':
      return formatNumber(json);
    case 'bigint':
    case 'boolean':
      return json.toString();
  }
  if (json === null) return 'null';
  if (json instanceof JsonText) return json.text;
  if (isOutArray(json)) return `[${json.map((element) => formatJson(element, sorted)).join()}]`;
  return formatObject(json, sorted);
};

export const isOutArray = (json: OutJson): json is readonly OutJson[] => Array.isArray(json);

const formatObject = (object: OutJsonObject, sorted: boolean): string => {
  const names = Object.keys(object);
  if (sorted) names.sort();
  const members: string[] = [];
  for (const name of names) {
    const value = object[name];
    if (value !== undefined) members.push(`${JSON.stringify(name)}:${formatJson(value, sorted)}`);
  }
  return `{${members.join()}}`;
};

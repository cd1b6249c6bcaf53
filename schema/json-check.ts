import { type Json, parseJson } from './json.ts';

/**
 * Parses JSON that a person wrote. As Open vSwitch's own parser it takes an object or an array only, and says where and
 * why it stops: "line 0, column 1, byte 1: invalid keyword 'x'" (lines and columns count from 0, in bytes).
 * @throws SyntaxError
 */
export const readJson = (text: string): Json => {
  const problem = new JsonCheck(Buffer.from(text)).problem();
  if (problem !== undefined) throw new SyntaxError(problem);
  return parseJson(text);
};

const maxDepth = 1000;
const keywords: ReadonlySet<string> = new Set(['false', 'null', 'true']);

/** What the parser expects next. */
type State =
  | 'start'
  | 'end'
  | 'object start'
  | 'member'
  | 'colon'
  | 'member value'
  | 'member end'
  | 'array start'
  | 'element'
  | 'element end';

/** A token: punctuation stands for itself. */
type Token = '{' | '}' | '[' | ']' | ':' | ',' | 'string' | 'value';
const punctuation: ReadonlyMap<string, Token> = new Map((['{', '}', '[', ']', ':', ','] as const).map((c) => [c, c]));

/** The text is at fault at the current position. */
class Fault extends Error {}

/** Looks through a JSON text for the first fault, in the order in which Open vSwitch's parser would meet it. */
class JsonCheck {
  readonly #bytes: Buffer;
  readonly #open: ('{' | '[')[] = [];
  #state: State = 'start';
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The first fault and its place; undefined where there is none. */
  problem(): string | undefined {
    try {
      while (this.#at < this.#bytes.length) this.#token();
      // Open vSwitch ends such a token with a space of its own, and counts it.
      if (/[A-Za-z\d]$/.test(this.#bytes.toString('latin1', this.#at - 1))) this.#at++;
      if (this.#state === 'start') throw new Fault('empty input stream');
      if (this.#state !== 'end') throw new Fault('unexpected end of input');
      return undefined;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return `${this.#place()}: ${error.message}`;
    }
  }

  #place(): string {
    const before = this.#bytes.subarray(0, this.#at);
    const line = before.reduce((count, byte) => count + (byte === 0x0a ? 1 : 0), 0);
    return `line ${line}, column ${this.#at - (before.lastIndexOf(0x0a) + 1)}, byte ${this.#at}`;
  }

  #token(): void {
    const character = this.#character();
    const mark = punctuation.get(character);
    if (mark !== undefined) {
      this.#accept(mark);
      this.#at++;
    } else if (/[ \t\r\n]/.test(character)) this.#at++;
    else if (/[a-z]/.test(character)) this.#keyword();
    else if (/[-\d]/.test(character)) this.#number();
    else if (character === '"') this.#string();
    else if (/[!-~]/.test(character)) throw new Fault(`invalid character '${character}'`);
    else throw new Fault(`invalid character U+${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  }

  #character(): string {
    return String.fromCharCode(this.#bytes[this.#at] ?? 0);
  }

  #take(pattern: RegExp): string {
    const start = this.#at;
    while (this.#at < this.#bytes.length && pattern.test(this.#character())) this.#at++;
    return this.#bytes.toString('latin1', start, this.#at);
  }

  #keyword(): void {
    const word = this.#take(/[A-Za-z]/);
    if (!keywords.has(word)) throw new Fault(`invalid keyword '${word}'`);
    this.#accept('value');
  }

  #number(): void {
    const text = this.#take(/[.\deE+-]/);
    const fault = numberFaults.find(({ pattern }) => pattern.test(text));
    if (fault !== undefined) throw new Fault(fault.message);
    if (!Number.isFinite(Number(text))) throw new Fault('number outside valid range');
    this.#accept('value');
  }

  #string(): void {
    const start = ++this.#at;
    for (; ; this.#at++) {
      if (this.#at >= this.#bytes.length) {
        this.#at = this.#bytes.length;
        throw new Fault('unexpected end of input in quoted string');
      }
      const character = this.#character();
      if (character === '"') break;
      if (character === '\\') this.#at++;
      else if (character < ' ') {
        const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
        throw new Fault(`U+${code} must be escaped in quoted string`);
      }
    }
    const fault = escapeFault(this.#bytes.toString('latin1', start, this.#at));
    if (fault !== undefined) throw new Fault(fault);
    this.#accept('string');
    this.#at++;
  }

  #accept(token: Token): void {
    const next = transitions[this.#state](token);
    if (next === undefined) throw new Fault(complaints[this.#state]);
    this.#state = next;
    if (token === '{' || token === '[') {
      if (this.#open.length >= maxDepth) throw new Fault(`input exceeds maximum nesting depth ${maxDepth}`);
      this.#open.push(token);
    } else if (token === '}' || token === ']') {
      this.#open.pop();
      const outer = this.#open.at(-1);
      this.#state = outer === undefined ? 'end' : outer === '{' ? 'member end' : 'element end';
    }
  }
}

const value =
  (then: State) =>
  (token: Token): State | undefined => {
    if (token === '{') return 'object start';
    if (token === '[') return 'array start';
    return token === 'string' || token === 'value' ? then : undefined;
  };
const member = (token: Token): State | undefined => (token === 'string' ? 'colon' : undefined);
const element = value('element end');

/** The state after a token, or undefined where the token may not stand. After a closing bracket it depends on what was open. */
const transitions: { readonly [state in State]: (token: Token) => State | undefined } = {
  start: (token) => (token === '{' ? 'object start' : token === '[' ? 'array start' : undefined),
  end: () => undefined,
  'object start': (token) => (token === '}' ? 'end' : member(token)),
  member,
  colon: (token) => (token === ':' ? 'member value' : undefined),
  'member value': value('member end'),
  'member end': (token) => (token === ',' ? 'member' : token === '}' ? 'end' : undefined),
  'array start': (token) => (token === ']' ? 'end' : element(token)),
  element,
  'element end': (token) => (token === ',' ? 'element' : token === ']' ? 'end' : undefined),
};

const expectingName = 'syntax error parsing object expecting string';
const expectingValue = 'syntax error expecting value';
const complaints: { readonly [state in State]: string } = {
  start: 'syntax error at beginning of input',
  end: 'trailing garbage at end of input',
  'object start': expectingName,
  member: expectingName,
  colon: "syntax error parsing object expecting ':'",
  'member value': expectingValue,
  'member end': "syntax error expecting '}' or ','",
  'array start': expectingValue,
  element: expectingValue,
  'element end': "syntax error expecting ']' or ','",
};

/** The first that fits is what is wrong with a number. */
const numberFaults: readonly { readonly pattern: RegExp; readonly message: string }[] = [
  { pattern: /^-?0\d/, message: 'leading zeros not allowed' },
  { pattern: /^-(?!\d)/, message: "'-' must be followed by digit" },
  { pattern: /^-?\d+\.(?!\d)/, message: 'decimal point must be followed by digit' },
  { pattern: /^-?\d+(\.\d+)?[eE](?![+-]?\d)/, message: 'exponent must contain at least one digit' },
  { pattern: /^(?!-?\d+(\.\d+)?([eE][+-]?\d+)?$)/, message: 'syntax error in number' },
];

/** What is wrong with the escapes of a quoted string. */
const escapeFault = (text: string): string | undefined => {
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at)) {
    const letter = text.charAt(at + 1);
    at += 2;
    if (letter === 'u') {
      const fault = unicodeFault(text.slice(at));
      if (fault !== undefined) return fault;
      at += isLeadingSurrogate(text.slice(at)) ? 10 : 4;
    } else if (!'"\\/bfnrt'.includes(letter)) {
      return `bad escape \\${letter}`;
    }
  }
  return undefined;
};

const isLeadingSurrogate = (digits: string): boolean => /^d[89ab]/i.test(digits);

/** What is wrong with what follows a `\u`. */
const unicodeFault = (text: string): string | undefined => {
  const fault = hexFault(text);
  if (fault !== undefined || !isLeadingSurrogate(text)) return fault;
  if (!text.startsWith('\\u', 4)) return 'malformed escaped surrogate pair';
  const second = text.slice(6);
  if (hexFault(second) !== undefined) return hexFault(second);
  if (/^d[c-f]/i.test(second)) return undefined;
  return 'second half of escaped surrogate pair is not trailing surrogate';
};

const hexFault = (text: string): string | undefined => {
  if (text.length < 4) return 'quoted string ends within \\u escape';
  if (!/^[0-9a-f]{4}/i.test(text)) return 'malformed \\u escape';
  return text.startsWith('0000') ? 'null bytes not supported in quoted strings' : undefined;
};

import { CommandFailure } from './failure.ts';

const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/**
 * What a quoted string stands for, with the escapes of JSON.
 * @param quoted the string with its quotes
 * @throws CommandFailure in the words of Open vSwitch's JSON parser
 */
export const unescapeString = (quoted: string): string => {
  const text = quoted.slice(1, -1);
  let result = '';
  for (let at = 0; at < text.length; ) {
    const [characters, length] = unescapeOne(text, at, (message) => new CommandFailure(`${quoted}: ${message}`));
    result += characters;
    at += length;
  }
  return result;
};

type Failure = (message: string) => CommandFailure;

/** The character at a place in the text, or that an escape there stands for, and its length in the text. */
const unescapeOne = (text: string, at: number, failure: Failure): [string, number] => {
  const character = text.charAt(at);
  if (character === '"') throw failure('quoted string may not include unescaped "');
  if (character !== '\\') return [character, 1];
  const letter = text.charAt(at + 1);
  if (letter === 'u') return unicodeEscape(text.slice(at + 2), failure);
  if (letter === '') throw failure('quoted string may not end with backslash');
  const plain = escapes.get(letter);
  if (plain === undefined) throw failure(`bad escape \\${letter}`);
  return [plain, 2];
};

/** Four hex digits after `\u`, and the second half of a surrogate pair if there is one. */
const unicodeEscape = (text: string, failure: Failure): [string, number] => {
  const high = hexDigits(text, failure);
  if (high < 0xd800 || high > 0xdfff) return [String.fromCharCode(high), 6];
  if (high > 0xdbff) {
    const second = (0x80 | ((high >> 6) & 0x3f)).toString(16);
    const sequence = `invalid UTF-8 sequence 0xed 0x${second}`;
    throw new CommandFailure(`constraint violation: not a valid UTF-8 string: ${sequence}`);
  }
  if (!text.startsWith('\\u', 4)) throw failure('malformed escaped surrogate pair');
  const low = hexDigits(text.slice(6), failure);
  if (low < 0xdc00 || low > 0xdfff) {
    throw failure('second half of escaped surrogate pair is not trailing surrogate');
  }
  return [String.fromCharCode(high, low), 12];
};

const hexDigits = (text: string, failure: Failure): number => {
  if (text.length < 4) throw failure('quoted string ends within \\u escape');
  const digits = text.slice(0, 4);
  if (!/^[0-9a-f]{4}$/i.test(digits)) throw failure('malformed \\u escape');
  const code = Number.parseInt(digits, 16);
  if (code === 0) throw failure('null bytes not supported in quoted strings');
  return code;
};

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
 * @param text what is between the quotes
 * @throws CommandFailure in the words of Open vSwitch's JSON parser
 */
export const unescapeString = (text: string): string => {
  let result = '';
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') throw new CommandFailure('quoted string may not include unescaped "');
    if (character < ' ') {
      const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
      throw new CommandFailure(`U+${code} must be escaped in quoted string`);
    }
    if (character !== '\\') {
      result += character;
      continue;
    }
    const letter = text.charAt(++at);
    if (letter === 'u') {
      const [decoded, length] = unicodeEscape(text.slice(at + 1));
      result += decoded;
      at += length;
      continue;
    }
    if (letter === '') throw new CommandFailure('quoted string may not end with backslash');
    const plain = escapes.get(letter);
    if (plain === undefined) throw new CommandFailure(`bad escape \\${letter}`);
    result += plain;
  }
  return result;
};

/** Four hex digits after `\u`, and the second half of a surrogate pair if there is one: the character and its length. */
const unicodeEscape = (text: string): [string, number] => {
  const high = hexDigits(text);
  if (high < 0xd800 || high > 0xdfff) return [String.fromCharCode(high), 4];
  if (high > 0xdbff || !text.startsWith('\\u', 4)) throw new CommandFailure('malformed escaped surrogate pair');
  const low = hexDigits(text.slice(6));
  if (low < 0xdc00 || low > 0xdfff) {
    throw new CommandFailure('second half of escaped surrogate pair is not trailing surrogate');
  }
  return [String.fromCharCode(high, low), 10];
};

const hexDigits = (text: string): number => {
  if (text.length < 4) throw new CommandFailure('quoted string ends within \\u escape');
  const digits = text.slice(0, 4);
  if (!/^[0-9a-f]{4}$/i.test(digits)) throw new CommandFailure('malformed \\u escape');
  const code = Number.parseInt(digits, 16);
  if (code === 0) throw new CommandFailure('null bytes not supported in quoted strings');
  return code;
};

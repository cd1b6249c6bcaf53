/**
 * Bytes of a text that are not UTF-8. As in Open vSwitch they may come over the wire, but no column holds them: until it
 * is known where they stand, each is held as a lone surrogate, U+DC80 to U+DCFF, which no text can contain otherwise.
 */
import { Buffer, isUtf8 } from 'node:buffer';

const firstSurrogate = 0xdc00;
const rawByte = /[\udc80-\udcff]/u;

/** What the second byte of a sequence may be, where that is not any continuation byte. */
const secondBytes: ReadonlyMap<number, readonly [low: number, high: number]> = new Map([
  [0xe0, [0xa0, 0xbf]],
  [0xed, [0x80, 0x9f]],
  [0xf0, [0x90, 0xbf]],
  [0xf4, [0x80, 0x8f]],
]);

/** How many bytes the character has that begins with this one; 0 where none begins so. */
const lengthBy = (lead: number): number => {
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
};

/** The bytes from `at` on that make a character, or show that there is none: up to the first that does not fit. */
const readSequence = (bytes: Uint8Array, at: number): { readonly length: number; readonly isCharacter: boolean } => {
  const lead = bytes[at] ?? 0;
  const length = lengthBy(lead);
  for (let i = 1; i < length; i++) {
    const [low, high] = (i === 1 ? secondBytes.get(lead) : undefined) ?? [0x80, 0xbf];
    const byte = bytes[at + i] ?? 0;
    if (byte < low || byte > high) return { length: i + 1, isCharacter: false };
  }
  return { length: Math.max(1, length), isCharacter: length > 0 };
};

/** The text of these bytes, with a lone surrogate for each that is not UTF-8. */
export const decodeText = (bytes: Buffer): string => {
  const text = bytes.toString();
  return text.includes('\ufffd') && !isUtf8(bytes) ? decodeRaw(bytes) : text;
};

const decodeRaw = (bytes: Buffer): string => {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < bytes.length; ) {
    const { length, isCharacter } = readSequence(bytes, at);
    if (isCharacter) {
      at += length;
      continue;
    }
    parts.push(bytes.toString('utf8', start, at), String.fromCharCode(firstSurrogate + (bytes[at] ?? 0)));
    start = ++at;
  }
  return parts.join('') + bytes.toString('utf8', start);
};

/** The bytes of a text: what `decodeText` read, with those that are not UTF-8. */
export const encodeText = (text: string): string | Buffer =>
  text.isWellFormed() ? text : Buffer.concat([...text].map(bytesOf));

/** The first bytes of a text that are not UTF-8, up to the one that shows it, in Open vSwitch's words: "0xc3 0x28". */
export const firstRawBytes = (text: string): string | undefined => {
  if (text.isWellFormed()) return undefined;
  const at = text.search(rawByte);
  // The text's end counts as a byte, of value 0.
  const bytes = Buffer.concat([...[...text.slice(at, at + 4)].map(bytesOf), Buffer.of(0)]);
  const { length } = readSequence(bytes, 0);
  return [...bytes.subarray(0, length)].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(' ');
};

const bytesOf = (character: string): Buffer =>
  rawByte.test(character) ? Buffer.of(character.charCodeAt(0) - firstSurrogate) : Buffer.from(character);

/** JSON text to be sent: with U+FFFD in place of such bytes, which nobody could read. */
export const withoutRawBytes = (text: string): string =>
  text.includes('\\udc') ? text.replace(/(?<=(?:^|[^\\])(?:\\\\)*)\\udc[89a-f][0-9a-f]/g, '\ufffd') : text;

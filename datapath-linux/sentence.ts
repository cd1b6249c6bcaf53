/** Sentences about rows, whose values may be anything: made fit for the database and for the log. Pure. */

/** In characters; what is longer loses its middle, because how to help oneself is said at the end. */
const lengthMax = 1000;
const ellipsis = ' … ';

/** A sentence of bounded length. */
export function shortened(text: string): string {
  if (text.length <= lengthMax) return text;
  const half = Math.floor((lengthMax - ellipsis.length) / 2);
  // A pair of surrogates that was cut in half is no text any more.
  return `${text.slice(0, half).toWellFormed()}${ellipsis}${text.slice(-half).toWellFormed()}`;
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** A sentence on one line, as a log has it: characters that would begin another one, or move the cursor, are escaped. */
export const onOneLine = (text: string): string =>
  shortened(text).replace(
    /[\p{Cc}\p{Zl}\p{Zp}]/gu,
    (character) => escapes.get(character) ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

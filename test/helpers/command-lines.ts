import { readFileSync } from 'node:fs';

/** A line's words, which may be quoted: "…" as in JSON, '…' literally. */
export const splitWords = (line: string): string[] => {
  const words: string[] = [];
  for (const [token] of line.matchAll(/(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\])+/g)) {
    words.push(
      token.replace(
        /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g,
        (_, literal?: string, quoted?: string, escaped?: string) => {
          if (quoted !== undefined) return String(JSON.parse(`"${quoted}"`));
          return literal ?? escaped ?? '';
        },
      ),
    );
  }
  return words;
};

/** The steps of a line: command lines separated by the word ";". */
export const splitSteps = (line: string): string[][] => {
  const steps: string[][] = [[]];
  for (const word of splitWords(line)) {
    if (word === ';') steps.push([]);
    else steps.at(-1)?.push(word);
  }
  return steps;
};

/** The lines of a file of cases, but for comments and empty ones. */
export const readLines = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));

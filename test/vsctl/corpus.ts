import { readdirSync, readFileSync } from 'node:fs';
import { projectFile } from '../helpers/project.ts';

/** One or more command lines that run one after another on one database. */
export interface Case {
  /** As it stands in the file. */
  readonly line: string;
  readonly steps: readonly (readonly string[])[];
  /** The C program prints in the order of a hash table: lines are compared without regard to order. */
  readonly unordered: boolean;
}

export interface CorpusFile {
  readonly name: string;
  /** Command lines that make the database that each case starts from. */
  readonly database: readonly (readonly string[])[];
  readonly cases: readonly Case[];
}

const folder = projectFile('test/cases/vsctl');

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
const splitSteps = (line: string): string[][] => {
  const steps: string[][] = [[]];
  for (const word of splitWords(line)) {
    if (word === ';') steps.push([]);
    else steps.at(-1)?.push(word);
  }
  return steps;
};

const readLines = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));

/** A case as it stands in a file. */
export const parseCase = (line: string): Case => {
  const unordered = line.startsWith('~');
  return { line, unordered, steps: splitSteps(unordered ? line.slice(1) : line) };
};

/** The command lines that make a database. */
export const readDatabase = (name: string): string[][] => readLines(`${folder}/${name}.database`).map(splitWords);

/** Every file of the corpus. The first line of each names the database that its cases start from. */
export const readCorpus = (): CorpusFile[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.cases'))
    .map((file) => {
      const [first = '', ...lines] = readLines(`${folder}/${file}`);
      return {
        name: file.replace(/\.cases$/, ''),
        database: readDatabase(first.replace(/^database: /, '')),
        cases: lines.map(parseCase),
      };
    });

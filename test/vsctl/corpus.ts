import { readdirSync } from 'node:fs';
import { readLines, splitSteps, splitWords } from '../helpers/command-lines.ts';
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

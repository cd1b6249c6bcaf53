import { readFileSync } from 'node:fs';
import { projectFile } from './project.ts';

const flag = /\bFl (\S+)/g;
const command = /^\.It Cm (\S+)/;

/** What a manual page of this project, in mdoc(7), has entries for. */
export interface ManPage {
  /** With their dashes. */
  readonly options: readonly string[];
  readonly commands: readonly string[];
}

/** @param file its name in man/ */
export const readManPage = (file: string): ManPage => {
  const items = readFileSync(projectFile('man', file), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('.It '));
  return {
    options: items.filter((line) => line.startsWith('.It Fl')).flatMap((line) => flags(line)),
    commands: unique(items.flatMap((line) => command.exec(line)?.[1] ?? [])),
  };
};

const flags = (line: string): string[] => [...line.matchAll(flag)].map(([, name]) => `-${name}`);
const unique = (words: readonly string[]): string[] => [...new Set(words)];

import { readFileSync } from 'node:fs';
import { projectFile } from './project.ts';

const flag = /\bFl (\S+)/g;
/** Options of its own may stand before a command's name. */
const command = /^\.It ((?:Oo .*? Oc )*)Cm (\S+)/;

/** What a manual page of this project, in mdoc(7), has entries for. */
export interface ManPage {
  /** With their dashes. */
  readonly options: readonly string[];
  readonly commands: readonly string[];
  /** The options that stand before each command's name. */
  readonly commandOptions: ReadonlyMap<string, readonly string[]>;
}

/** @param file its name in man/ */
export const readManPage = (file: string): ManPage => {
  const items = readFileSync(projectFile('man', file), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('.It '));
  const entries = items.map((line) => command.exec(line)).filter((entry) => entry !== null);
  return {
    options: items.filter((line) => line.startsWith('.It Fl')).flatMap((line) => flags(line)),
    commands: unique(entries.map(([, , name = '']) => name)),
    commandOptions: new Map(entries.map(([, before = '', name = '']) => [name, flags(before)])),
  };
};

const flags = (line: string): string[] => [...line.matchAll(flag)].map(([, name]) => `-${name}`);
const unique = (words: readonly string[]): string[] => [...new Set(words)];

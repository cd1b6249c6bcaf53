import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isObject, type Json, member, parseJson } from '../../schema/json.ts';

/** The project's folder. Tests run from dist/test/helpers, three below it. */
export const projectFolder = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** A file of the project, by its path in the repository. */
export const projectFile = (...path: string[]): string => join(projectFolder, ...path);

const memberOf = (json: Json | undefined, name: string): Json | undefined =>
  isObject(json) ? member(json, name) : undefined;

/** The file that a user of the program runs: what package.json's `bin` names. @throws when there is no such program */
export const projectProgram = (name: string): string => {
  const path = memberOf(memberOf(parseJson(readFileSync(projectFile('package.json'), 'utf8')), 'bin'), name);
  if (typeof path !== 'string') throw new Error(`package.json has no program ${name}`);
  return projectFile(path);
};

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. Tests run from dist/test/helpers, three below it. */
export const projectFolder = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** A file of the project, by its path in the repository. */
export const projectFile = (...path: string[]): string => join(projectFolder, ...path);

// What the compiler reads and writes, and a digest of the former: by content, so that neither a checkout's new dates
// nor an archive's old ones mislead.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));
/** Holds the digest of the sources that dist was compiled from. */
export const stamp = join(root, 'dist/.built');

/** The files under a folder whose names end so, as paths from the root, sorted. */
export const filesUnder = (folder, ending) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
        .map((entry) => relative(root, join(entry.parentPath, entry.name)))
        .sort()
    : [];

export const sources = () => readJson('tsconfig.json').include.flatMap((folder) => filesUnder(folder, '.ts'));
export const outputOf = (source) => join('dist', source.replace(/\.ts$/, '.js'));
/** Compiled files whose source is gone: tests among them would still be run. */
export const orphans = () => {
  const expected = new Set(sources().map(outputOf));
  return filesUnder('dist', '.js').filter((path) => !expected.has(path));
};

const settings = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'build/bundle.mjs',
  'build/launcher.cjs',
  'build/completion.mjs',
  'vsctl/completion.bash',
];
export const digest = () => {
  const hash = createHash('sha256');
  for (const path of [...settings, ...sources()]) {
    if (!existsSync(join(root, path))) continue;
    const contents = readFileSync(join(root, path));
    hash.update(`${path} ${contents.length}\n`).update(contents);
  }
  return hash.digest('hex');
};

/** Whether dist is what the compiler would make now, but for the programs in one file. */
export const isCompiled = () =>
  existsSync(stamp) &&
  readFileSync(stamp, 'utf8') === digest() &&
  sources().every((source) => existsSync(join(root, outputOf(source)))) &&
  orphans().length === 0;

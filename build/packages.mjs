// Whether node_modules holds what package-lock.json names, whole and loadable.
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { filesUnder, readJson, root } from './sources.mjs';

const require = createRequire(import.meta.url);
/** npm writes it last, so that a half-finished `npm ci` leaves none. */
const installedList = 'node_modules/.package-lock.json';

/** Whether package-lock.json was made from package.json as it is; `npm ci` refuses otherwise. */
export const lockMatches = () => {
  const manifest = readJson('package.json');
  const locked = readJson('package-lock.json').packages[''];
  return ['dependencies', 'devDependencies'].every((kind) =>
    isDeepStrictEqual(manifest[kind] ?? {}, locked[kind] ?? {}),
  );
};

const isInstalled = (path, { version, optional }, installed) => {
  const found = installed[path];
  // Optional ones are left out where they are for another system.
  if (found === undefined) return optional === true;
  return found.version === version && existsSync(join(root, path, 'package.json'));
};

/** A native module built for another Node does not load. */
const loads = (load) => {
  try {
    load();
    return true;
  } catch {
    return false;
  }
};

export const arePackagesInstalled = () => {
  if (!existsSync(join(root, installedList))) return false;
  const { packages: installed } = readJson(installedList);
  const locked = Object.entries(readJson('package-lock.json').packages).filter(([path]) => path !== '');
  return (
    locked.every(([path, entry]) => isInstalled(path, entry, installed)) &&
    loads(() => new (require('better-sqlite3'))(':memory:').close())
  );
};

const helper = join(root, 'native/build/Release/vswitch.node');
const helperSources = () => ['.c', '.h', '.gyp'].flatMap((ending) => filesUnder('native', ending));

export const isHelperBuilt = () =>
  existsSync(helper) &&
  helperSources().every((source) => statSync(join(root, source)).mtimeMs <= statSync(helper).mtimeMs) &&
  loads(() => require(helper));

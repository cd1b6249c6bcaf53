/** The package that `npm pack` makes has all that its programs need, and builds its helper where it is installed. */
import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { isObject, type Json, type JsonObject, member, parseJson } from '../../schema/json.ts';
import { end } from '../helpers/netns.ts';
import { projectFile } from '../helpers/project.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const execute = promisify(execFile);

const readObject = (path: string): JsonObject => objectOf(parseJson(readFileSync(projectFile(path), 'utf8')));
const objectOf = (json: Json | undefined): JsonObject => (isObject(json) ? json : {});

/** The packages that come with an installation, as paths from its folder: those that only development needs do not. */
const productionPackages = (): string[] =>
  Object.entries(objectOf(member(readObject('package-lock.json'), 'packages')))
    .filter(([path, entry]) => path !== '' && member(objectOf(entry), 'dev') !== true)
    .map(([path]) => path);

/** Only for building better-sqlite3, which is built. */
const isNeeded = (path: string): boolean => !/better-sqlite3\/(deps|src|build\/Release\/obj)/.test(path);

/**
 * A project in which npm has just unpacked the package and what it depends on, and not run its install script yet: so
 * that neither the registry is asked nor better-sqlite3 compiled again.
 */
const unpack = async (folder: string): Promise<void> => {
  const environment = { ...process.env, npm_config_cache: join(folder, 'cache') };
  // Without its script: it would compile anew while tests run.
  const options = ['--ignore-scripts', '--pack-destination', folder];
  await execute('npm', ['pack', ...options], { cwd: projectFile(), env: environment });
  const version = String(member(readObject('package.json'), 'version'));
  const target = join(folder, 'node_modules/vswitch');
  mkdirSync(target, { recursive: true });
  await execute('tar', ['-xzf', join(folder, `vswitch-${version}.tgz`), '-C', target, '--strip-components=1']);
  for (const path of productionPackages()) {
    cpSync(projectFile(path), join(folder, path), { recursive: true, filter: isNeeded });
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: { vswitch: version } }));
};

test('the packed programs run where they are installed', async (t) => {
  t.timeout(240_000, 'npm packs, and compiles the helper');
  const folder = temporaryFolder(t);
  await unpack(folder);
  t.false(existsSync(join(folder, 'node_modules/vswitch/dist/test')));
  await execute('npm', ['rebuild', 'vswitch'], { cwd: folder });
  const installed = (name: string): string => join(folder, 'node_modules/.bin', name);
  for (const name of Object.keys(objectOf(member(readObject('package.json'), 'bin')))) {
    t.regex((await execute(installed(name), ['--version'])).stdout, /\d+\.\d+\.\d+/, name);
  }
  t.true(existsSync(join(folder, 'node_modules/vswitch/dist/completions/ovs-vsctl')));

  // A server takes it all: the schema, the database's native module, the helper for its lock.
  const target = `unix:${join(folder, 'db.sock')}`;
  const options = { env: { ...process.env, OVS_RUNDIR: folder } };
  const server = spawn(installed('ovsdb-server'), [join(folder, 'conf.db'), `--remote=p${target}`], options);
  t.teardown(() => end(server, 'SIGTERM'));
  await execute(installed('ovs-vsctl'), ['--retry', '--timeout=60', '--no-wait', `--db=${target}`, 'add-br', 'br0']);
  t.is((await execute(installed('ovs-vsctl'), [`--db=${target}`, 'list-br'])).stdout, 'br0\n');
});

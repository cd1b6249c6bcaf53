/** Set-up does what is missing, nothing else, and says what it lacks. */
import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { projectFile } from '../helpers/project.ts';
import { findProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A copy of the project as it stands, whose packages are the project's own. */
const copyProject = (t: ExecutionContext): string => {
  const folder = temporaryFolder(t);
  const left = new Set(['node_modules', '.git']);
  for (const name of readdirSync(projectFile())) {
    if (!left.has(name)) cpSync(projectFile(name), join(folder, name), { recursive: true, preserveTimestamps: true });
  }
  symlinkSync(projectFile('node_modules'), join(folder, 'node_modules'));
  return folder;
};

/** Runs set-up in a copy; what it says, and its exit status. */
const setUp = (folder: string, env: NodeJS.ProcessEnv = {}): Promise<{ status: number; text: string }> =>
  new Promise((resolve) => {
    const options = { cwd: folder, env: { ...process.env, ...env } };
    const child = execFile(process.execPath, ['build/setup.mjs'], options, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode ?? -1, text: stdout + stderr }),
    );
  });

const nothing = { status: 0, text: '' };

test('compiles what is missing or gone, and nothing when all is there', async (t) => {
  const folder = copyProject(t);
  t.deepEqual(await setUp(folder), nothing);

  const compiled = join(folder, 'dist/schema/json.js');
  rmSync(compiled);
  t.deepEqual(await setUp(folder), { status: 0, text: 'vswitch: compiling…\n' });
  t.true(existsSync(compiled));

  for (const path of ['dist/bin/ovs-vsctl.bundle', 'dist/completions/ovs-vsctl']) {
    rmSync(join(folder, path));
    t.like(await setUp(folder), { status: 0 });
    t.true(existsSync(join(folder, path)), path);
  }

  const orphan = join(folder, 'dist/test/gone.test.js');
  writeFileSync(orphan, '');
  t.like(await setUp(folder), { status: 0 });
  t.false(existsSync(orphan), 'a test whose source is gone is not run any more');
  t.deepEqual(await setUp(folder), nothing);
});

test('a build that fails is tried again', async (t) => {
  const folder = copyProject(t);
  const source = join(folder, 'schema/mistake.ts');
  writeFileSync(source, "export const number: number = 'text';\n");
  for (const time of ['first', 'second']) {
    const { status, text } = await setUp(folder);
    t.is(status, 1, time);
    t.regex(text, /schema\/mistake\.ts/, time);
  }
});

test('a lock that does not belong to package.json is told', async (t) => {
  const folder = copyProject(t);
  const path = join(folder, 'package.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"commander": "', '"commander": "1'));
  const { status, text } = await setUp(folder);
  t.is(status, 1);
  t.regex(text, /package-lock\.json was not made from this package\.json: run `npm install`/);
});

test('a missing compiler is told, with what to install', async (t) => {
  const folder = copyProject(t);
  rmSync(join(folder, 'native/build'), { recursive: true });
  const programs = join(folder, 'bin');
  mkdirSync(programs);
  for (const name of ['npm', 'sh', 'env']) symlinkSync(findProgram(name) ?? name, join(programs, name));
  symlinkSync(process.execPath, join(programs, basename(process.execPath)));
  const { status, text } = await setUp(folder, { PATH: programs, CC: '', CXX: '', MAKE: '', PYTHON: '' });
  t.is(status, 1);
  t.regex(text, /a C compiler, a C\+\+ compiler, make, python3 missing.*\n.*build-essential/);
});

test('packages that are not all there are installed again, and an unreachable registry is told', async (t) => {
  const folder = copyProject(t);
  rmSync(join(folder, 'node_modules'));
  mkdirSync(join(folder, 'node_modules/ws'), { recursive: true });
  const { status, text } = await setUp(folder, {
    npm_config_registry: 'http://127.0.0.1:1/',
    npm_config_cache: join(folder, 'cache'),
    npm_config_fetch_retries: '0',
  });
  t.is(status, 1);
  t.regex(text, /^vswitch: installing npm packages/);
  t.regex(text, /the npm registry cannot be reached/);
  t.true(statSync(projectFile('node_modules/ws/package.json')).isFile(), 'the project itself is not touched');
});

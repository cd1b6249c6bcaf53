// test.mjs [FILE...]: runs test files (all dist/test/**/*.vm.test.js if none is named) on Debian's stock kernel, in one
// virtual machine, tells what happens while it does, and exits with 1 unless all passed.
//
// The same files are among the tests of the host, where those that need what its kernel lacks are skipped. Here they
// must run: a test that finds its features in neither kernel fails.
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../sources.mjs';

const { kernelFeatures } = await import('../../dist/test/helpers/kernel.js');

const allFiles = () =>
  readdirSync(join(root, 'dist/test'), { recursive: true })
    .filter((path) => path.endsWith('.vm.test.js'))
    .map((path) => join('dist/test', path))
    .sort();

const quoted = (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

const options = process.argv.slice(2).filter((argument) => argument.startsWith('-'));
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const files = named.length > 0 ? named.map((path) => relative(root, path)) : allFiles();
if (files.length === 0) {
  console.error('no test file is named *.vm.test.ts');
  process.exit(1);
}
const ava = [
  'node',
  'node_modules/ava/entrypoints/cli.mjs',
  '--config',
  'build/vm/ava.config.mjs',
  '--tap',
  ...options,
];
const environment = { CI: 'true', VM_HOST_FEATURES: kernelFeatures().join(',') };
const command = [
  `export ${Object.entries(environment)
    .map(([name, value]) => `${name}=${quoted(value)}`)
    .join(' ')}`,
  ['node', 'build/vm/suite.mjs', ...files].map(quoted).join(' '),
  `exec ${ava.map(quoted).join(' ')}`,
].join('\n');

/** The tests that ought to run; not known when AVA is told to choose. */
const titles = () =>
  execFileSync(process.execPath, [join(root, 'build/vm/titles.mjs'), ...files], {
    cwd: root,
    env: { ...process.env, ...environment },
    encoding: 'utf8',
  })
    .split('\n')
    .filter((title) => title !== '');
const waiting = new Set(options.length > 0 ? [] : titles());

/** What AVA says in TAP 13: results, `# …` about the test before, and indented YAML about a failure. */
const counts = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const start = performance.now();
let last = start;
let planned;
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

const take = (line) => {
  const [, failed, title, skip] = /^(not )?ok \d+ - (.*?)( # SKIP)?$/.exec(line) ?? [];
  const [, plan] = /^1\.\.(\d+)/.exec(line) ?? [];
  if (plan !== undefined) planned = Number(plan);
  if (title === undefined) return /^( |# {2})/.test(line) ? console.log(line) : undefined;
  const outcome = skip ? 'skipped' : failed ? 'failed' : 'passed';
  counts[outcome] += 1;
  if (failed) failures.push(title);
  waiting.delete(title);
  console.log(`${{ skipped: '-', failed: '✘', passed: '✔' }[outcome]} ${title}${skip ? '' : ` (${seconds(last)})`}`);
  last = performance.now();
};

console.log(`running ${files.length} files on Debian's kernel, emulated: ${files.join(' ')}`);
const env = { VM_TIMEOUT: '2400', ...process.env };
const machine = spawn(join(root, 'build/vm/run.sh'), [command], {
  cwd: root,
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const status = new Promise((resolve) => machine.once('close', resolve));
for await (const line of createInterface({ input: machine.stdout })) take(line.replace(/\r$/, ''));
const code = await status;

const { passed, failed, skipped } = counts;
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped on Debian's kernel in ${seconds(start)}`);
for (const title of failures) console.log(`failed: ${title}`);
for (const title of waiting) console.log(`not run: ${title}`);
const isComplete =
  code === 0 && passed > 0 && failed === 0 && waiting.size === 0 && planned === passed + failed + skipped;
if (code !== 0) console.log(`the virtual machine, or AVA in it, ended with status ${code}`);
else if (!isComplete) console.log(`AVA announced ${planned ?? 'no'} tests`);
process.exitCode = isComplete ? 0 : 1;

// Makes a fresh clone ready: npm packages, the native helper, the compiled programs. Each step runs only when
// what it makes is missing or older than what it is made from, so that a second start costs a few stat calls.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sourceFolders = ['schema', 'rpc', 'server', 'vsctl', 'datapath-linux', 'native', 'vswitch', 'test', 'bench'];

const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** The time of the newest file under `folder` whose name ends in one of `endings`. */
const newest = (folder, endings) => {
  const path = join(root, folder);
  if (!existsSync(path)) return 0;
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.startsWith(join(root, 'native', 'build')))
    .reduce((latest, file) => Math.max(latest, modified(file)), 0);
};

const steps = [
  {
    what: 'installing npm packages and building the native helper (about two minutes the first time)',
    made: () => modified(join(root, 'node_modules/.package-lock.json')),
    from: () => modified(join(root, 'package-lock.json')),
    run: ['npm', 'ci', '--no-audit', '--no-fund', '--foreground-scripts', '--loglevel=error'],
    fix: 'npm ci needs the npm registry, and a C compiler with make and python3 (Debian: apt-get install build-essential python3)',
  },
  {
    what: 'building the native helper',
    made: () => modified(join(root, 'native/build/Release/vswitch.node')),
    from: () => newest('native', ['.c', '.h', '.gyp']),
    run: ['npm', 'run', '--silent', 'install'],
    fix: 'the native helper needs a C compiler, make and python3 (Debian: apt-get install build-essential python3)',
  },
  {
    what: 'compiling',
    made: () => modified(join(root, 'dist/.built')),
    from: () =>
      Math.max(modified(join(root, 'tsconfig.json')), ...sourceFolders.map((folder) => newest(folder, ['.ts']))),
    run: ['npm', 'run', '--silent', 'build'],
    fix: 'the compiler names the file and line above',
  },
];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`vswitch needs Node 20.19 or newer; this is ${process.versions.node}`);
  process.exit(1);
}
for (const { what, made, from, run, fix } of steps) {
  if (made() >= from() && made() > 0) continue;
  console.error(`vswitch: ${what}…`);
  const [command, ...args] = run;
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    console.error(`vswitch: this step failed: ${run.join(' ')}\n${fix}`);
    process.exit(1);
  }
}

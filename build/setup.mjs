// Makes a fresh clone ready: npm packages, the native helper, the compiled programs. Each step runs only when what it
// makes is not as it should be, so that a second start costs a fraction of a second.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`vswitch needs Node 20.19 or newer; this is ${process.versions.node}`);
  process.exit(1);
}
const { areBundled } = await import('./bundle.mjs');
const { isCompletionWritten } = await import('./completion.mjs');
const { isCompiled, root } = await import('./sources.mjs');
const { arePackagesInstalled, isHelperBuilt, lockMatches } = await import('./packages.mjs');

const steps = [
  {
    what: 'installing npm packages and building the native helper (about two minutes the first time)',
    isDone: arePackagesInstalled,
    run: ['npm', 'ci', '--prefer-offline', '--no-audit', '--no-fund', '--foreground-scripts', '--loglevel=error'],
    needsCompiler: true,
  },
  {
    what: 'building the native helper',
    isDone: isHelperBuilt,
    run: ['npm', 'run', '--silent', 'install'],
    needsCompiler: true,
  },
  {
    what: 'compiling',
    isDone: () => isCompiled() && areBundled() && isCompletionWritten(),
    run: [process.execPath, 'build/compile.mjs'],
    needsCompiler: false,
  },
];

const fail = (text) => {
  console.error(`vswitch: ${text}`);
  process.exit(1);
};

const isOnPath = (program) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** What building native modules takes: one program of each row, unless a variable names another. */
const tools = [
  { what: 'a C compiler', programs: ['cc', 'gcc', 'clang'], variable: 'CC' },
  { what: 'a C++ compiler', programs: ['c++', 'g++', 'clang++'], variable: 'CXX' },
  { what: 'make', programs: ['make', 'gmake'], variable: 'MAKE' },
  { what: 'python3', programs: ['python3', 'python'], variable: 'PYTHON' },
];
const checkCompiler = () => {
  const missing = tools.filter(({ programs, variable }) => !process.env[variable] && !programs.some(isOnPath));
  if (missing.length === 0) return;
  fail(
    `${missing.map(({ what }) => what).join(', ')} missing: the native helper cannot be built.\n` +
      'Debian, Ubuntu: apt-get install build-essential python3; Fedora: dnf install gcc-c++ make python3; Alpine: apk add build-base linux-headers python3',
  );
};

/** What npm's own log says went wrong, and what that means here. */
const causes = [
  {
    pattern: /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b/,
    advice:
      'the npm registry cannot be reached: is there a network? (`npm config get registry` says where it is sought)',
  },
  {
    pattern: /\b(SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|CERT_HAS_EXPIRED)\b/,
    advice: 'the npm registry shows a certificate that this machine does not trust: see `npm config get cafile`',
  },
  { pattern: /\bENOSPC\b/, advice: 'the disk is full' },
  {
    pattern: /\b(EACCES|EPERM)\b/,
    advice: 'no permission to write here: who owns this folder, and node_modules in it?',
  },
  { pattern: /gyp ERR!/, advice: 'a native module could not be built: the first error above says why' },
];
const explain = (log) => causes.find(({ pattern }) => pattern.test(log))?.advice ?? 'the lines above say why';

const readLogs = (folder) =>
  readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('');

/** Runs a command, its output shown, and returns what npm logged if it fails. */
const attempt = ([command, ...args]) => {
  const logs = mkdtempSync(join(tmpdir(), 'vswitch-setup-'));
  try {
    const env = { ...process.env, npm_config_logs_dir: logs };
    const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], env });
    if (error) return `${command} cannot be run: ${error.message}`;
    return status === 0 ? undefined : `this step failed: ${[command, ...args].join(' ')}\n${explain(readLogs(logs))}`;
  } finally {
    rmSync(logs, { recursive: true });
  }
};

if (!lockMatches())
  fail('package-lock.json was not made from this package.json: run `npm install` to bring it up to date');
for (const { what, isDone, run: command, needsCompiler } of steps) {
  if (isDone()) continue;
  if (needsCompiler) checkCompiler();
  console.error(`vswitch: ${what}…`);
  const failure = attempt(command);
  if (failure !== undefined) fail(failure);
}

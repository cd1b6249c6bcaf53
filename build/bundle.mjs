// Makes one file of each program: to find, read and compile the files that it is written in takes longer than most
// commands, and as long again as a daemon needs to start. See launcher.cjs for what starts it.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { root } from './sources.mjs';

const folder = join(root, 'dist/bin');
const launcher = join(root, 'build/launcher.cjs');

/** Where each program begins. */
const entries = {
  'ovs-appctl': 'appctl/main.ts',
  'ovs-vsctl': 'vsctl/main.ts',
  'ovs-vswitchd': 'datapath-linux/main.ts',
  'ovsdb-client': 'client/main.ts',
  'ovsdb-server': 'server/main.ts',
  'ovsdb-tool': 'tool/main.ts',
  vswitch: 'vswitch/main.ts',
};

const filesOf = (name) => ({
  launcher: join(folder, `${name}.cjs`),
  bundle: join(folder, `${name}.bundle`),
  compiled: join(folder, `${name}.${process.version}-${process.arch}`),
});

export const areBundled = () =>
  Object.keys(entries).every((name) => Object.values(filesOf(name)).every((path) => existsSync(path)));

/**
 * A function of `require` and the module's URL. It is not minified: the names and lines of a stack trace are to be found
 * in it. Packages stay where npm puts them, and are loaded by what uses them.
 */
const bundleText = async (entry) => {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    write: false,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    charset: 'ascii',
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'moduleUrl' },
    banner: { js: '(function (require, moduleUrl) {' },
    footer: { js: '})' },
    logLevel: 'warning',
  });
  return outputFiles[0].text;
};

/** All functions of the program as V8 compiled them: left to itself it would compile each when it is first called. */
const compile = (bundle) => {
  setFlagsFromString('--no-lazy');
  const script = new Script(readFileSync(bundle, 'latin1'), { filename: bundle });
  // Code that was compiled under other flags would be refused.
  setFlagsFromString('--lazy');
  return script.createCachedData();
};

const makeProgram = async (name, entry) => {
  const text = await bundleText(entry);
  const { launcher: program, bundle, compiled } = filesOf(name);
  // V8 knows the text that its code belongs to by the length alone: the two are never to be of different builds.
  rmSync(compiled, { force: true });
  writeFileSync(bundle, text);
  writeFileSync(compiled, compile(bundle));
  copyFileSync(launcher, program);
};

export const makeBundles = async () => {
  mkdirSync(folder, { recursive: true });
  for (const [name, entry] of Object.entries(entries)) await makeProgram(name, entry);
  const made = new Set(
    Object.keys(entries).flatMap((name) => Object.values(filesOf(name)).map((path) => basename(path))),
  );
  for (const file of readdirSync(folder)) if (!made.has(file)) rmSync(join(folder, file));
};

/** The programs that are one file start as fast as they were made to, and need nothing that they were compiled to. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Script } from 'node:vm';
import test from 'ava';
import { projectFile, projectProgram } from '../helpers/project.ts';
import { startServer } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const execute = promisify(execFile);
const folder = dirname(projectProgram('ovs-vsctl'));
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.cjs'))
  .map((name) => basename(name, '.cjs'));
const bundleOf = (name: string): string => join(folder, `${name}.bundle`);
const compiledOf = (name: string): string => join(folder, `${name}.${process.version}-${process.arch}`);

test('the code that was compiled when it was built is taken by this Node', (t) => {
  t.true(names.includes('ovs-vsctl'));
  for (const name of names) {
    const script = new Script(readFileSync(bundleOf(name), 'latin1'), {
      filename: bundleOf(name),
      cachedData: readFileSync(compiledOf(name)),
    });
    t.false(script.cachedDataRejected, name);
  }
});

test('a program runs without compiled code, and with that of another Node', async (t) => {
  const other = temporaryFolder(t);
  cpSync(projectFile('package.json'), join(other, 'package.json'));
  for (const part of ['schema', 'node_modules']) symlinkSync(projectFile(part), join(other, part));
  cpSync(folder, join(other, 'dist/bin'), { recursive: true });
  const compiled = join(other, 'dist/bin', basename(compiledOf('ovs-vsctl')));
  t.true(existsSync(compiled));
  const version = async () =>
    (await execute(process.execPath, [join(other, 'dist/bin/ovs-vsctl.cjs'), '--version'])).stdout;
  const expected = await version();
  t.regex(expected, /^ovs-vsctl \(Open vSwitch\) /);
  writeFileSync(compiled, 'code of some other machine');
  t.is(await version(), expected);
  rmSync(compiled);
  t.is(await version(), expected);
});

/** Says on stderr what was loaded when the program ends: Node's modules, and files. */
const tellLoaded =
  "process.on('exit', () => console.error(process.moduleLoadList.concat(Object.keys(require.cache)).join('\\n')))";

test('ovs-vsctl loads nothing that its command does not need', async (t) => {
  const { target } = await startServer(t, projectFile('schema/vswitch.ovsschema'));
  const preload = join(temporaryFolder(t), 'tell.cjs');
  writeFileSync(preload, tellLoaded);
  const program = projectProgram('ovs-vsctl');
  const loaded = async (...args: readonly string[]): Promise<string[]> =>
    (await execute(process.execPath, ['--require', preload, program, ...args])).stderr.split('\n');
  await loaded(`--db=${target}`, '--no-wait', 'init');
  const usual = await loaded(`--db=${target}`, '--no-wait', 'show');
  t.deepEqual(
    usual.filter((each) => each.startsWith('/')),
    [preload, program],
  );
  t.true(usual.includes('NativeModule net'));
  for (const name of ['tls', 'crypto', 'dgram', 'child_process', 'perf_hooks', 'worker_threads']) {
    t.false(usual.includes(`NativeModule ${name}`), name);
  }
});

/** The native helper built with AddressSanitizer, through every verb: no error, no leak of descriptors. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rootTest as test } from '../helpers/netns.ts';

const execute = promisify(execFile);
const native = (name: string): string => fileURLToPath(new URL(`../../../native/${name}`, import.meta.url));
const exercise = fileURLToPath(new URL('../fixtures/native-exercise.js', import.meta.url));
/** Where node-gyp found Node's headers when it built the helper. */
function headers(): string {
  const config = readFileSync(native('build/config.gypi'), 'utf8');
  const [, folder] = /"nodedir": "(.*?)"/.exec(config) ?? [];
  if (folder === undefined) throw new Error('native/build/config.gypi names no nodedir');
  return join(folder, 'include/node');
}

test('AddressSanitizer finds nothing', async (t) => {
  t.timeout(120_000);
  const directory = mkdtempSync(join(tmpdir(), 'vsw-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const helper = join(directory, 'vswitch.node');
  const { sources, cflags, defines } = JSON.parse(readFileSync(native('binding.gyp'), 'utf8')).targets[0];
  const options = [...cflags, ...defines.map((each: string) => `-D${each}`), '-Werror', '-g', '-O1'];
  const sanitizer = ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined'];
  const build = [...options, ...sanitizer, '-shared', '-fPIC', `-I${headers()}`];
  await execute('cc', [...build, '-o', helper, ...sources.map(native)]);
  const { stdout: runtime } = await execute('cc', ['-print-file-name=libasan.so']);
  const { stdout } = await execute('unshare', ['--net', process.execPath, '--expose-gc', exercise, helper], {
    // Node keeps memory to its end on purpose; a leak of ours would be one of descriptors, which are counted.
    env: { ...process.env, LD_PRELOAD: runtime.trim(), ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0' },
  });
  t.is(stdout, 'done\n');
});

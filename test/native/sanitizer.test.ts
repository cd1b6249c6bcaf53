/** The native helper built with AddressSanitizer, through every verb: no error, no leak of descriptors. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rootTest as test } from '../helpers/netns.ts';

const execute = promisify(execFile);
const source = fileURLToPath(new URL('../../../native/vswitch.c', import.meta.url));
const exercise = fileURLToPath(new URL('../fixtures/native-exercise.js', import.meta.url));
/** Where node-gyp found Node's headers when it built the helper. */
function headers(): string {
  const config = readFileSync(fileURLToPath(new URL('../../../native/build/config.gypi', import.meta.url)), 'utf8');
  const [, folder] = /"nodedir": "(.*?)"/.exec(config) ?? [];
  if (folder === undefined) throw new Error('native/build/config.gypi names no nodedir');
  return join(folder, 'include/node');
}

test('AddressSanitizer finds nothing', async (t) => {
  t.timeout(120_000);
  const directory = mkdtempSync(join(tmpdir(), 'vsw-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const helper = join(directory, 'vswitch.node');
  const options = ['-std=gnu11', '-Wall', '-Wextra', '-Werror', '-g', '-O1', '-fsanitize=address,undefined'];
  const build = [
    ...options,
    '-fno-sanitize-recover=undefined',
    '-shared',
    '-fPIC',
    `-I${headers()}`,
    '-DNAPI_VERSION=8',
  ];
  await execute('cc', [...build, '-o', helper, source]);
  const { stdout: runtime } = await execute('cc', ['-print-file-name=libasan.so']);
  const { stdout } = await execute('unshare', ['--net', process.execPath, '--expose-gc', exercise, helper], {
    // Node keeps memory to its end on purpose; a leak of ours would be one of descriptors, which are counted.
    env: { ...process.env, LD_PRELOAD: runtime.trim(), ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0' },
  });
  t.is(stdout, 'done\n');
});

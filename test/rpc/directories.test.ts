import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../rpc/directories.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('a folder is made with those above it, and may be there already', (t) => {
  const folder = join(temporaryFolder(t), 'a/b/c');
  makeFolder(folder);
  makeFolder(folder);
  t.true(existsSync(folder));
});

test('a folder that cannot be made is an error, also where the one above is there', (t) => {
  t.throws(() => makeFolder('/proc/not/here'), { code: 'ENOENT' });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** A folder of this test's own, removed after it. */
export const temporaryFolder = (t: Pick<ExecutionContext, 'teardown'>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'vswitch-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

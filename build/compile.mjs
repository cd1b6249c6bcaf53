// Compiles to dist, removes what no source stands behind any more, makes one file of each program and the
// programs of package.json's `bin` executable, and notes what was compiled.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeBundles } from './bundle.mjs';
import { writeCompletion } from './completion.mjs';
import { digest, orphans, readJson, root, stamp } from './sources.mjs';

const compiler = join(root, 'node_modules/.bin/tsc');
for (const [what, path] of [
  ['compiler', compiler],
  ['bundler', join(root, 'node_modules/esbuild')],
]) {
  if (existsSync(path)) continue;
  console.error(`the ${what} is not installed: run \`npm ci\` first`);
  process.exit(1);
}
// Taken before and written after: what changes meanwhile is compiled next time, and a failure leaves no stamp.
const compiled = digest();
rmSync(stamp, { force: true });
const { status } = spawnSync(compiler, { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(1);
for (const path of orphans()) rmSync(join(root, path));
await makeBundles();
await writeCompletion();
for (const [name, path] of Object.entries(readJson('package.json').bin)) {
  if (existsSync(join(root, path))) chmodSync(join(root, path), 0o755);
  else console.error(`package.json names the program ${name}, but no source makes ${path}`);
}
writeFileSync(stamp, compiled);

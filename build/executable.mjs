// After tsc: the programs named in package.json's `bin` become executable, and the time of the build is noted.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
for (const path of Object.values(bin)) chmodSync(join(root, path), 0o755);
writeFileSync(join(root, 'dist/.built'), '');

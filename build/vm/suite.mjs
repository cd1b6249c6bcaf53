// suite.mjs FILE...: makes dist/test/vm-suite.js, which imports these test files, as one file for AVA.
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../sources.mjs';

const imports = process.argv.slice(2).map((path) => `import '${pathToFileURL(resolve(path))}';\n`);
writeFileSync(join(root, 'dist/test/vm-suite.js'), imports.join(''));

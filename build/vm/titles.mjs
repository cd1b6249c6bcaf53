// titles.mjs FILE...: prints the titles of the tests that these files declare, one a line, and runs none.
import { register } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const moduleOf = (text) => `data:text/javascript,${encodeURIComponent(text)}`;

/** In the place of AVA: whatever is declared, in whatever way, is only named. */
const ava = moduleOf(`
const declare = (title) => {
  if (typeof title === 'string') console.log(title);
};
const test = new Proxy(declare, { get: () => test });
export default test;
`);
register(
  moduleOf(`export const resolve = (specifier, context, next) =>
  specifier === 'ava' ? { url: ${JSON.stringify(ava)}, shortCircuit: true } : next(specifier, context);`),
);
for (const path of process.argv.slice(2)) await import(pathToFileURL(resolve(path)));

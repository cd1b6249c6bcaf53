// Writes the file that bash reads to complete the arguments of ovs-vsctl: what the program knows of its commands, and
// the functions of completion.bash.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './sources.mjs';

const file = join(root, 'dist/completions/ovs-vsctl');
const functions = join(root, 'vsctl/completion.bash');

export const isCompletionWritten = () => existsSync(file);

/** Call it when all is compiled. */
export const writeCompletion = async () => {
  const { completionTables } = await import(join(root, 'dist/vsctl/completion.js'));
  const { loadSchema } = await import(join(root, 'dist/vsctl/switch-schema.js'));
  mkdirSync(dirname(file), { recursive: true });
  const title = '# Completion of the arguments of ovs-vsctl for bash. Generated: a change here is lost.\n\n';
  writeFileSync(file, `${title}${completionTables(loadSchema())}\n${readFileSync(functions, 'utf8')}`);
};

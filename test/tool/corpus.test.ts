/** Command lines of ovsdb-tool (test/cases/tool), which do and print the same as the C program's on files of its own. */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { readLines, splitSteps } from '../helpers/command-lines.ts';
import { cCommand, ourCommand, runProgram } from '../helpers/program-run.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { tidyOutput } from '../helpers/tidy-output.ts';

const schemas: { readonly [name: string]: string } = {
  one: '{"name":"x","version":"1.0.0","tables":{"a":{"columns":{"n":{"type":"integer"},"s":{"type":"string"},"name":{"type":{"key":"string","min":0}}}},"b":{"columns":{"n":{"type":"integer"}}}}}',
  two: '{"name":"x","version":"2.0.0","cksum":"12 34","tables":{"a":{"columns":{"n":{"type":{"key":"integer","min":0}},"s":{"type":"string"}}}}}',
  other: '{"name":"y","version":"1.0.0","tables":{}}',
  broken: '{"name":',
  array: '[]',
  nameless: '{"tables":{}}',
  empty: '',
  garbage: 'hello\n',
};
const row = '["x",{"op":"insert","table":"a","row":{"n":3,"s":"q","name":"é"}},{"op":"comment","comment":"first"}]';

const run = (command: readonly string[], cwd: string, args: readonly string[]) =>
  runProgram(command, args, { cwd, env: { OVS_DBDIR: cwd, OVS_PKGDATADIR: cwd, OVS_RUNDIR: cwd } });

/** A folder with all files that the cases name, x.db made by that program. */
const filledFolder = async (t: ExecutionContext, program: readonly string[]): Promise<string> => {
  const folder = temporaryFolder(t);
  const file = (name: string) => join(folder, name);
  for (const [name, text] of Object.entries(schemas)) writeFileSync(file(name), text);
  const theirs = cCommand('ovsdb-tool');
  for (const [name, maker] of [
    ['x.db', program],
    ['log.db', theirs],
  ] as const) {
    await run(maker, folder, ['create', name, 'one']);
    await run(maker, folder, ['transact', name, row]);
  }
  await run(theirs, folder, ['create-cluster', 'cl.db', 'one', 'tcp:127.0.0.1:6644']);
  const log = readFileSync(file('log.db'));
  writeFileSync(file('tail.db'), `${log}nonsense\n`);
  writeFileSync(file('cut.db'), log.subarray(0, -9));
  symlinkSync('x.db', file('link.db'));
  mkdirSync(file('dir'));
  return folder;
};

/** The files that are there after all, but for locks and what SQLite has beside its own. */
const filesIn = (folder: string): string =>
  readdirSync(folder)
    .filter((name) => !/^\.|-(shm|wal)$/.test(name))
    .join(' ');

/** What the steps of a line print and leave, in a copy of the files. */
const outcome = async (
  t: ExecutionContext,
  program: readonly string[],
  original: string,
  line: string,
): Promise<string> => {
  const folder = temporaryFolder(t);
  cpSync(original, folder, { recursive: true, verbatimSymlinks: true });
  let text = '';
  for (const words of splitSteps(line)) {
    const { stdout, stderr, status } = await run(program, folder, words);
    text += `${stdout}--- errors, then status ${status}\n${stderr}`;
  }
  return `${tidyOutput(text.replaceAll(folder, 'FOLDER'))}files: ${filesIn(folder)}`;
};

const atOnce = 4;

testRequiring(cPrograms())('ovsdb-tool does with its files what the C program does with its own', async (t) => {
  t.timeout(300_000);
  const [theirs, ours] = [cCommand('ovsdb-tool'), ourCommand('ovsdb-tool')];
  const [theirFiles, ourFiles] = [await filledFolder(t, theirs), await filledFolder(t, ours)];
  const rest = readLines(projectFile('test/cases/tool/files.cases'));
  const work = async (): Promise<void> => {
    for (let line = rest.shift(); line !== undefined; line = rest.shift()) {
      const expected = await outcome(t, theirs, theirFiles, line);
      t.is(await outcome(t, ours, ourFiles, line), expected, line);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
});

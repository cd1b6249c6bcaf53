/** Command lines of ovs-appctl (test/cases/appctl), to which either server answers either program alike. */
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { readSchema } from '../../server/server-database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import { readLines, splitWords } from '../helpers/command-lines.ts';
import { DaemonFolder, type Kind } from '../helpers/daemon-folder.ts';
import { sortLines } from '../helpers/program-run.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { tidyOutput } from '../helpers/tidy-output.ts';
import { until } from '../helpers/until.ts';

const databases: readonly (readonly [file: string, schema: string])[] = [
  ['conf.db', projectFile('schema/vswitch.ovsschema')],
  ['types.db', projectFile('test/cases/schemas/types.ovsschema')],
];

/** The folder of a server that serves both databases and takes commands. */
const start = async (t: ExecutionContext, kind: Kind): Promise<DaemonFolder> => {
  const folder = new DaemonFolder(t);
  for (const [file, schema] of databases) {
    if (kind === 'ours') SqliteStorage.create(folder.file(file), readSchema(schema));
    else await folder.run('c', 'ovsdb-tool', 'create', folder.file(file), schema);
  }
  const control = folder.file('control');
  const files = databases.map(([file]) => folder.file(file));
  folder.start(kind, 'ovsdb-server', '-vconsole:off', `--unixctl=${control}`, '--remote=punix:socket', ...files);
  await until('the server takes commands', () => folder.has('control'));
  return folder;
};

const outcome = async (folder: DaemonFolder, kind: Kind, line: string): Promise<string> => {
  const unordered = line.startsWith('~');
  const words = splitWords(unordered ? line.slice(1) : line).map((word) =>
    word.replaceAll('CTL', folder.file('control')).replaceAll('FOLDER', folder.path),
  );
  const { code, signal, stdout, stderr } = await folder.appctl(kind, ...words);
  const [out = '', err = ''] = [stdout, stderr].map((text) =>
    tidyOutput(text.replaceAll(folder.path, 'FOLDER'))
      .replace(/\(Open vSwitch\) \S+/g, '(Open vSwitch)')
      .replace(/^\/\S*(?=ovs-appctl: )/gm, ''),
  );
  return `${unordered ? sortLines(out) : out}--- errors, then status ${code ?? signal}\n${err}`;
};

testRequiring(cPrograms())('ovs-appctl and the server answer as the C programs do', async (t) => {
  t.timeout(300_000);
  const [theirs, ours] = [await start(t, 'c'), await start(t, 'ours')];
  for (const line of readLines(join(projectFile('test/cases/appctl'), 'server.cases'))) {
    const expected = await outcome(theirs, 'c', line);
    t.is(await outcome(ours, 'c', line), expected, `the C program to our server: ${line}`);
    t.is(await outcome(ours, 'ours', line), expected, `ours to our server: ${line}`);
  }
});

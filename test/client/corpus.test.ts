/** Command lines of ovsdb-client (test/cases/client), which print and end the same as the C program's on the C server. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { OutJson } from '../../schema/json.ts';
import { readSchema } from '../../server/server-database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import { readLines, splitWords } from '../helpers/command-lines.ts';
import { cCommand, ourCommand, runProgram, sortLines } from '../helpers/program-run.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { runCServer, type ServerProcess, startServer } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { tidyOutput } from '../helpers/tidy-output.ts';
import { Wire } from '../helpers/wire.ts';

const folder = projectFile('test/cases/client');
const schema = projectFile('schema/vswitch.ovsschema');
const types = projectFile('test/cases/schemas/types.ovsschema');

/** The same UUIDs on every server, so that rows stand in the same order. */
const uuid = (number: number): string => `00000000-0000-0000-0000-${String(number).padStart(12, '0')}`;
const refer = (...numbers: number[]) => ['set', numbers.map((number) => ['uuid', uuid(number)])];
const insert = (table: string, number: number, row: OutJson) => ({ op: 'insert', table, uuid: uuid(number), row });

const contents: { readonly [database: string]: readonly OutJson[] } = {
  Open_vSwitch: [
    insert('Interface', 1, { name: 'p1', type: 'internal', statistics: ['map', [['rx', 5]]] }),
    insert('Interface', 2, {
      name: 'br0',
      options: [
        'map',
        [
          ['é', 'ü'],
          ['a b', ''],
        ],
      ],
    }),
    insert('Port', 3, { name: 'p1', interfaces: refer(1), tag: 3, trunks: ['set', [1, 2, 3]] }),
    insert('Port', 4, { name: 'br0', interfaces: refer(2) }),
    insert('Bridge', 5, {
      name: 'br0',
      ports: refer(3, 4),
      external_ids: [
        'map',
        [
          ['a', 'b c'],
          ['k', 'say "x", <&>\n'],
          ['true', 'x'],
          ['', ''],
        ],
      ],
      other_config: ['map', [['uuid', uuid(77)]]],
    }),
    insert('Open_vSwitch', 6, { bridges: refer(5), next_cfg: 7 }),
    insert('QoS', 7, { type: 'x', external_ids: ['map', [['n', '1']]] }),
    insert('QoS', 8, { type: 'x', external_ids: ['map', [['n', '0']]] }),
  ],
  types: [
    insert('sets', 20, { name: 'first', i: ['set', [1, 2]], s: ['set', ['x', 'y, "z"']] }),
    insert('sets', 21, { name: 'second' }),
  ],
};

const filled = async (t: ExecutionContext, server: ServerProcess): Promise<ServerProcess> => {
  const wire = await Wire.connect(server.socket);
  t.teardown(() => wire.close());
  for (const [database, operations] of Object.entries(contents)) {
    t.notRegex(JSON.stringify(await wire.result('transact', [database, ...operations])), /error/);
  }
  return server;
};

const startOurs = (t: ExecutionContext): Promise<ServerProcess> => {
  const second = join(temporaryFolder(t), 'types.db');
  SqliteStorage.create(second, readSchema(types));
  return startServer(t, schema, second);
};

const startC = (t: ExecutionContext): Promise<ServerProcess> => {
  const files = temporaryFolder(t);
  const [first, second] = [join(files, 'conf.db'), join(files, 'types.db')];
  const [tool = ''] = cCommand('ovsdb-tool');
  execFileSync(tool, ['create', first, schema]);
  execFileSync(tool, ['create', second, types]);
  return runCServer(t, first, second);
};

/** What a command line printed and how it ended, as lines of text. */
const outcome = async (
  command: readonly string[],
  line: string,
  { target }: ServerProcess,
  files: string,
): Promise<string> => {
  const unordered = line.startsWith('~');
  const words = splitWords(unordered ? line.slice(1) : line).map((word) =>
    word
      .replaceAll('SERVER', target)
      .replaceAll('SCHEMA', schema)
      .replaceAll('FOLDER', files)
      .replaceAll('PROJECT', projectFile('.')),
  );
  const { stdout, stderr, status } = await runProgram(command, words, { cwd: files, env: { OVS_RUNDIR: files } });
  const [out = '', err = ''] = [stdout, stderr].map((text) => {
    const tidied = tidyOutput(text.replaceAll(target, 'SERVER').replace(/last_id: \S+/g, 'last_id: <id>'));
    // In which order they are named depends on the order of the lines.
    return unordered ? sortLines(tidied.replace(/<\d+>/g, '<uuid>')) : tidied;
  });
  return `${out}--- errors, then status ${status}\n${err}`;
};

const atOnce = 6;

const compare = async (t: ExecutionContext, lines: readonly string[]): Promise<void> => {
  const files = temporaryFolder(t);
  const [theirServer, ourServer] = [await filled(t, await startC(t)), await filled(t, await startOurs(t))];
  const rest = [...lines];
  const work = async (): Promise<void> => {
    for (let line = rest.shift(); line !== undefined; line = rest.shift()) {
      // Not all at once: a lock is held by one at a time.
      const expected = await outcome(cCommand('ovsdb-client'), line, theirServer, files);
      const [onTheirs, onOurs] = await Promise.all(
        [theirServer, ourServer].map((server) => outcome(ourCommand('ovsdb-client'), line, server, files)),
      );
      t.is(onTheirs, expected, `on C's server: ${line}`);
      t.is(onOurs, expected, `on ours: ${line}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
};

for (const file of readdirSync(folder)) {
  const lines = readLines(join(folder, file));
  testRequiring(cPrograms())(`${basename(file, '.cases')}: prints what the C program prints`, async (t) => {
    t.timeout(300_000);
    await compare(t, lines);
  });
}

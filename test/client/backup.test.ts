/** Backups of either program, restored by either, and taken by either server as a database. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { cCommand, ourCommand, type ProgramRun, runProgram } from '../helpers/program-run.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { runServer, type ServerProcess, startCServer, startServer } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { Wire } from '../helpers/wire.ts';

const schema = projectFile('schema/vswitch.ovsschema');
const programs = { C: cCommand('ovsdb-client'), ours: ourCommand('ovsdb-client') };
const servers = { C: startCServer, ours: startServer };

const fill = async (t: ExecutionContext, server: ServerProcess): Promise<void> => {
  const wire = await Wire.connect(server.socket);
  t.teardown(() => wire.close());
  const ids = ['map', [['owner', 'someone "else"']]];
  await wire.result('transact', [
    'Open_vSwitch',
    { op: 'insert', table: 'Interface', 'uuid-name': 'i', row: { name: 'p1', link_state: 'up' } },
    { op: 'insert', table: 'Port', 'uuid-name': 'p', row: { name: 'p1', interfaces: ['named-uuid', 'i'], tag: 3 } },
    { op: 'insert', table: 'Mirror', 'uuid-name': 'm', row: { name: 'm', output_port: ['named-uuid', 'p'] } },
    {
      op: 'insert',
      table: 'Bridge',
      'uuid-name': 'b',
      row: { name: 'b', ports: ['named-uuid', 'p'], mirrors: ['named-uuid', 'm'], external_ids: ids },
    },
    { op: 'insert', table: 'Open_vSwitch', row: { bridges: ['named-uuid', 'b'], next_cfg: 2 ** 60 } },
    { op: 'insert', table: 'Queue', 'uuid-name': 'q', row: { dscp: 5 } },
    { op: 'insert', table: 'QoS', row: { type: 't', queues: ['map', [[7, ['named-uuid', 'q']]]] } },
  ]);
};

/** What the database holds, with names for UUIDs. */
const contents = async (server: ServerProcess): Promise<string> => {
  const { stdout } = await runProgram(programs.C, ['-f', 'json', 'dump', server.target]);
  const names = new Map<string, string>();
  return stdout.replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (uuid) => {
    const name = names.get(uuid) ?? `<${names.size}>`;
    names.set(uuid, name);
    return name;
  });
};

const succeeded = (t: ExecutionContext, { stdout, stderr, status }: ProgramRun): string => {
  t.is(stderr, '');
  t.is(status, 0);
  return stdout;
};

const file = (t: ExecutionContext, content: string): string => {
  const path = join(temporaryFolder(t), 'input');
  writeFileSync(path, content);
  return path;
};

const cTest = testRequiring(cPrograms());
for (const [writer, write] of Object.entries(programs)) {
  for (const [reader, read] of Object.entries(programs)) {
    cTest(`a backup by ${writer} is restored by ${reader}`, async (t) => {
      t.timeout(120_000);
      const from = await (writer === 'C' ? servers.ours : servers.C)(t, schema);
      const to = await (reader === 'C' ? servers.ours : servers.C)(t, schema);
      await fill(t, from);
      const snapshot = succeeded(t, await runProgram(write, ['backup', from.target]));
      t.is(succeeded(t, await runProgram(read, ['restore', to.target], { inputFile: file(t, snapshot) })), '');
      // Ephemeral columns are not backed up.
      t.is(await contents(to), (await contents(from)).replace('"up"', '["set",[]]'));
    });
  }
}

cTest('a backup is a database, to the C server and to ours', async (t) => {
  const server = await startServer(t, schema);
  await fill(t, server);
  const path = join(temporaryFolder(t), 'backup');
  writeFileSync(path, succeeded(t, await runProgram(programs.ours, ['backup', server.target])));
  const query = '["Open_vSwitch",{"op":"select","table":"Bridge","where":[],"columns":["name","external_ids"]}]';
  const rows = '[{"rows":[{"external_ids":["map",[["owner","someone \\"else\\""]]],"name":"b"}]}]\n';
  t.is(succeeded(t, await runProgram(cCommand('ovsdb-tool'), ['query', path, query])), rows);
  const ours = await runServer(t, path);
  t.is(succeeded(t, await runProgram(programs.C, ['query', ours.target, query])), rows);
});

cTest('what is no backup, or one of another schema, is refused in the same words', async (t) => {
  const server = await startCServer(t, schema);
  const other = await startCServer(t, projectFile('test/cases/schemas/tables.ovsschema'));
  const snapshot = succeeded(t, await runProgram(programs.C, ['backup', other.target]));
  for (const input of ['', 'nonsense\n', snapshot.slice(0, -3), `${snapshot}x`, snapshot]) {
    const [expected, actual] = [
      await runProgram(programs.C, ['restore', server.target], { inputFile: file(t, input) }),
      await runProgram(programs.ours, ['restore', server.target], { inputFile: file(t, input) }),
    ];
    t.deepEqual(actual, expected);
    t.is(actual.status, 1);
  }
});

test('a backup of an empty database empties another', async (t) => {
  const server = await startServer(t, schema);
  const snapshot = succeeded(t, await runProgram(programs.ours, ['backup', server.target]));
  await fill(t, server);
  succeeded(t, await runProgram(programs.ours, ['restore', server.target], { inputFile: file(t, snapshot) }));
  const { stdout } = await runProgram(programs.ours, ['--no-headings', '-f', 'csv', 'dump', server.target, 'Bridge']);
  t.is(stdout, 'Bridge table\n');
});

/** The C ovsdb-client prints the same of our server as of the C server. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { formatJson, isArray, isObject, type Json, member, parseJson } from '../../schema/json.ts';
import { audit } from '../helpers/audit.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, findProgram, testRequiring } from '../helpers/requires.ts';
import { type ServerProcess, startCServer, startServer } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const cTest = testRequiring(cPrograms());
const schema = projectFile('schema/vswitch.ovsschema');
const client = findProgram('ovsdb-client') ?? 'ovsdb-client';

interface Output {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = promisify(execFile);
const ovsdbClient = async ({ target }: ServerProcess, command: string, ...args: string[]): Promise<Output> => {
  try {
    const { stdout, stderr } = await run(client, ['--timeout=10', command, target, ...args]);
    return { status: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = Object(error);
    return { status: Number(code), stdout: String(stdout), stderr: String(stderr) };
  }
};

const names = ['br0', 'p0', 'p1'];
const setUp = formatJson([
  'Open_vSwitch',
  {
    op: 'insert',
    table: 'Open_vSwitch',
    row: { bridges: ['named-uuid', 'br0'], external_ids: ['map', [['a', 'é "x"']]] },
  },
  {
    op: 'insert',
    table: 'Bridge',
    'uuid-name': 'br0',
    row: { name: 'br0', ports: ['set', names.map((name) => ['named-uuid', `${name}_port`])] },
  },
  ...names.flatMap((name, tag) => [
    {
      op: 'insert',
      table: 'Port',
      'uuid-name': `${name}_port`,
      row: { name, tag, interfaces: ['named-uuid', `${name}_interface`] },
    },
    { op: 'insert', table: 'Interface', 'uuid-name': `${name}_interface`, row: { name, type: 'internal' } },
  ]),
]);

/** Both servers, each with the same bridge. */
const both = async (t: ExecutionContext): Promise<{ ours: ServerProcess; theirs: ServerProcess }> => {
  const servers = { ours: await startServer(t, schema), theirs: await startCServer(t, schema) };
  for (const server of Object.values(servers)) {
    t.notRegex((await ovsdbClient(server, 'transact', setUp)).stdout, /error/);
  }
  return servers;
};

const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const time = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;
/** Output without UUIDs and times, and lines in order: tables and columns come in any. */
const tidy = ({ status, stdout, stderr }: Output, { socket }: ServerProcess): string[] => [
  `exit status ${status}`,
  ...stdout.replaceAll(uuid, '<uuid>').replaceAll(/-{5,}/g, '-----').split('\n').sort(),
  ...stderr.replaceAll(socket, '<socket>').replaceAll(uuid, '<uuid>').replaceAll(time, '<time>').split('\n'),
];

const transaction = (...operations: unknown[]): string => JSON.stringify(['Open_vSwitch', ...operations]);

const commands: readonly (readonly [command: string, ...args: string[]])[] = [
  ['list-dbs'],
  ['get-schema-version'],
  ['get-schema-version', 'Open_vSwitch'],
  ['get-schema-cksum', 'Open_vSwitch'],
  ['get-schema-version', 'nosuch'],
  ['list-tables'],
  ['list-columns', 'Open_vSwitch', 'Bridge'],
  ['list-columns', 'Open_vSwitch', 'nosuch'],
  ['list-tables', '_Server'],
  ['dump', 'Open_vSwitch', 'Port', 'name', 'tag'],
  ['dump', 'Open_vSwitch', 'Port', 'name', 'tag', '--format=json'],
  ['dump', 'Open_vSwitch', 'Interface', 'name', 'type', 'ofport', '--format=csv'],
  ['dump', 'Open_vSwitch', 'Open_vSwitch', 'external_ids', 'next_cfg', 'bridges', '--format=list'],
  ['dump', 'Open_vSwitch', 'Open_vSwitch'],
  ['dump'],
  ['dump', '_Server', 'Database', 'name', 'model', 'connected', 'leader', 'cid', 'sid', 'index'],
  [
    'transact',
    transaction({ op: 'select', table: 'Port', where: [['tag', '<', 2]], columns: ['name', 'tag'], sort: ['name'] }),
  ],
  ['transact', transaction({ op: 'select', table: 'Bridge', where: [], columns: ['name', 'ports'] })],
  ['transact', transaction({ op: 'select', table: 'nosuch', where: [] })],
  ['transact', transaction({ op: 'insert', table: 'Port', row: { tag: 5000 } })],
  ['transact', '["nosuch"]'],
  ['transact', '[]'],
  ['query', transaction({ op: 'select', table: 'Port', where: [], columns: ['name'], sort: ['name'] })],
  ['query', transaction({ op: 'delete', table: 'Port', where: [] })],
  ['needs-conversion', schema],
  ['wait', 'Open_vSwitch', 'added'],
  ['wait', 'Open_vSwitch', 'connected'],
];

cTest('ovsdb-client prints the same of both servers', async (t) => {
  const { ours, theirs } = await both(t);
  for (const [command, ...args] of commands) {
    const expected = tidy(await ovsdbClient(theirs, command, ...args), theirs);
    t.deepEqual(tidy(await ovsdbClient(ours, command, ...args), ours), expected, [command, ...args].join(' '));
  }
  t.deepEqual(await audit(ours), []);
});

cTest('ovsdb-client get-schema: the schema is the same, member by member', async (t) => {
  const { ours, theirs } = await both(t);
  for (const database of ['Open_vSwitch', '_Server']) {
    const [a, b] = [await ovsdbClient(ours, 'get-schema', database), await ovsdbClient(theirs, 'get-schema', database)];
    t.deepEqual(tablesOf(a.stdout), tablesOf(b.stdout), database);
  }
});

const tablesOf = (text: string): Json | undefined => {
  const json = parseJson(text);
  return isObject(json) ? member(json, 'tables') : undefined;
};

/** A table in JSON without UUIDs, its rows in order. */
const tidyTable = (text: string): string => {
  const json = parseJson(text.replaceAll(uuid, '<uuid>'));
  const data = isObject(json) ? member(json, 'data') : undefined;
  const rows = isArray(data) ? data.map((row) => formatJson(row)) : [];
  return rows.sort().join('\n');
};

/** Starts a monitor; `lines` gives the tables it printed so far, once there are that many. */
const startMonitor = (t: ExecutionContext, { target }: ServerProcess, command: string, ...args: string[]) => {
  const child: ChildProcess = spawn(client, ['--timeout=60', command, '--format=json', target, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.teardown(() => child.kill());
  const seen: string[] = [];
  const { stdout } = child;
  if (stdout === null) throw new Error('a pipe is missing');
  const reader = createInterface(stdout);
  // Before the rows, monitor-cond-since tells the last transaction's id, sometimes on the same line.
  reader.on('line', (line) => seen.push(...(/\{.*/.exec(line) ?? [])));
  return async (count: number): Promise<string[]> => {
    while (seen.length < count) await once(reader, 'line');
    return seen.map(tidyTable);
  };
};

for (const [command, ...args] of [
  ['monitor', 'Open_vSwitch', 'Port', 'name,tag'],
  ['monitor-cond', 'Open_vSwitch', '[["tag","<",9]]', 'Port', 'name,tag'],
  ['monitor-cond-since', 'Open_vSwitch', '[["tag","<",9]]', 'Port', 'name,tag'],
] satisfies [string, ...string[]][]) {
  cTest(`ovsdb-client ${command} prints the same of both servers`, async (t) => {
    const outputs: string[][] = [];
    for (const server of Object.values(await both(t))) {
      const lines = startMonitor(t, server, command, ...args);
      await lines(1);
      const change = (tag: number) =>
        ovsdbClient(
          server,
          'transact',
          transaction({ op: 'update', table: 'Port', where: [['name', '==', 'p1']], row: { tag } }),
        );
      await change(7);
      await lines(2);
      await change(8);
      outputs.push(await lines(3));
    }
    t.deepEqual(outputs[0], outputs[1]);
    t.is(outputs[0]?.length, 3);
  });
}

cTest('a backup of our server is a database to the C tools, and can be restored', async (t) => {
  const { ours } = await both(t);
  const dump = async () => tidy(await ovsdbClient(ours, 'dump', 'Open_vSwitch', 'Port', 'name', 'tag', '_uuid'), ours);
  const before = await dump();
  const backup = await ovsdbClient(ours, 'backup');
  const file = join(temporaryFolder(t), 'backup');
  writeFileSync(file, backup.stdout);
  const query = transaction({ op: 'select', table: 'Port', where: [], columns: ['name'], sort: ['name'] });
  const { stdout } = await run(findProgram('ovsdb-tool') ?? 'ovsdb-tool', ['query', file, query]);
  t.is(stdout.trim(), '[{"rows":[{"name":"br0"},{"name":"p0"},{"name":"p1"}]}]');
  await ovsdbClient(ours, 'transact', transaction({ op: 'delete', table: 'Open_vSwitch', where: [] }));
  // It wants a file as its standard input, not a pipe.
  const input = openSync(file, 'r');
  const restored = spawn(client, ['restore', ours.target], { stdio: [input, 'ignore', 'inherit'] });
  closeSync(input);
  t.deepEqual(await once(restored, 'exit'), [0, null]);
  t.deepEqual(await dump(), before);
  t.deepEqual(await audit(ours), []);
});

cTest('ovsdb-client lock and steal take turns', async (t) => {
  const { ours } = await both(t);
  const holder = startLock(t, ours, 'lock');
  t.is(await holder(), 'locked');
  const thief = startLock(t, ours, 'steal');
  t.is(await thief(), 'locked');
  t.is(await holder(), 'stolen');
});

/** Starts ovsdb-client lock or steal; gives the next word it prints about its lock. */
const startLock = (t: ExecutionContext, { target }: ServerProcess, command: string) => {
  const child = spawn(client, ['--timeout=60', command, target, 'l'], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.teardown(() => child.kill());
  const words: string[] = [];
  const reader = createInterface(child.stdout);
  reader.on('line', (line) => words.push(...(line.match(/\b(locked|stolen)\b/g) ?? [])));
  return async (): Promise<string | undefined> => {
    while (words.length === 0) await once(reader, 'line');
    return words.shift();
  };
};

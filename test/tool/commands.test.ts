/** ovsdb-tool beside the C program: the same command lines, in folders that hold the same files. */
import { copyFileSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fileFormat } from '../../server/file-format.ts';
import { cCommand, ourCommand, type ProgramRun, runProgram, sortLines } from '../helpers/program-run.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { runCServer, runServer } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { tidyOutput } from '../helpers/tidy-output.ts';

const schemas: { readonly [name: string]: string } = {
  one: '{"name":"x","version":"1.0.0","tables":{"a":{"columns":{"n":{"type":"integer"},"s":{"type":"string"},"d":{"type":"string"},"name":{"type":{"key":"string","min":0}}}},"b":{"columns":{"n":{"type":"integer"}}}}}',
  two: '{"name":"x","version":"2.0.0","cksum":"12 34","tables":{"a":{"columns":{"n":{"type":{"key":"integer","min":0}},"s":{"type":"string"},"e":{"type":"string"},"name":{"type":{"key":"string","min":0}}}}}}',
  unfit: '{"name":"x","version":"3.0.0","tables":{"a":{"columns":{"n":{"type":"string"}}}}}',
  roles:
    '{"name":"r","version":"1.0.0","tables":{"RBAC_Role":{"columns":{"name":{"type":"string"},"permissions":{"type":{"key":"string","value":{"type":"uuid","refTable":"P","refType":"weak"},"min":0,"max":"unlimited"}}},"isRoot":true},"P":{"columns":{"table":{"type":"string"},"authorization":{"type":{"key":"string","min":0,"max":"unlimited"}},"insert_delete":{"type":"boolean"},"update":{"type":{"key":"string","min":0,"max":"unlimited"}}},"isRoot":true},"a":{"columns":{"n":{"type":"string"},"s":{"type":{"key":"string","min":0,"max":"unlimited"}}},"isRoot":true}}}',
  'bad-version': '{"name":"x","version":"3","tables":{}}',
  nameless: '{"tables":{}}',
  array: '[]',
  broken: '{"name":',
};

const run = (command: readonly string[], cwd: string, args: readonly string[]): Promise<ProgramRun> =>
  runProgram(command, args, { cwd, env: { OVS_DBDIR: cwd, OVS_PKGDATADIR: cwd } });

const tidy = (text: string): string => tidyOutput(text).replace(/\/\S*\/vswitch-test-[^/]+/g, '<folder>');

const insertion =
  '["x",{"op":"insert","table":"a","row":{"n":3,"s":"q","name":"é \\"x\\""}},{"op":"comment","comment":"first"}]';
const selection = '["x",{"op":"select","table":"a","where":[],"columns":["n","s"],"sort":["n"]}]';

/** Commands on a database x.db of schema one; they change it as they go. */
const session: readonly (readonly string[])[] = [
  ['db-name', 'x.db'],
  ['db-version', 'x.db'],
  ['db-cksum', 'x.db'],
  ['db-is-standalone', 'x.db'],
  ['db-is-clustered', 'x.db'],
  ['db-cid', 'x.db'],
  ['needs-conversion', 'x.db', 'one'],
  ['needs-conversion', 'x.db', 'two'],
  ['transact', 'x.db', insertion],
  ['convert', 'x.db', 'unfit'],
  ['transact', 'x.db', '["x",{"op":"insert","table":"b","row":{"n":4}}]'],
  ['transact', 'x.db', '["x",{"op":"mutate","table":"a","where":[],"mutations":[["n","+=",2]]}]'],
  ['query', 'x.db', selection],
  ['query', 'x.db', '["x"]'],
  ['query', 'x.db', '["y"]'],
  ['query', 'x.db', '[]'],
  ['query', 'x.db', '{}'],
  ['query', 'x.db', 'x'],
  ['transact', 'x.db', '["x",{"op":"nope"},{"op":"comment","comment":"x"}]'],
  [
    'query',
    'x.db',
    '["x",{"op":"comment","comment":"x"},{"op":"wait","table":"a","where":[],"columns":[],"until":"==","rows":[]},{"op":"comment","comment":"x"}]',
  ],
  ['--rbac-role=any', 'query', 'x.db', selection],
  ['convert', 'x.db', 'bad-version'],
  ['convert', 'x.db', 'nameless'],
  ['convert', 'x.db', 'array'],
  ['convert', 'x.db', 'broken'],
  ['convert', 'x.db', 'nowhere'],
  ['query', 'x.db', selection],
  ['convert', 'x.db', 'two', 'y.db'],
  ['query', 'y.db', '["x",{"op":"select","table":"a","where":[]}]'],
  ['db-version', 'y.db'],
  ['db-version', 'x.db'],
  ['compact', 'x.db', 'z.db'],
  ['compact', 'x.db', 'z.db'],
  ['query', 'z.db', selection],
  ['compact', 'x.db'],
  ['query', 'x.db', selection],
  ['convert', 'x.db', 'two'],
  ['needs-conversion', 'x.db', 'two'],
  ['query', 'x.db', '["x",{"op":"select","table":"a","where":[]}]'],
  ['create', 'x.db', 'one'],
];

/** Commands that need no database, or find none. */
const others: readonly (readonly string[])[] = [
  ['create', 'new.db', 'one'],
  ['db-version', 'new.db'],
  ['create', 'new.db', 'one'],
  ['create', 'other.db', 'broken'],
  ['create', 'other.db', 'nowhere'],
  ['schema-name', 'one'],
  ['schema-version', 'one'],
  ['schema-version', 'nameless'],
  ['schema-cksum', 'two'],
  ['schema-cksum', 'one'],
  ['schema-name'],
  ['db-name'],
  ['db-version', 'nowhere'],
  ['db-is-standalone', 'nowhere'],
  ['db-is-standalone', 'one'],
  ['compact', 'nowhere'],
  ['convert', 'nowhere', 'one'],
  ['query', 'nowhere', '[]'],
  ['transact', 'nowhere', '[]'],
  ['show-log', 'nowhere'],
  ['needs-conversion', 'nowhere', 'one'],
  ...['<', '<=', '==', '>=', '>', '!='].flatMap((operator) => [
    ['compare-versions', '1.2.3', operator, '1.10.0'],
    ['compare-versions', '1.2.3', operator, '1.2.3'],
    ['compare-versions', '2.0.0', operator, '1.9.9'],
  ]),
  ['compare-versions', '1.2', '<', '1.2.3'],
  ['compare-versions', '1.2.3', '<', 'x'],
  ['compare-versions', '1.2.3', '=', '1.2.3'],
  ['create', 'a', 'b', 'c'],
  ['query'],
  ['db-cid'],
  ['compare-versions', '1.2.3'],
  [],
  ['nope'],
  ['--nope'],
  ['--ver'],
  ['--rbac-role'],
  ['-z'],
];

const folderWithSchemas = (t: ExecutionContext): string => {
  const folder = temporaryFolder(t);
  for (const [name, text] of Object.entries(schemas)) writeFileSync(join(folder, name), text);
  return folder;
};

const cTool = cCommand('ovsdb-tool');
const ourTool = ourCommand('ovsdb-tool');

const compareRuns = async (
  t: ExecutionContext,
  [theirs, ours]: readonly [string, string],
  commands: readonly (readonly string[])[],
): Promise<void> => {
  for (const args of commands) {
    const [expected, actual] = await Promise.all([run(cTool, theirs, args), run(ourTool, ours, args)]);
    const words = args.join(' ');
    t.is(tidy(actual.stdout), tidy(expected.stdout), words);
    t.is(tidy(actual.stderr), tidy(expected.stderr), words);
    t.is(actual.status, expected.status, words);
  }
};

const cTest = testRequiring(cPrograms());

cTest('a database of ours answers as the C program answers with its own', async (t) => {
  t.timeout(120_000);
  const folders = [folderWithSchemas(t), folderWithSchemas(t)] as const;
  await compareRuns(t, folders, [['create', 'x.db', 'one'], ...session]);
  t.is(fileFormat(join(folders[1], 'x.db')), 'sqlite');
  t.is(fileFormat(join(folders[1], 'y.db')), 'sqlite');
});

cTest("a database of the C program's answers the same, and stays one", async (t) => {
  t.timeout(120_000);
  const folders = [folderWithSchemas(t), folderWithSchemas(t)] as const;
  for (const folder of folders) t.is((await run(cTool, folder, ['create', 'x.db', 'one'])).status, 0);
  await compareRuns(t, folders, session);
  const all = '["x",{"op":"select","table":"a","where":[]}]';
  for (const name of ['x.db', 'y.db', 'z.db']) {
    const [expected, actual] = [
      await run(cTool, folders[0], ['query', name, all]),
      await run(cTool, folders[1], ['query', name, all]),
    ];
    t.is(actual.stderr, '');
    t.is(tidy(actual.stdout), tidy(expected.stdout), name);
  }
});

const permission = '{"op":"insert","table":"P","uuid-name":"p","row":{"table":"a","insert_delete":true,"update":"n"}}';
const role = '{"op":"insert","table":"RBAC_Role","row":{"name":"x","permissions":["map",[["a",["named-uuid","p"]]]]}}';

cTest('a role limits transactions as it does for the C program', async (t) => {
  const folders = [folderWithSchemas(t), folderWithSchemas(t)] as const;
  const operations = [
    '{"op":"insert","table":"a","row":{"n":"5"}}',
    '{"op":"update","table":"a","where":[],"row":{"n":"z"}}',
    '{"op":"mutate","table":"a","where":[],"mutations":[["s","insert","z"]]}',
    '{"op":"delete","table":"a","where":[]}',
    '{"op":"select","table":"a","where":[],"columns":["n"]}',
  ];
  await compareRuns(t, folders, [
    ['create', 'x.db', 'roles'],
    ['transact', 'x.db', `["r",${permission},${role},{"op":"insert","table":"a","row":{"n":"1"}}]`],
    ...['x', 'unknown'].flatMap((name) =>
      operations.map((operation) => [`--rbac-role=${name}`, 'query', 'x.db', `["r",${operation}]`]),
    ),
  ]);
});

cTest('commands without a database print the same', async (t) => {
  t.timeout(120_000);
  await compareRuns(t, [folderWithSchemas(t), folderWithSchemas(t)], others);
});

cTest('a log is shown as the C program shows it', async (t) => {
  const folder = folderWithSchemas(t);
  await run(cTool, folder, ['create', 'x.db', 'one']);
  const server = await runCServer(t, join(folder, 'x.db'));
  const client = cCommand('ovsdb-client');
  for (const operations of [
    '{"op":"insert","table":"a","row":{"n":3,"s":"two words","name":"x"}},{"op":"insert","table":"b","row":{"n":1}}',
    '{"op":"update","table":"a","where":[],"row":{"n":4,"name":"y"}},{"op":"comment","comment":"changed"}',
    '{"op":"delete","table":"b","where":[]}',
  ]) {
    t.is((await runProgram(client, ['transact', server.target, `["x",${operations}]`])).status, 0);
  }
  await server.stop();
  for (const args of [['show-log'], ['-m', 'show-log'], ['-mm', 'show-log'], ['--more', '--more', 'show-log']]) {
    const line = [...args, 'x.db'];
    const [expected, actual] = [await run(cTool, folder, line), await run(ourTool, folder, line)];
    t.is(sortLines(actual.stdout), sortLines(expected.stdout));
    t.is(actual.status, 0);
  }
  writeFileSync(join(folder, 'bad.db'), `${readFileSync(join(folder, 'x.db'), 'utf8')}nonsense\n`);
  for (const args of [
    ['show-log', 'bad.db'],
    ['query', 'bad.db', '["x"]'],
    ['transact', 'bad.db', '["x"]'],
    ['compact', 'bad.db'],
  ]) {
    const [expected, actual] = [await run(cTool, folder, args), await run(ourTool, folder, args)];
    t.is(sortLines(actual.stdout), sortLines(expected.stdout));
    t.is(actual.stderr, expected.stderr);
    t.is(actual.status, expected.status);
  }
});

cTest('a database that a server has open can be looked at, not changed', async (t) => {
  const folder = folderWithSchemas(t);
  await run(ourTool, folder, ['create', 'x.db', 'one']);
  await run(cTool, folder, ['create', 'c.db', 'one']);
  const server = await runServer(t, join(folder, 'x.db'));
  const cServer = await runCServer(t, join(folder, 'c.db'));
  for (const args of [['transact', '["x"]'], ['compact'], ['convert', 'two'], ['db-version'], ['query', '["x"]']]) {
    const [command = '', ...rest] = args;
    const expected = await run(cTool, folder, [command, 'c.db', ...rest]);
    const actual = await run(ourTool, folder, [command, 'x.db', ...rest]);
    t.is(actual.stdout, expected.stdout);
    t.is(actual.status, expected.status, command);
    const [last] = expected.stderr.trimEnd().split('\n').slice(-1);
    t.is(actual.stderr.trimEnd().split('\n').at(-1), last?.replace('c.db', 'x.db'));
  }
  await server.stop();
  await cServer.stop();
});

cTest('what a clustered database is can be asked, and nothing else done', async (t) => {
  const folder = folderWithSchemas(t);
  await run(cTool, folder, ['create-cluster', 'x.db', 'one', 'tcp:127.0.0.1:6644']);
  for (const args of [
    ['db-name', 'x.db'],
    ['db-cid', 'x.db'],
    ['db-sid', 'x.db'],
    ['db-local-address', 'x.db'],
    ['db-is-clustered', 'x.db'],
    ['db-is-standalone', 'x.db'],
    ['db-version', 'x.db'],
    ['query', 'x.db', '[]'],
  ]) {
    const [expected, actual] = [await run(cTool, folder, args), await run(ourTool, folder, args)];
    t.deepEqual(actual, expected, args.join(' '));
  }
  const refused = await run(ourTool, folder, ['cluster-to-standalone', 'y.db', 'x.db']);
  t.regex(refused.stderr, /^ovsdb-tool: clustered databases are not supported: /);
  t.is(refused.status, 1);
});

test('a database that a link names is changed, not the link', async (t) => {
  const folder = folderWithSchemas(t);
  await run(ourTool, folder, ['create', 'real.db', 'one']);
  symlinkSync('real.db', join(folder, 'x.db'));
  copyFileSync(join(folder, 'real.db'), join(folder, 'before.db'));
  for (const args of [
    ['compact', 'before.db', 'x.db'],
    ['convert', 'x.db', 'two'],
  ]) {
    t.deepEqual(await run(ourTool, folder, args), { stdout: '', stderr: '', status: 0 });
  }
  t.is((await run(ourTool, folder, ['db-version', 'real.db'])).stdout, '2.0.0\n');
  t.is(statSync(join(folder, 'real.db')).mode & 0o777, 0o660 & ~process.umask());
});

test('a file of ours is shown as a log with what it holds', async (t) => {
  const folder = folderWithSchemas(t);
  await run(ourTool, folder, ['create', 'x.db', 'one']);
  await run(ourTool, folder, ['transact', 'x.db', insertion]);
  const { stdout } = await run(ourTool, folder, ['-mm', 'show-log', 'x.db']);
  t.is(
    tidy(stdout),
    'record 0: "x" schema, version="1.0.0", cksum=""\n\nrecord 1: <date>\n  table a insert row "é \\"x\\"" <row>:\n    n=3\n    s=q\n    name="é \\"x\\""\n\n',
  );
});

test('a conversion that would break the rules of the schema is refused', async (t) => {
  const folder = folderWithSchemas(t);
  await run(ourTool, folder, ['create', 'x.db', 'one']);
  for (let i = 0; i < 2; i++) await run(ourTool, folder, ['transact', 'x.db', insertion]);
  const limited = '{"name":"x","version":"4.0.0","tables":{"a":{"columns":{"n":{"type":"integer"}},"maxRows":1}}}';
  writeFileSync(join(folder, 'limited'), limited);
  const { stderr, status } = await run(ourTool, folder, ['convert', 'x.db', 'limited']);
  t.regex(stderr, /^ovsdb-tool: constraint violation: transaction causes "a" table to contain 2 rows/);
  t.is(status, 1);
  t.is((await run(ourTool, folder, ['db-version', 'x.db'])).stdout, '1.0.0\n');
});

/** ovsdb-client beside the C program, command by command, against the C server and ours. */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { TlsFiles } from '../../rpc/credentials.ts';
import { Authority, tlsArguments } from '../helpers/certificates.ts';
import { LocalServer } from '../helpers/local-server.ts';
import {
  cCommand,
  ourCommand,
  type ProgramRun,
  type RunOptions,
  runProgram,
  sortLines,
  withoutLogTimes,
} from '../helpers/program-run.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, program, testRequiring } from '../helpers/requires.ts';
import { type ServerProcess, startCServer, startServer } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { Wire } from '../helpers/wire.ts';

const schema = projectFile('schema/vswitch.ovsschema');
const tables = projectFile('test/cases/schemas/tables.ovsschema');

const rows = [
  { op: 'insert', table: 'Interface', 'uuid-name': 'i', row: { name: 'p1', type: 'internal' } },
  { op: 'insert', table: 'Interface', 'uuid-name': 'j', row: { name: 'br0', options: ['map', [['é', 'ü']]] } },
  {
    op: 'insert',
    table: 'Port',
    'uuid-name': 'p',
    row: { name: 'p1', interfaces: ['named-uuid', 'i'], tag: 3, trunks: ['set', [1, 2, 3]] },
  },
  { op: 'insert', table: 'Port', 'uuid-name': 'q', row: { name: 'br0', interfaces: ['named-uuid', 'j'] } },
  {
    op: 'insert',
    table: 'Bridge',
    'uuid-name': 'b',
    row: {
      name: 'br0',
      ports: [
        'set',
        [
          ['named-uuid', 'p'],
          ['named-uuid', 'q'],
        ],
      ],
      external_ids: [
        'map',
        [
          ['a', 'b c'],
          ['k', 'say "x", <&>\n'],
          ['true', 'x'],
        ],
      ],
      other_config: ['map', [['uuid', '12345678-1234-1234-1234-123456789abc']]],
    },
  },
  { op: 'insert', table: 'Open_vSwitch', row: { bridges: ['named-uuid', 'b'], next_cfg: 7 } },
  { op: 'insert', table: 'QoS', row: { type: 'x', external_ids: ['map', [['n', '1']]] } },
  { op: 'insert', table: 'QoS', row: { type: 'x', external_ids: ['map', [['n', '0']]] } },
];

const fill = async (t: ExecutionContext, server: ServerProcess): Promise<void> => {
  const wire = await Wire.connect(server.socket);
  t.teardown(() => wire.close());
  await wire.result('transact', ['Open_vSwitch', ...rows]);
};

const select = '["Open_vSwitch",{"op":"select","table":"Port","where":[],"columns":["name","tag"],"sort":["name"]}]';
const notName = '[["name","!=","x"]]';

/** Command lines without the server; `exact` where also the order of the lines is not that of a hash. */
const lines: readonly { readonly args: readonly string[]; readonly exact?: boolean }[] = [
  { args: ['list-dbs'], exact: true },
  { args: ['get-schema'], exact: true },
  { args: ['--pretty', 'get-schema'], exact: true },
  { args: ['get-schema-version'], exact: true },
  { args: ['get-schema-cksum', 'Open_vSwitch'], exact: true },
  { args: ['get-schema-version', '_Server'], exact: true },
  { args: ['list-tables'] },
  { args: ['list-columns'] },
  { args: ['list-columns', 'Port'] },
  { args: ['-f', 'csv', '-d', 'json', 'list-columns', '_Server'] },
  { args: ['dump'], exact: true },
  { args: ['dump', 'Bridge'], exact: true },
  { args: ['--format=list', 'dump', 'Open_vSwitch', 'Port', 'tag', 'name', 'trunks'], exact: true },
  { args: ['-f', 'csv', 'dump', 'Bridge', 'name', 'external_ids', 'ports'], exact: true },
  { args: ['-f', 'html', 'dump', 'Bridge', '_uuid', 'name', 'external_ids', 'ports', 'other_config'], exact: true },
  { args: ['-f', 'json', 'dump', 'Bridge'], exact: true },
  { args: ['-f', 'json', '--pretty', 'dump', 'Port'], exact: true },
  { args: ['-d', 'bare', 'dump', 'Bridge'], exact: true },
  { args: ['-d', 'json', 'dump', 'Bridge'], exact: true },
  { args: ['--bare', 'dump', 'Interface'], exact: true },
  { args: ['--no-headings', 'dump', 'QoS', 'external_ids', 'type'], exact: true },
  { args: ['--max-column-width=7', 'dump', 'Bridge', 'external_ids', 'name'], exact: true },
  { args: ['dump', '_Server', 'Database', 'name', 'model', 'connected'], exact: true },
  { args: ['dump', 'Nope'], exact: true },
  { args: ['dump', 'Port', 'nope'], exact: true },
  { args: ['dump', 'Port', 'name', 'name'], exact: true },
  { args: ['transact', select], exact: true },
  { args: ['--pretty', 'query', select], exact: true },
  { args: ['query', '["Open_vSwitch",{"op":"insert","table":"Port","row":{"name":1}}]'], exact: true },
  { args: ['query', '["Open_vSwitch",{"op":"nope"},{"op":"comment","comment":"x"}]'], exact: true },
  { args: ['query', '["nodb",{"op":"select"}]'], exact: true },
  { args: ['query', 'x'], exact: true },
  { args: ['query', '{}'], exact: true },
  { args: ['transact', '[1]'], exact: true },
  { args: ['wait', 'Open_vSwitch', 'added'], exact: true },
  { args: ['wait', 'Open_vSwitch', 'connected'], exact: true },
  { args: ['wait', 'nodb', 'removed'], exact: true },
  { args: ['wait', 'Open_vSwitch', 'nope'], exact: true },
  { args: ['-t', '1', 'wait', 'nodb', 'added'], exact: true },
  { args: ['needs-conversion', schema], exact: true },
  { args: ['needs-conversion', '/nonexistent'], exact: true },
  { args: ['needs-conversion', projectFile('package.json')], exact: true },
  { args: ['needs-conversion', projectFile('tsconfig.json')], exact: true },
  { args: ['-t1', 'lock', 'a'], exact: true },
  { args: ['-t1', 'steal', 'a'], exact: true },
  { args: ['-t1', '--pretty', 'steal', 'a'], exact: true },
  { args: ['-t1', 'monitor', 'Port', 'name,tag'] },
  { args: ['-t1', 'monitor', 'ALL'] },
  { args: ['-t1', 'monitor', 'Bridge'] },
  { args: ['-t1', '-f', 'csv', 'monitor', 'Port', 'name', '!initial,tag'] },
  { args: ['-t1', '-f', 'html', 'monitor', 'Port', 'name,interfaces'] },
  { args: ['-t1', 'monitor-cond', notName, 'Port', 'name,tag'] },
  { args: ['-t1', 'monitor-cond', '[true]', 'Bridge'] },
  { args: ['monitor', 'Nope'], exact: true },
  { args: ['monitor', 'Port', 'nope'], exact: true },
  { args: ['monitor', 'Port', 'name,tag', 'name'], exact: true },
  { args: ['monitor-cond', 'x', 'Port'], exact: true },
  { args: ['monitor-cond', '[]', 'ALL'], exact: true },
  { args: ['monitor-cond', '[1]', 'Port'], exact: true },
  { args: ['monitor-cond', '[["nope","==",1]]', 'Port'], exact: true },
  { args: ['monitor-cond', '[]', 'Port', 'name', 'tag'], exact: true },
  { args: ['monitor'], exact: true },
  { args: ['list-dbs', 'a', 'b'], exact: true },
  { args: ['get-schema', 'nodb'], exact: true },
  { args: ['lock'], exact: true },
];

/** Runs the C program and ours; not at once where they would wait for each other's lock. */
const both = async (args: readonly string[], options: RunOptions = {}): Promise<[ProgramRun, ProgramRun]> => {
  const expected = runProgram(cCommand('ovsdb-client'), args, options);
  if (args.includes('lock') || args.includes('steal')) await expected;
  const actual = runProgram(ourCommand('ovsdb-client'), args, options);
  return [await expected, await actual];
};

/** Puts the server where the command line has it: behind the options and the command. */
const withServer = (args: readonly string[], target: string): string[] => {
  const at = args.findIndex((arg, i) => !arg.startsWith('-') && !/^-[fdt]$/.test(args[i - 1] ?? ''));
  return args.toSpliced(at + 1, 0, target);
};

const compareAll = async (t: ExecutionContext, server: ServerProcess): Promise<void> => {
  for (const { args, exact = false } of lines) {
    const [expected, actual] = await both(withServer(args, server.target));
    const tidy = (text: string) => (exact ? text : sortLines(text));
    const words = args.join(' ');
    t.is(tidy(actual.stdout), tidy(expected.stdout), words);
    t.is(withoutLogTimes(actual.stderr), withoutLogTimes(expected.stderr), words);
    t.is(actual.status, expected.status, words);
  }
};

const cTest = testRequiring(cPrograms());

cTest('commands print the same as the C program, from the C server', async (t) => {
  t.timeout(240_000);
  const server = await startCServer(t, schema);
  await fill(t, server);
  await compareAll(t, server);
});

cTest('commands print the same as the C program, from our server', async (t) => {
  t.timeout(240_000);
  const server = await startServer(t, schema);
  await fill(t, server);
  await compareAll(t, server);
});

cTest('a database that is the only one is the default', async (t) => {
  const server = await startCServer(t, tables);
  const [expected, actual] = await both(['get-schema-version', server.target]);
  t.is(expected.status, 0);
  t.deepEqual(actual, expected);
});

cTest('servers that cannot be reached, and wrong options, are told in the same words', async (t) => {
  const nowhere = join(temporaryFolder(t), 'nowhere');
  const commandLines = [
    ['list-dbs', `unix:${nowhere}`],
    ['list-dbs', 'tcp:127.0.0.1:1'],
    ['list-dbs', 'bogus:x'],
    ['list-dbs'],
    ['query', '["x"]'],
    [],
    ['nope'],
    ['--nope'],
    ['--nope=x'],
    ['--ver=x'],
    ['--ver'],
    ['-z'],
    ['-f'],
    ['-f', 'nope', 'dump'],
    ['-d', 'nope', 'dump'],
    ['--timestamp=1'],
    ['-t', 'x', 'dump'],
    ['-t', '0', 'dump'],
    ['-vnope', 'dump'],
    ['restore'],
    ['backup', `unix:${nowhere}`],
  ];
  for (const args of commandLines) {
    const [expected, actual] = await both(args, { env: { OVS_RUNDIR: nowhere } });
    const words = args.join(' ');
    t.is(actual.stdout, expected.stdout, words);
    t.is(withoutLogTimes(actual.stderr), withoutLogTimes(expected.stderr), words);
    t.is(actual.status, expected.status, words);
  }
});

test('OVS_CTL_TIMEOUT ends a command that takes too long', async (t) => {
  const server = await startServer(t, schema);
  const args = ['wait', server.target, 'nodb', 'added'];
  const { status, stderr } = await runProgram(ourCommand('ovsdb-client'), args, { env: { OVS_CTL_TIMEOUT: '1' } });
  t.is(status, 'SIGALRM');
  t.regex(stderr, /fatal_signal\|WARN\|terminating with signal 14 \(Alarm clock\)/);
});

test('the first server that answers is taken', async (t) => {
  const server = await startServer(t, schema);
  const { stdout } = await runProgram(ourCommand('ovsdb-client'), ['list-dbs', `unix:/nowhere,${server.target}`]);
  t.is(stdout, 'Open_vSwitch\n_Server\n');
});

testRequiring(program('openssl', 'openssl'))('a server is asked over TLS', async (t) => {
  const authority = new Authority(t);
  const server = await LocalServer.start(t, { tls: authority.issue('server') });
  const target = `ssl:127.0.0.1:${await server.listen({ target: 'pssl:0:127.0.0.1' })}`;
  const [known, stranger] = [authority.issue('client'), new Authority(t, 'another').issue('client')];
  const ask = (files: TlsFiles) => runProgram(ourCommand('ovsdb-client'), [...tlsArguments(files), 'list-dbs', target]);
  t.deepEqual(await ask(known), { stdout: 'Remotes\n_Server\n', stderr: '', status: 0 });
  const refused = await ask(stranger);
  t.is(refused.status, 1);
  t.regex(refused.stderr, /ovsdb-client: failed to connect to "ssl:/);
});

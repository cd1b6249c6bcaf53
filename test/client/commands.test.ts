/** ovsdb-client beside the C program, command by command, against the C server and ours. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import test from 'ava';
import type { TlsFiles } from '../../rpc/credentials.ts';
import { Authority, tlsArguments } from '../helpers/certificates.ts';
import { LocalServer } from '../helpers/local-server.ts';
import {
  cCommand,
  ourCommand,
  type ProgramRun,
  type RunOptions,
  runProgram,
  withoutLogTimes,
} from '../helpers/program-run.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, program, testRequiring } from '../helpers/requires.ts';
import { startCServer, startServer } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const schema = projectFile('schema/vswitch.ovsschema');
const tables = projectFile('test/cases/schemas/tables.ovsschema');

/** Runs the C program and ours; not at once where they would wait for each other's lock. */
const both = async (args: readonly string[], options: RunOptions = {}): Promise<[ProgramRun, ProgramRun]> => {
  const expected = runProgram(cCommand('ovsdb-client'), args, options);
  if (args.includes('lock') || args.includes('steal')) await expected;
  const actual = runProgram(ourCommand('ovsdb-client'), args, options);
  return [await expected, await actual];
};

const cTest = testRequiring(cPrograms());

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

testRequiring(program('openssl', 'openssl'))('--ssl-server-name is the name that the server hears', async (t) => {
  const authority = new Authority(t);
  const { privateKey, certificate } = authority.issue('server');
  const heard: string[] = [];
  const server = createServer(
    {
      key: readFileSync(privateKey),
      cert: readFileSync(certificate),
      SNICallback: (name, done) => {
        heard.push(name);
        done(null);
      },
    },
    (socket) => socket.on('error', () => {}).end(),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const target = `ssl:127.0.0.1:${portOf(server)}`;
  const options = tlsArguments(authority.issue('client'));
  await runProgram(ourCommand('ovsdb-client'), [...options, 'list-dbs', target]);
  t.deepEqual(heard, [], 'a number is no name');
  await runProgram(ourCommand('ovsdb-client'), [...options, '--ssl-server-name=db.example', 'list-dbs', target]);
  t.deepEqual(heard, ['db.example']);
});

const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

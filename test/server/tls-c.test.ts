/** TLS with the C programs, either way. */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { Client } from '../../rpc/client.ts';
import { Credentials, type TlsFiles } from '../../rpc/credentials.ts';
import { Server } from '../../server/server.ts';
import { Authority, tlsArguments } from '../helpers/certificates.ts';
import { LocalServer } from '../helpers/local-server.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, findProgram, program, testRequiring } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const run = promisify(execFile);
const test = testRequiring(cPrograms(), program('openssl', 'openssl'));

/** Our server behind TLS, and the target to reach it. */
const start = async (t: ExecutionContext, tls: TlsFiles): Promise<string> => {
  const server = await LocalServer.start(t, { tls });
  return `ssl:127.0.0.1:${await server.listen({ target: 'pssl:0:127.0.0.1' })}`;
};

test('the C ovsdb-client talks to our server', async (t) => {
  const authority = new Authority(t);
  const target = await start(t, authority.issue('server'));
  const { stdout } = await run('ovsdb-client', [...tlsArguments(authority.issue('client')), 'list-dbs', target]);
  t.is(stdout, 'Remotes\n_Server\n');
});

test('our server refuses a C client that another authority vouches for', async (t) => {
  const authority = new Authority(t);
  const target = await start(t, authority.issue('server'));
  const stranger = { ...new Authority(t, 'another').issue('client'), caCertificate: authority.certificate };
  const { message } = await t.throwsAsync(run('ovsdb-client', [...tlsArguments(stranger), 'list-dbs', target]));
  t.regex(message, /Protocol error|Connection reset|Input\/output error|End of file/);
});

test('a C client takes the authority from our server', async (t) => {
  const authority = new Authority(t);
  const target = await start(t, { ...authority.issue('server'), peerCaCertificate: authority.certificate });
  const { privateKey, certificate } = authority.issue('client');
  const file = join(temporaryFolder(t), 'bootstrapped.pem');
  const files = [`--private-key=${privateKey}`, `--certificate=${certificate}`, `--bootstrap-ca-cert=${file}`];
  // The C program ends its first connection once it has learned, and does not try again.
  await run('ovsdb-client', [...files, 'list-dbs', target]).catch(() => {});
  t.true(existsSync(file));
  const { stdout } = await run('ovsdb-client', [...files, 'list-dbs', target]);
  t.is(stdout, 'Remotes\n_Server\n');
});

test('our client talks to the C server, also to take the authority from it', async (t) => {
  const authority = new Authority(t);
  const folder = temporaryFolder(t);
  const database = join(folder, 'database');
  await run('ovsdb-tool', ['create', database, projectFile('test/cases/schemas/remotes.ovsschema')]);
  const server = spawn(
    findProgram('ovsdb-server') ?? 'ovsdb-server',
    [
      ...tlsArguments(authority.issue('server')),
      `--peer-ca-cert=${authority.certificate}`,
      '--log-file=/dev/null',
      '--unixctl=none',
      '--remote=pssl:0:127.0.0.1',
      '--run=cat',
      database,
    ],
    { stdio: ['pipe', 'ignore', 'pipe'] },
  );
  t.teardown(() => server.kill());
  const port = await new Promise<string>((resolve, reject) => {
    let log = '';
    server.stderr.on('data', (chunk: Buffer) => {
      log += chunk;
      const listening = /listening on port (\d+)/.exec(log);
      if (listening?.[1] !== undefined) resolve(listening[1]);
    });
    server.once('exit', () => reject(new Error(log)));
  });
  const list = async (files: TlsFiles) => {
    const client = await Client.connect(`ssl:127.0.0.1:${port}`, { credentials: new Credentials(files) });
    t.teardown(() => client.close());
    return client.listDatabases();
  };
  const files = authority.issue('client');
  t.deepEqual((await list(files)).sort(), ['Remotes', '_Server']);
  const file = join(folder, 'bootstrapped.pem');
  t.deepEqual((await list({ ...files, caCertificate: file, bootstrap: true })).sort(), ['Remotes', '_Server']);
  t.true(existsSync(file));
  await t.throwsAsync(list({ ...files, caCertificate: new Authority(t, 'another').certificate }), { code: 'EPROTO' });
});

test('the C ovs-vsctl talks to our server', async (t) => {
  const authority = new Authority(t);
  const folder = temporaryFolder(t);
  const server = await Server.start({
    databases: [join(folder, 'conf.db')],
    remotes: [`punix:${folder}/socket`, 'db:Open_vSwitch,Open_vSwitch,manager_options'],
    connections: { tls: authority.issue('server') },
  });
  t.teardown(() => server.close());
  const vsctl = async (target: string, ...command: readonly string[]) => {
    const options = [...tlsArguments(authority.issue('client')), '--timeout=30', `--db=${target}`, '--no-wait'];
    return (await run('ovs-vsctl', [...options, ...command])).stdout;
  };
  const local = `unix:${folder}/socket`;
  await vsctl(local, 'init');
  await vsctl(local, 'set-manager', 'pssl:0:127.0.0.1');
  let port = '';
  while (!/^"\d+"$/.test(port)) {
    port = (await vsctl(local, '--if-exists', 'get', 'Manager', 'pssl:0:127.0.0.1', 'status:bound_port')).trim();
  }
  const target = `ssl:127.0.0.1:${port.slice(1, -1)}`;
  await vsctl(target, 'add-br', 'br0');
  t.is(await vsctl(target, 'list-br'), 'br0\n');
});

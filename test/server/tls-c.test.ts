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
import { projectFile, projectProgram } from '../helpers/project.ts';
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

/** The C server behind TLS, and the target to reach it. */
const startC = async (t: ExecutionContext, authority: Authority, schema: string): Promise<string> => {
  const database = join(temporaryFolder(t), 'database');
  await run('ovsdb-tool', ['create', database, projectFile(schema)]);
  const files = [...tlsArguments(authority.issue('server')), `--peer-ca-cert=${authority.certificate}`];
  const options = ['--log-file=/dev/null', '--unixctl=none', '--remote=pssl:0:127.0.0.1', '--run=cat', database];
  const server = spawn(findProgram('ovsdb-server') ?? 'ovsdb-server', [...files, ...options], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  t.teardown(() => server.kill());
  return new Promise<string>((resolve, reject) => {
    let log = '';
    server.stderr.on('data', (chunk: Buffer) => {
      log += chunk;
      const listening = /listening on port (\d+)/.exec(log);
      if (listening?.[1] !== undefined) resolve(`ssl:127.0.0.1:${listening[1]}`);
    });
    server.once('exit', () => reject(new Error(log)));
  });
};

test('our client talks to the C server, also to take the authority from it', async (t) => {
  const authority = new Authority(t);
  const target = await startC(t, authority, 'test/cases/schemas/remotes.ovsschema');
  const list = async (files: TlsFiles) => {
    const client = await Client.connect(target, { credentials: new Credentials(files) });
    t.teardown(() => client.close());
    return (await client.listDatabases()).sort();
  };
  const files = authority.issue('client');
  t.deepEqual(await list(files), ['Remotes', '_Server']);
  const file = join(temporaryFolder(t), 'bootstrapped.pem');
  t.deepEqual(await list({ ...files, caCertificate: file, bootstrap: true }), ['Remotes', '_Server']);
  t.true(existsSync(file));
  await t.throwsAsync(list({ ...files, caCertificate: new Authority(t, 'another').certificate }), { code: 'EPROTO' });
});

test('our ovs-vsctl talks to the C server', async (t) => {
  const authority = new Authority(t);
  const target = await startC(t, authority, 'schema/vswitch.ovsschema');
  const vsctl = async (files: TlsFiles, ...command: readonly string[]) => {
    const options = [...tlsArguments(files), `--db=${target}`, '--no-wait', ...command];
    return (await run(process.execPath, [projectProgram('ovs-vsctl'), ...options])).stdout;
  };
  const files = authority.issue('client');
  await vsctl(files, 'add-br', 'br0');
  t.is(await vsctl(files, 'list-br'), 'br0\n');
  const distrustful = { ...files, caCertificate: new Authority(t, 'another').certificate };
  const refused = await t.throwsAsync(vsctl(distrustful, 'list-br'));
  t.true(refused?.message.includes(`ovs-vsctl: ${target}: database connection failed (Protocol error)`));
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

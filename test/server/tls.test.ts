/** TLS between the server and its clients; with the C programs in tls-c.test.ts. */
import { copyFileSync, existsSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Client } from '../../rpc/client.ts';
import { Credentials, type TlsFiles } from '../../rpc/credentials.ts';
import { parseProtocols } from '../../rpc/tls-protocols.ts';
import { Authority } from '../helpers/certificates.ts';
import { LocalServer } from '../helpers/local-server.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const target = 'pssl:0:127.0.0.1';

const start = async (t: ExecutionContext, tls: TlsFiles) => {
  const server = await LocalServer.start(t, { tls });
  return { server, port: await server.listen({ target }) };
};

const databases = async (t: ExecutionContext, port: number, files: TlsFiles): Promise<readonly string[]> => {
  const client = await Client.connect(`ssl:127.0.0.1:${port}`, { credentials: new Credentials(files) });
  t.teardown(() => client.close());
  return client.listDatabases();
};

test('client and server trust each other by their authority', async (t) => {
  const authority = new Authority(t);
  const { port } = await start(t, authority.issue('server'));
  t.true((await databases(t, port, authority.issue('client'))).includes('Remotes'));
});

test('a client that another authority vouches for is not served', async (t) => {
  const authority = new Authority(t);
  const stranger = new Authority(t, 'another authority').issue('client');
  const { port } = await start(t, authority.issue('server'));
  await t.throwsAsync(databases(t, port, { ...stranger, caCertificate: authority.certificate }));
});

test('a client does not talk to a server that another authority vouches for', async (t) => {
  const authority = new Authority(t);
  const { port } = await start(t, authority.issue('server'));
  const files = { ...authority.issue('client'), caCertificate: new Authority(t, 'another').certificate };
  await t.throwsAsync(databases(t, port, files), { code: 'EPROTO' });
});

test('"none" trusts any peer', async (t) => {
  const authority = new Authority(t);
  const stranger = new Authority(t, 'another authority').issue('client');
  const { port } = await start(t, { ...authority.issue('server'), caCertificate: 'none' });
  t.true((await databases(t, port, { ...stranger, caCertificate: 'none' })).includes('Remotes'));
});

test('a client takes the authority from the first server it meets', async (t) => {
  const authority = new Authority(t);
  const { port } = await start(t, { ...authority.issue('server'), peerCaCertificate: authority.certificate });
  const file = join(temporaryFolder(t), 'bootstrapped.pem');
  const files = { ...authority.issue('client'), caCertificate: file, bootstrap: true };
  t.true((await databases(t, port, files)).includes('Remotes'));
  t.true(existsSync(file));
  t.true((await databases(t, port, { ...files, bootstrap: false })).includes('Remotes'));
});

test('no authority can be taken from a server that does not send its own', async (t) => {
  const authority = new Authority(t);
  const { port } = await start(t, { ...authority.issue('server'), caCertificate: 'none' });
  const file = join(temporaryFolder(t), 'bootstrapped.pem');
  const files = { ...authority.issue('client'), caCertificate: file, bootstrap: true };
  await t.throwsAsync(databases(t, port, files), { code: 'EPROTO' });
  t.false(existsSync(file));
});

test('files that change are read again', async (t) => {
  const authority = new Authority(t);
  const folder = temporaryFolder(t);
  const files = {
    privateKey: join(folder, 'key'),
    certificate: join(folder, 'certificate'),
    caCertificate: join(folder, 'ca'),
  };
  const install = (from: TlsFiles & { readonly privateKey: string; readonly certificate: string }, ca: string) => {
    copyFileSync(from.privateKey, files.privateKey);
    copyFileSync(from.certificate, files.certificate);
    copyFileSync(ca, files.caCertificate);
  };
  install(authority.issue('server'), authority.certificate);
  const { port } = await start(t, files);
  t.true((await databases(t, port, authority.issue('client'))).includes('Remotes'));
  const successor = new Authority(t, 'its successor');
  install(successor.issue('server'), successor.certificate);
  t.true((await databases(t, port, successor.issue('client'))).includes('Remotes'));
  await t.throwsAsync(databases(t, port, authority.issue('client')));
});

test('while a key and its certificate do not fit together, the last that did are used', async (t) => {
  const authority = new Authority(t);
  const folder = temporaryFolder(t);
  const first = authority.issue('first');
  const second = authority.issue('second');
  const files = { ...first, certificate: join(folder, 'certificate'), privateKey: join(folder, 'key') };
  copyFileSync(first.certificate, files.certificate);
  copyFileSync(first.privateKey, files.privateKey);
  const { port } = await start(t, files);
  const client = authority.issue('client');
  copyFileSync(second.certificate, files.certificate);
  utimesSync(files.certificate, 1, 1);
  t.true((await databases(t, port, client)).includes('Remotes'));
  copyFileSync(second.privateKey, files.privateKey);
  utimesSync(files.privateKey, 1, 1);
  t.true((await databases(t, port, client)).includes('Remotes'));
});

test('the files may be named in a database', async (t) => {
  const authority = new Authority(t);
  const column = (name: string) => `db:Remotes,Root,${name}`;
  const tls = { privateKey: column('key'), certificate: column('certificate'), caCertificate: column('ca') };
  const { server, port } = await start(t, tls);
  const client = authority.issue('client');
  await t.throwsAsync(databases(t, port, client));
  const { privateKey: key, certificate, caCertificate: ca } = authority.issue('server');
  await server.client.transact('Remotes', [{ op: 'update', table: 'Root', where: [], row: { key, certificate, ca } }]);
  // What the server reads from its database it looks at right after the transaction.
  await server.client.listDatabases();
  t.true((await databases(t, port, client)).includes('Remotes'));
});

const protocols = test.macro({
  title: (_, text: string) => `--ssl-protocols=${text}`,
  exec: (t, text: string, minVersion: string, maxVersion: string) =>
    t.deepEqual<object, object>(parseProtocols(text), { minVersion, maxVersion }),
});
test(protocols, 'TLSv1.2', 'TLSv1.2', 'TLSv1.2');
test(protocols, 'TLSv1.3', 'TLSv1.3', 'TLSv1.3');
test(protocols, 'TLSv1.2+', 'TLSv1.2', 'TLSv1.3');
test(protocols, 'TLSv1.3+', 'TLSv1.3', 'TLSv1.3');
test(protocols, 'TLSv1.2-TLSv1.3', 'TLSv1.2', 'TLSv1.3');
test(protocols, 'TLSv1.3, TLSv1.2', 'TLSv1.2', 'TLSv1.3');

for (const text of ['TLSv1', 'TLSv1.1', 'foo', 'TLSv1.2,foo', '', 'TLSv1.3-TLSv1.2']) {
  test(`--ssl-protocols=${text} is refused`, (t) => {
    t.throws(() => parseProtocols(text), { code: 'EINVAL' });
  });
}

test('peers without a protocol in common do not connect', async (t) => {
  const authority = new Authority(t);
  const { port } = await start(t, { ...authority.issue('server'), protocols: 'TLSv1.3' });
  const client = authority.issue('client');
  await t.throwsAsync(databases(t, port, { ...client, protocols: 'TLSv1.2' }), { code: 'EPROTO' });
  t.true((await databases(t, port, { ...client, protocols: 'TLSv1.2+' })).includes('Remotes'));
});

test('peers agree on a cipher', async (t) => {
  const authority = new Authority(t);
  const cipher = 'ECDHE-ECDSA-AES256-GCM-SHA384';
  const { port } = await start(t, { ...authority.issue('server'), protocols: 'TLSv1.2', ciphers: cipher });
  const client = { ...authority.issue('client'), protocols: 'TLSv1.2' };
  t.true((await databases(t, port, { ...client, ciphers: cipher })).includes('Remotes'));
  await t.throwsAsync(databases(t, port, { ...client, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }), { code: 'EPROTO' });
});

test('peers agree on a suite of TLS 1.3', async (t) => {
  const authority = new Authority(t);
  const suite = 'TLS_AES_128_GCM_SHA256';
  const { port } = await start(t, { ...authority.issue('server'), protocols: 'TLSv1.3', ciphersuites: suite });
  const client = { ...authority.issue('client'), protocols: 'TLSv1.3' };
  t.true((await databases(t, port, { ...client, ciphersuites: suite })).includes('Remotes'));
  await t.throwsAsync(databases(t, port, { ...client, ciphersuites: 'TLS_AES_256_GCM_SHA384' }), { code: 'EPROTO' });
});

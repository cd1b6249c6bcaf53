import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parseActiveAddress, parsePassiveAddress, TargetError } from '../../rpc/address.ts';
import { Client } from '../../rpc/client.ts';
import { type Accepted, dial, isActive, isPassive, listen, splitTargets } from '../../rpc/target.ts';
import { Deferred } from '../helpers/deferred.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const active = test.macro({
  title: (_, text: string) => `an address to connect to: ${text}`,
  exec: (t, text: string, host: string, port: number) => t.deepEqual(parseActiveAddress(text), { host, port }),
});
test(active, '127.0.0.1', '127.0.0.1', 6640);
test(active, '127.0.0.1:1234', '127.0.0.1', 1234);
test(active, '[::1]:1234', '::1', 1234);
test(active, '[::1]', '::1', 6640);
test(active, '[fe80::1%eth0]:6641', 'fe80::1%eth0', 6641);
test(active, 'server.example:65535', 'server.example', 65535);

const passive = test.macro({
  title: (_, text: string) => `an address to listen on: ${text === '' ? '(none)' : text}`,
  exec: (t, text: string, host: string, port: number) => t.deepEqual(parsePassiveAddress(text), { host, port }),
});
test(passive, '', '0.0.0.0', 6640);
test(passive, '1234', '0.0.0.0', 1234);
test(passive, '0:127.0.0.1', '127.0.0.1', 0);
test(passive, '1234:[::]', '::', 1234);
test(passive, '1234:[fe80::1%2]', 'fe80::1%2', 1234);

const bad = test.macro({
  title: (_, text: string, message: string) => `${text} is refused: ${message}`,
  exec: (t, text: string, message: string, parse: (text: string) => unknown) => {
    const error = t.throws(() => parse(text), { instanceOf: TargetError, code: 'EAFNOSUPPORT' });
    t.is(error?.message, message);
  },
});
test(bad, '1.2.3.4:x', '1.2.3.4:x: bad port number "x"', parseActiveAddress);
test(bad, '1.2.3.4:65536', '1.2.3.4:65536: bad port number "65536"', parseActiveAddress);
test(bad, '::1:6640', '::1:6640: port must be specified', parseActiveAddress);
test(bad, '[::1', '[::1: port must be specified', parseActiveAddress);
test(bad, '[1.2.3.4]:1', '[1.2.3.4]:1: bad IP address "1.2.3.4"', parseActiveAddress);
test(bad, ':6640', ':6640: host must be specified', parseActiveAddress);
test(bad, '99999', '99999: bad port number "99999"', parsePassiveAddress);
test(bad, 'abc', 'abc: bad port number "abc"', parsePassiveAddress);
test(bad, '1:2:3', '1:2:3: port must be specified', parsePassiveAddress);

test('methods are told from their names', (t) => {
  t.true(['unix:/a', 'tcp:a', 'ssl:a'].every((target) => isActive(target) && !isPassive(target)));
  t.true(['punix:/a', 'ptcp:', 'pssl:', 'pws:', 'pwss:'].every((target) => isPassive(target) && !isActive(target)));
  t.false(isActive('foo:bar') || isPassive('foo') || isActive(''));
});

test('a list of targets is split at its methods', (t) => {
  t.deepEqual(splitTargets('tcp:[::1]:1,unix:/a,b,ssl:c:2'), ['tcp:[::1]:1', 'unix:/a,b', 'ssl:c:2']);
});

test('an unknown method is refused', async (t) => {
  await t.throwsAsync(dial('foo:bar'), { instanceOf: TargetError });
  await t.throwsAsync(listen('foo:bar', { accept: () => {} }), { instanceOf: TargetError });
});

test('without a key there is no TLS', async (t) => {
  await t.throwsAsync(dial('ssl:127.0.0.1:1'), { code: 'ENOPROTOOPT', message: 'Protocol not available' });
});

const meet = test.macro({
  title: (_, target: string) => `clients meet at ${target}`,
  exec: async (t, target: string, client: RegExp) => {
    const accepted = new Deferred<Accepted>();
    const listener = await listen(target, { accept: (client) => accepted.resolve(client) });
    const host = target.replace(/^ptcp:0:/, '');
    const socket = await dial(`tcp:${host}:${listener.port}`);
    const { name, carrier } = await accepted.promise;
    t.regex(name, client);
    socket.destroy();
    carrier.destroy();
    listener.close();
  },
});
test(meet, 'ptcp:0:127.0.0.1', /^tcp:127\.0\.0\.1:\d+$/);
test(meet, 'ptcp:0:[::1]', /^tcp:\[::1\]:\d+$/);

const unix = test.macro(async (t, name: string) => {
  const path = join(temporaryFolder(t), name);
  const accepted = new Deferred<Accepted>();
  const listener = await listen(`punix:${path}`, { accept: (client) => accepted.resolve(client) });
  t.is(statSync(path).mode & 0o007, 0, 'others may not connect');
  t.is(statSync(path).mode & 0o700, 0o700);
  const socket = await dial(`unix:${path}`);
  const { carrier } = await accepted.promise;
  socket.destroy();
  carrier.destroy();
  listener.close();
  t.false(existsSync(path), 'the socket goes with its listener');
});
test('clients meet at a unix socket', unix, 'socket');
test('clients meet at a unix socket whose path is longer than the kernel takes', unix, 'x'.repeat(90));

test('a path whose last part is too long is refused', async (t) => {
  const path = join(temporaryFolder(t), 'x'.repeat(120));
  await t.throwsAsync(listen(`punix:${path}`, { accept: () => {} }), { code: 'ENAMETOOLONG' });
  await t.throwsAsync(dial(`unix:${path}`), { code: 'ENAMETOOLONG' });
});

test('a socket that a dead server left is replaced', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  const first = await listen(`punix:${path}`, { accept: () => {} });
  const second = await listen(`punix:${path}`, { accept: ({ carrier }) => carrier.destroy() });
  const socket = await dial(`unix:${path}`);
  await once(socket.resume(), 'close');
  t.pass();
  second.close();
  first.close();
});

test('a file that is no socket is not replaced by one', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'conf.db');
  writeFileSync(path, 'data');
  await t.throwsAsync(listen(`punix:${path}`, { accept: () => {} }), { code: 'EADDRINUSE' });
  t.is(readFileSync(path, 'utf8'), 'data');
  await t.throwsAsync(listen(`punix:${folder}`, { accept: () => {} }), { code: 'EADDRINUSE' });
});

test('a client tries the servers of a list in turn', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  const listener = await listen(`punix:${path}`, { accept: () => {} });
  t.teardown(() => listener.close());
  const client = await Client.connect(`unix:${path}-none,tcp:127.0.0.1:x,unix:${path}`);
  client.close();
  await t.throwsAsync(Client.connect(`tcp:127.0.0.1:x,unix:${path}-none`), { code: 'ENOENT' });
});

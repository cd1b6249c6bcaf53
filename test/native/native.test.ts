/** The native helper's verbs, without privileges; what needs root is in network.test.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { native, WatchedDescriptor } from '../../native/index.ts';

const openDescriptors = (): string[] => {
  const path = '/proc/self/fd';
  return readdirSync(path).flatMap((fd) => {
    try {
      return [`${fd} ${readlinkSync(join(path, fd))}`];
    } catch {
      return [];
    }
  });
};

test('arguments out of range are refused before anything is done', (t) => {
  const buffer = Buffer.alloc(4);
  const calls: readonly [string, readonly unknown[]][] = [
    ['netlinkOpen', [0, -1]],
    ['netlinkOpen', [32, -1, 0]],
    ['netlinkOpen', [0, -2, 0]],
    ['netlinkOpen', [0, -1, 2 ** 31]],
    ['netlinkOpen', [0.5, -1, 0]],
    ['netlinkOpen', ['0', -1, 0]],
    ['netlinkJoin', [0, 0]],
    ['netlinkJoin', [2 ** 32, 1]],
    ['netlinkReceive', [0, 0]],
    ['netlinkReceive', [-1, 1]],
    ['send', [0, 'text']],
    ['send', [0, {}]],
    ['tapOpen', ['', 0, -1, -1]],
    ['tapOpen', ['sixteen_chars_xx', 0, -1, -1]],
    ['tapOpen', ['a\0b', 0, -1, -1]],
    ['tapOpen', ['tap0', 0x10000, -1, -1]],
    ['tapOpen', ['tap0', 1, -1, -1]],
    ['tapOpen', ['tap0', 0, 2 ** 32, -1]],
    ['tapOpen', ['tap0', 0, Number.NaN, -1]],
    ['packetOpen', [0, 0]],
    ['ethtool', ['lo', Buffer.alloc(3)]],
    ['ethtool', ['lo', Buffer.alloc(5000)]],
    ['ethtool', ['lo', buffer]],
    ['waitReadable', [0, 60_001]],
    ['watch', [0, 'callback']],
    ['watcherClose', [{}]],
    ['userId', ['']],
    ['groupId', ['x'.repeat(256)]],
    ['userGroup', ['']],
    ['joinGroups', ['root', -1]],
    ['joinGroups', ['', 0]],
    ['duplicate', [0, -1]],
    ['setName', ['']],
    ['setName', ['x'.repeat(64)]],
    ['datagramOpen', ['/'.repeat(108)]],
    ['programLoad', ['', Buffer.alloc(8)]],
    ['programLoad', ['x'.repeat(16), Buffer.alloc(8)]],
    ['programLoad', ['test', Buffer.alloc(0)]],
    ['programLoad', ['test', Buffer.alloc(9)]],
    ['counterCreate', ['test', 4]],
    ['counterCreate', ['test', 12]],
    ['counterCreate', ['test', 264]],
    ['counterOf', [0]],
    ['counterRead', [0, 12]],
    ['lockFile', []],
  ];
  const before = openDescriptors();
  for (const [verb, args] of calls) {
    const call: unknown = Reflect.get(native(), verb);
    if (typeof call !== 'function') throw new Error(`no verb ${verb}`);
    t.throws(() => call(...args), { instanceOf: TypeError, code: 'ERR_INVALID_ARG_VALUE' }, `${verb} ${args.join()}`);
  }
  t.deepEqual(openDescriptors(), before);
});

test('errors of the kernel carry code, errno and syscall', (t) => {
  const file = openSync('/dev/null', 'r');
  const error = t.throws(() => native().netlinkJoin(file, 1));
  closeSync(file);
  t.like(error, { code: 'ENOTSOCK', errno: -88, syscall: 'setsockopt' });
  t.throws(() => native().lockFile(9999), { code: 'EBADF' });
  t.throws(() => native().ethtool('nope', drvinfo()), { code: 'ENODEV' });
});

const drvinfo = (): Buffer => {
  const structure = Buffer.alloc(196);
  structure.writeUInt8(3, 0);
  return structure;
};

test('users and groups are found by name, or are null', (t) => {
  t.is(native().userId('root'), 0);
  t.is(native().groupId('root'), 0);
  t.is(native().userId('no such user'), null);
  t.is(native().userGroup('root'), 0);
  t.is(native().userGroup('no such user'), null);
  t.is(native().groupId('no such group'), null);
});

const holder = fileURLToPath(new URL('../fixtures/lock-holder.js', import.meta.url));
const holding = async (path: string): Promise<ChildProcess> => {
  const child = spawn(process.execPath, [holder, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
};

test('a lock shows who holds it, and goes with its holder', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'vsw-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'lock');
  const fd = openSync(path, 'a');
  t.is(native().lockHolder(fd), null);
  const child = await holding(path);
  t.is(native().lockHolder(fd), child.pid ?? null);
  t.false(native().lockFile(fd));
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.is(native().lockHolder(fd), null);
  t.true(native().lockFile(fd));
  t.is(native().lockHolder(fd), null, 'a process does not see its own lock');
  closeSync(fd);
});

// Alone, since what the others open would count.
test.serial('a watched descriptor calls back until it is closed, and leaves none open', async (t) => {
  const before = openDescriptors();
  const fd = native().netlinkOpen(0, -1, 0);
  t.deepEqual(native().netlinkReceive(fd, 8), []);
  t.false(native().waitReadable(fd, 0));
  let calls = 0;
  const watched = await new Promise<WatchedDescriptor>((resolve) => {
    const descriptor = new WatchedDescriptor(fd, (status) => {
      t.is(status, 0);
      if (calls++ === 0) resolve(descriptor);
    });
    // RTM_GETLINK for a device that is not there: any answer will do.
    const request = Buffer.alloc(32);
    request.writeUInt32LE(32, 0);
    request.writeUInt16LE(18, 4);
    request.writeUInt16LE(5, 6);
    request.writeInt32LE(0x7fffffff, 20);
    native().send(fd, request);
  });
  t.is(native().netlinkReceive(fd, 8).length, 1);
  watched.close();
  watched.close();
  t.true(calls > 0);
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(openDescriptors(), before);
});

/** ovs-appctl gives up on a daemon that does not answer: it dies of SIGALRM, as scripts expect. */
import { createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { DaemonFolder, type Kind } from '../helpers/daemon-folder.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';

/** The path of a control socket whose daemon takes commands and is silent. */
const silentDaemon = async (t: ExecutionContext, folder: DaemonFolder): Promise<string> => {
  const path = folder.file('silent.ctl');
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => server.close());
  return path;
};

const giveUp = async (t: ExecutionContext, kind: Kind): Promise<void> => {
  const folder = new DaemonFolder(t);
  const ran = await folder.appctl(kind, '-t', await silentDaemon(t, folder), '-T', '1', 'version');
  t.like(ran, { code: null, signal: 'SIGALRM', stdout: '' });
  t.regex(ran.stderr, /^\S+Z\|00001\|fatal_signal\|WARN\|terminating with signal 14 \(Alarm clock\)\n$/);
};

test('with --timeout (ours)', (t) => giveUp(t, 'ours'));
testRequiring(cPrograms())('with --timeout (C)', (t) => giveUp(t, 'c'));

test('with OVS_CTL_TIMEOUT', async (t) => {
  const folder = new DaemonFolder(t);
  const path = await silentDaemon(t, folder);
  folder.environment.OVS_CTL_TIMEOUT = '1';
  t.is((await folder.appctl('ours', '-t', path, 'version')).signal, 'SIGALRM');
});

test('a daemon that hangs up is told of', async (t) => {
  const folder = new DaemonFolder(t);
  const path = folder.file('short.ctl');
  const server = createServer((socket) => socket.on('error', () => {}).end());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => server.close());
  const ran = await folder.appctl('ours', '-t', path, 'version');
  t.is(ran.code, 1);
  t.regex(ran.stderr, /^ovs-appctl: .*short\.ctl: transaction error \(.+\)\n$/);
});

/** What syslog gets from ovsdb-server: by UDP from both programs, by a unix socket from ours. */
import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { DaemonFolder, type Kind } from '../helpers/daemon-folder.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, program, testRequiring } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

/** A syslog daemon on a port of this machine. */
class Receiver {
  readonly messages: string[] = [];
  readonly #socket: Socket = createSocket('udp4');

  static async start(t: ExecutionContext): Promise<Receiver> {
    const receiver = new Receiver();
    const socket = receiver.#socket;
    socket.on('message', (message) => receiver.messages.push(message.toString()));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    t.teardown(() => socket.close());
    return receiver;
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  find(text: string): string | undefined {
    return this.messages.find((message) => message.includes(text));
  }
}

/** Starts a server that cannot listen where it should, which it logs as an error. */
const start = async (t: ExecutionContext, kind: Kind, ...args: readonly string[]): Promise<DaemonFolder> => {
  const folder = new DaemonFolder(t);
  if (kind === 'c') {
    await folder.run('c', 'ovsdb-tool', 'create', 'conf.db', projectFile('schema/vswitch.ovsschema'));
  }
  const command = ['-vconsole:off', '--pidfile', '--detach', '--remote=ptcp:0:192.0.2.1', ...args];
  t.is((await folder.run(kind, 'ovsdb-server', ...command)).code, 0);
  return folder;
};

const failure = 'ovsdb_jsonrpc_server|ERR|ptcp:0:192.0.2.1: listen failed: Cannot assign requested address';

const overUdp = async (t: ExecutionContext, kind: Kind): Promise<void> => {
  const [method, target] = [await Receiver.start(t), await Receiver.start(t)];
  await start(t, kind, `--syslog-method=udp:${method.address}`, `--syslog-target=${target.address}`, '-vFACILITY:user');
  t.regex(await until('a message', () => method.find(failure)), /^<11>ovs\|\d{5}\|/);
  const text = 'ptcp:0:192.0.2.1: listen failed';
  t.regex(
    await until('a message', () => target.find(text)),
    /^<11>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ ovsdb-server \d+ ovsdb_jsonrpc_server - \ufeffptcp:0:/,
  );
};

test.serial('syslog by UDP (ours)', (t) => overUdp(t, 'ours'));
testRequiring(cPrograms())('syslog by UDP (C)', (t) => overUdp(t, 'c'));

const receive = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('ready', flush=True)
while True:
    print(s.recv(4096).decode(), flush=True)
`;

testRequiring(program('python3', 'python3'))('syslog by a unix socket', async (t) => {
  const socket = join(temporaryFolder(t), 'log');
  const receiver = spawn('python3', ['-c', receive, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => receiver.kill());
  let received = '';
  receiver.stdout.on('data', (chunk: Buffer) => {
    received += chunk;
  });
  await until('something listens', () => received.startsWith('ready'));
  await start(t, 'ours', `--syslog-method=unix:${socket}`);
  await until('a message', () => received.includes(failure));
  t.regex(received, /^<27>ovs\|\d{5}\|ovsdb_jsonrpc_server\|ERR\|ptcp:/m);
});

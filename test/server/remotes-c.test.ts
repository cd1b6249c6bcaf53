/** Remotes in rows of the table Manager: the C server and ours write the same into them. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { Client } from '../../rpc/client.ts';
import { isObject, type Json, member, type OutJsonObject } from '../../schema/json.ts';
import { keysOf } from '../helpers/local-server.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { runCServer, runServer, type ServerProcess } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const run = promisify(execFile);
const test = testRequiring(cPrograms());
const remote = '--remote=db:Open_vSwitch,Open_vSwitch,manager_options';

type Start = (t: ExecutionContext) => Promise<ServerProcess>;
const startC: Start = (t) => {
  const database = join(temporaryFolder(t), 'database');
  execFileSync('ovsdb-tool', ['create', database, projectFile('schema/vswitch.ovsschema')]);
  return runCServer(t, database, remote);
};
const startOurs: Start = (t) => runServer(t, join(temporaryFolder(t), 'conf.db'), remote);

/** Rows that configure remotes, and what is written into them. */
class Managers {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  static async configure(t: ExecutionContext, server: ServerProcess, rows: readonly OutJsonObject[]) {
    const client = await Client.connect(server.target);
    t.teardown(() => client.close());
    await client.transact('Open_vSwitch', [
      ...rows.map((row, i) => ({ op: 'insert', table: 'Manager', 'uuid-name': `m${i}`, row })),
      {
        op: 'insert',
        table: 'Open_vSwitch',
        row: { manager_options: ['set', rows.map((_, i) => ['named-uuid', `m${i}`])] },
      },
    ]);
    return new Managers(client);
  }

  /** Waits until the row of that target is as it should be. */
  async when(target: string, condition: (row: Json) => boolean): Promise<Json> {
    for (;;) {
      const where = [['target', '==', target]];
      const columns = ['is_connected', 'status'];
      const [result] = await this.#client.transact('Open_vSwitch', [
        { op: 'select', table: 'Manager', where, columns },
      ]);
      const rows = result === undefined ? undefined : member(result, 'rows');
      const row = Array.isArray(rows) ? rows[0] : undefined;
      if (row !== undefined && condition(row)) return row;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async port(target: string): Promise<number> {
    return Number(
      keysOf(await this.when(target, (row) => keysOf(row, 'status').has('bound_port')), 'status').get('bound_port'),
    );
  }
}

const isConnected = (row: Json): boolean => isObject(row) && member(row, 'is_connected') === true;
const keys = (row: Json): string[] => [...keysOf(row, 'status').keys()].sort();

for (const [who, start] of [
  ['the C server', startC],
  ['our server', startOurs],
] as const) {
  test(`${who} writes how many clients a remote has`, async (t) => {
    const target = 'ptcp:0:127.0.0.1';
    const managers = await Managers.configure(t, await start(t), [{ target }]);
    const port = await managers.port(target);
    const idle = await managers.when(target, (row) => !isConnected(row));
    t.deepEqual(keys(idle), ['bound_port', 'sec_since_connect', 'sec_since_disconnect']);
    const sockets = [1, 2].map(() => connect({ host: '127.0.0.1', port }));
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
    });
    const busy = await managers.when(target, (row) => keysOf(row, 'status').has('n_connections'));
    t.deepEqual(keysOf(busy, 'status').get('n_connections'), '2');
    t.true(isConnected(busy));
  });

  test(`${who} calls, and writes which locks the one it called has`, async (t) => {
    const listener = createServer();
    listener.listen(0, '127.0.0.1');
    t.teardown(() => listener.close());
    await once(listener, 'listening');
    const address = listener.address();
    const target = `tcp:127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const called = once(listener, 'connection');
    const managers = await Managers.configure(t, await start(t), [{ target }]);
    const [socket] = await called;
    const client = Client.over(socket);
    t.teardown(() => client.close());
    await client.peer.request('lock', ['a']);
    await client.peer.request('lock', ['b']);
    const row = await managers.when(target, (each) => keysOf(each, 'status').has('locks_held'));
    t.true(isConnected(row));
    t.deepEqual(keys(row), ['locks_held', 'sec_since_connect', 'state']);
    t.is(keysOf(row, 'status').get('state'), 'ACTIVE');
    t.deepEqual(keysOf(row, 'status').get('locks_held')?.split(' ').sort(), ['a', 'b']);
  });

  test(`${who} probes a silent client, and drops it`, async (t) => {
    const target = 'ptcp:0:127.0.0.1';
    const server = await start(t);
    const managers = await Managers.configure(t, server, [{ target, inactivity_probe: 1000 }]);
    const silent = connect({ host: '127.0.0.1', port: await managers.port(target) });
    t.teardown(() => silent.destroy());
    const [probe] = await once(silent, 'data');
    t.is(String(probe), '{"id":"echo","method":"echo","params":[]}');
    await once(silent, 'close');
    const said = /tcp:127\.0\.0\.1:\d+: no response to inactivity probe after \d\S* seconds, disconnecting/;
    while (!said.test(server.log)) await once(server.child.stderr ?? t.fail('no log'), 'data');
    t.pass();
  });
}

test('our server calls the C ovsdb-client', async (t) => {
  const listening = spawn('ovsdb-client', ['list-dbs', 'ptcp:0:127.0.0.1'], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => listening.kill());
  let said = '';
  let port: string | undefined;
  while (port === undefined) {
    const [chunk] = await once(listening.stderr, 'data');
    said += chunk;
    port = /listening on port (\d+)/.exec(said)?.[1];
  }
  const output = once(listening.stdout, 'data');
  await Managers.configure(t, await startOurs(t), [{ target: `tcp:127.0.0.1:${port}` }]);
  const [names] = await output;
  t.is(String(names), 'Open_vSwitch\n_Server\n');
});

test('the C ovs-vsctl sets the manager of our server', async (t) => {
  const server = await startOurs(t);
  const vsctl = async (...command: readonly string[]) =>
    (await run('ovs-vsctl', [`--db=${server.target}`, '--timeout=30', '--no-wait', ...command])).stdout;
  await vsctl('init');
  await vsctl('set-manager', 'ptcp:0:127.0.0.1');
  t.is(await vsctl('get-manager'), 'ptcp:0:127.0.0.1\n');
  await vsctl('wait-until', 'Manager', 'ptcp:0:127.0.0.1', 'is_connected=false');
});

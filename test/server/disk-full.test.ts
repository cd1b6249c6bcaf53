import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '../../rpc/client.ts';
import { projectFile } from '../helpers/project.ts';
import { root, testRequiring } from '../helpers/requires.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const database = 'Open_vSwitch';

/** A file system of 2 MB, half of it taken, in a mount namespace of its own, and our server with its database there. */
const mountAndServe = `
mount -t tmpfs -o size=2m none "$1" && head -c 1000000 /dev/zero > "$1/ballast" &&
exec "$2" "$3" "$1/conf.db" --remote=punix:"$4"`;

const startOnSmallDisk = (folder: string, socket: string): ChildProcess =>
  spawn(
    'unshare',
    ['-m', 'sh', '-c', mountAndServe, 'sh', folder, process.execPath, projectFile('dist/bin/ovsdb-server.cjs'), socket],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );

testRequiring(root())('a full disk fails the transaction, not the server', async (t) => {
  const folder = temporaryFolder(t);
  const socket = join(temporaryFolder(t), 'socket');
  const server = new ServerProcess(startOnSmallDisk(folder, socket), socket, join(folder, 'conf.db'));
  t.teardown(() => server.stop());
  while (!server.log.includes('|ovsdb-server (')) {
    if (server.child.stderr === null) throw new Error('no stderr');
    await once(server.child.stderr, 'data');
  }
  const client = await Client.connect(server.target);
  t.teardown(() => client.close());
  const insert = (bytes: number) =>
    client.transact(database, [{ op: 'insert', table: 'QoS', row: { type: 'x'.repeat(bytes) } }]);
  const count = async () => {
    const [result] = await client.transact(database, [{ op: 'select', table: 'QoS', where: [], columns: ['_uuid'] }]);
    return Array.isArray(result?.rows) ? result.rows.length : -1;
  };

  await insert(10);
  await t.throwsAsync(insert(3_000_000), { message: /^I\/O error: .*the disk is full/ });
  t.is(await count(), 1, 'what could not be stored is not there, and reads are served');
  await insert(10);
  t.is(await count(), 2, 'what fits is stored');

  rmSync(`/proc/${server.child.pid}/root${folder}/ballast`);
  await insert(800_000);
  t.is(await count(), 3, 'once there is room again, it is used');
});

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { startCServer, startServer } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';
import { disguise, interpose } from './interposer.ts';
import { cVsctl, vsctl } from './subject.ts';

const schema = projectFile('schema/vswitch.ovsschema');

/** What a server may say of itself in `_Server`, and which options of clients take it. */
const roles = {
  leader: { model: 'clustered', connected: true, leader: true },
  follower: { model: 'clustered', connected: true, leader: false },
  stranded: { model: 'clustered', connected: false, leader: true },
  relay: { model: 'relay', connected: true, leader: true },
  'relay that lost its source': { model: 'relay', connected: false, leader: true },
};

interface Role {
  readonly model: string;
  readonly connected: boolean;
  readonly leader: boolean;
}

const serverAs = (t: ExecutionContext, socket: string, { model, connected, leader }: Role): Promise<string> =>
  disguise(t, socket, {
    '"model":"standalone"': `"model":"${model}"`,
    '"connected":true': `"connected":${connected}`,
    '"leader":true': `"leader":${leader}`,
  });

const brotherOf = async (t: ExecutionContext, start: typeof startServer) => {
  const { target, socket } = await start(t, schema);
  await vsctl([`--db=${target}`, '--no-wait', 'add-br', 'br0']);
  return (role: Role) => serverAs(t, socket, role);
};

for (const [name, start] of [
  ['our', startServer],
  ['the C', startCServer],
] as const) {
  testRequiring(cPrograms())(
    `whether a server will do is what the C program says of it, with ${name} server`,
    async (t) => {
      const as = await brotherOf(t, start);
      for (const [title, role] of Object.entries(roles)) {
        const target = await as(role);
        for (const option of ['--leader-only', '--no-leader-only']) {
          const words = [`--db=${target}`, option, 'list-br'];
          t.deepEqual(await vsctl(words), await cVsctl(words), `${title} ${option}`);
        }
      }
    },
  );
}

test('of several servers the first that will do is taken, in whatever order they stand', async (t) => {
  const as = await brotherOf(t, startServer);
  const [leader, follower, stranded] = [await as(roles.leader), await as(roles.follower), await as(roles.stranded)];
  const absent = `unix:${temporaryFolder(t)}/absent`;
  for (const targets of [
    [absent, follower, leader],
    [leader, absent],
    [stranded, follower, absent, leader],
  ]) {
    for (const option of ['--shuffle-remotes', '--no-shuffle-remotes']) {
      const { stdout, stderr, exit } = await vsctl([`--db=${targets.join()}`, option, 'list-br']);
      t.deepEqual([stdout, stderr, exit], ['br0\n', '', 0], `${targets.join()} ${option}`);
    }
  }
  const none = `${follower},${stranded}`;
  t.is((await vsctl([`--db=${none}`, 'list-br'])).stderr, `ovs-vsctl: ${none}: database connection failed ()\n`);
  const last = `${follower},${absent}`;
  t.is(
    (await vsctl([`--db=${last}`, '--no-shuffle-remotes', 'list-br'])).stderr,
    `ovs-vsctl: ${last}: database connection failed (No such file or directory)\n`,
  );
});

test('a connection that ends is made again, and the commands are run again', async (t) => {
  const { target, socket } = await startServer(t, schema);
  let cut = false;
  const path = await interpose(t, socket, async (operations) => {
    if (cut || !operations.some(({ op }) => op === 'comment')) return;
    cut = true;
    throw new Error('cut');
  });
  t.deepEqual(await vsctl([`--db=unix:${path}`, '--no-wait', 'add-br', 'br0']), { stdout: '', stderr: '', exit: 0 });
  t.true(cut);
  t.is((await vsctl([`--db=${target}`, 'list-br'])).stdout, 'br0\n');
});

test('a server that goes for good is told of in one line', async (t) => {
  const server = await startServer(t, schema);
  const waits = vsctl([`--db=${server.target}`, 'wait-until', 'Bridge', 'br0']);
  await vsctl([`--db=${server.target}`, '--no-wait', 'init']);
  await server.stop();
  const { stderr, exit } = await waits;
  t.regex(stderr, /^ovs-vsctl: \S+: database connection failed \((No such file or directory|Connection refused)\)\n$/);
  t.is(exit, 1);
});

testRequiring(cPrograms())('a server without the database is no server', async (t) => {
  const file = `${temporaryFolder(t)}/other.ovsschema`;
  writeFileSync(file, '{"name":"Other","version":"1.0.0","tables":{"T":{"columns":{"a":{"type":"string"}}}}}');
  for (const start of [startServer, startCServer]) {
    const { target } = await start(t, file);
    const words = [`--db=${target}`, 'list-br'];
    t.deepEqual(await vsctl(words), await cVsctl(words));
  }
});

test('a passive method waits for a server to connect', async (t) => {
  const { target, socket } = await startServer(t, schema);
  await vsctl([`--db=${target}`, '--no-wait', 'add-br', 'br0']);
  const path = `${temporaryFolder(t)}/waiting`;
  const result = vsctl([`--db=punix:${path}`, '--no-wait', 'add-port', 'br0', 'p0', '--', 'list-ports', 'br0']);
  // The server of this test listens only: what it says is carried over.
  const client = await until('the program listens', async () => {
    const each = connect(path);
    try {
      await once(each, 'connect');
      return each;
    } catch {
      return undefined;
    }
  });
  const server = connect(socket);
  client.pipe(server).pipe(client);
  t.deepEqual(await result, { stdout: 'p0\n', stderr: '', exit: 0 });
});

import { once } from 'node:events';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { duplexPair } from 'node:stream';
import test from 'ava';
import { JsonSplitter } from '../../rpc/json-splitter.ts';
import { Peer } from '../../rpc/peer.ts';
import { InactivityProbe } from '../../rpc/probe.ts';
import { dial, listen } from '../../rpc/target.ts';
import { parseJson } from '../../schema/json.ts';
import { Deferred } from '../helpers/deferred.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** Short, so that the test is; long enough for a machine that is busy. */
const probeInterval = 300;

const connect = (): { peer: Peer; other: Duplex } => {
  const [mine, other] = duplexPair();
  const peer = new Peer(mine, { request: () => {}, notification: () => {} }, { probeInterval });
  return { peer, other };
};

const nextMessage = async (stream: Duplex) => {
  const splitter = new JsonSplitter();
  for (;;) {
    const [chunk]: unknown[] = await once(stream, 'data');
    if (!Buffer.isBuffer(chunk)) throw new TypeError('not bytes');
    const [text] = splitter.push(chunk);
    if (text !== undefined) return parseJson(text);
  }
};

test('a silent connection is probed with an echo whose id is the word "echo"', async (t) => {
  const { peer, other } = connect();
  t.deepEqual(await nextMessage(other), { id: 'echo', method: 'echo', params: [] });
  peer.close();
});

test('a connection that does not answer ends', async (t) => {
  const { peer, other } = connect();
  const started = performance.now();
  other.resume();
  const reason = await peer.ended;
  t.is(reason?.message, 'Connection timed out');
  t.true(performance.now() - started >= 2 * probeInterval - 10);
});

test('any message keeps a connection alive', async (t) => {
  const { peer, other } = connect();
  for (let i = 0; i < 4; i++) {
    await nextMessage(other);
    other.write('{"id":"echo","result":[],"error":null}');
  }
  t.false(peer.closed);
  peer.close();
});

test('probes can be turned off while the connection lives', async (t) => {
  const { peer, other } = connect();
  peer.probeInterval = 0;
  other.once('data', () => t.fail('it was probed'));
  await new Promise((resolve) => setTimeout(resolve, 3 * probeInterval));
  t.false(peer.closed);
  peer.close();
});

test.serial('an answer counts that came while the program was held up', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  const accepted = new Deferred<Peer>();
  const listener = await listen(`punix:${path}`, {
    accept: ({ carrier }) =>
      accepted.resolve(new Peer(carrier, { request: () => {}, notification: () => {} }, { probeInterval })),
  });
  t.teardown(() => listener.close());
  const socket = await dial(`unix:${path}`);
  t.teardown(() => socket.destroy());
  const peer = await accepted.promise;
  for (let i = 0; i < 2; i++) {
    await once(socket, 'data');
    socket.write('{"id":"echo","result":[],"error":null}');
    const start = performance.now();
    while (performance.now() - start < 2 * probeInterval);
  }
  await once(socket, 'data');
  t.false(peer.closed);
  peer.close();
});

test.serial('who answers late has more time when the program itself was held up', async (t) => {
  const interval = 150;
  const answered = new Deferred<void>();
  const probe: InactivityProbe = new InactivityProbe(
    () => {
      const end = performance.now() + 3 * interval;
      while (performance.now() < end);
      setTimeout(() => {
        probe.heard();
        answered.resolve();
      }, 30);
    },
    () => t.fail('it was given up'),
  );
  probe.start(interval);
  await answered.promise;
  probe.stop();
  t.pass();
});

test.serial('who never answers is given up all the same', async (t) => {
  const dead = new Deferred<void>();
  const probe = new InactivityProbe(
    () => {
      const end = performance.now() + 450;
      while (performance.now() < end);
    },
    () => dead.resolve(),
  );
  probe.start(150);
  await dead.promise;
  t.pass();
});

import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { duplexPair } from 'node:stream';
import test from 'ava';
import { JsonSplitter } from '../../rpc/json-splitter.ts';
import { Peer } from '../../rpc/peer.ts';
import { parseJson } from '../../schema/json.ts';

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

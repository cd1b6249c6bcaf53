import test from 'ava';
import { Reconnect } from '../../rpc/reconnect.ts';
import { SystemError } from '../../rpc/system-error.ts';
import { Deferred } from '../helpers/deferred.ts';

const minBackoff = 20;
const maxBackoff = 100;

test('attempts go through the targets, with pauses that grow', async (t) => {
  const attempts: [string, number][] = [];
  const enough = new Deferred<undefined>();
  const connection = new Reconnect({ targets: ['a', 'b'], minBackoff, maxBackoff }, async (target) => {
    attempts.push([target, performance.now()]);
    if (attempts.length === 7) enough.resolve(undefined);
    throw new SystemError('ECONNREFUSED');
  });
  await enough.promise;
  await connection.stop();
  t.deepEqual(
    attempts.map(([target]) => target),
    ['a', 'b', 'a', 'b', 'a', 'b', 'a'],
  );
  const pauses = attempts.slice(1).map(([, at], i) => at - (attempts[i]?.[1] ?? 0));
  // One free try for the second target; then 20, 40, 80 (half of the most), 100, 100.
  for (const [i, least] of [0, 20, 40, 80, 100, 100].entries()) t.true((pauses[i] ?? 0) >= least - 2, `${pauses}`);
  t.is(connection.lastError, 'Connection refused');
  t.is(connection.state, 'VOID');
});

test('a connection that ends is made again', async (t) => {
  const connections = [0, 1].map(() => ({ made: new Deferred<undefined>(), end: new Deferred<Error | undefined>() }));
  let next = 0;
  const connection = new Reconnect({ targets: ['a'], minBackoff, maxBackoff }, async () => {
    const made = connections[next++];
    if (made === undefined) throw new Error('once too often');
    setImmediate(() => made.made.resolve(undefined));
    return { ended: made.end.promise };
  });
  const [first, second] = connections;
  await first?.made.promise;
  t.is(connection.sinceDisconnect, undefined);
  first?.end.resolve(undefined);
  await second?.made.promise;
  t.is(connection.state, 'ACTIVE');
  t.true((connection.sinceDisconnect ?? -1) >= 0);
  const stopped = connection.stop();
  second?.end.resolve(new SystemError('ECONNRESET'));
  await stopped;
  t.is(connection.lastError, 'Connection reset by peer');
  t.is(next, 2);
});

test('an attempt that takes too long is given up', async (t) => {
  const aborted = new Deferred<undefined>();
  const connection = new Reconnect({ targets: ['a'], minBackoff, maxBackoff }, (_target, signal) => {
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        aborted.resolve(undefined);
        reject(new Error('aborted'));
      });
    });
  });
  await aborted.promise;
  await new Promise((resolve) => setImmediate(resolve));
  t.is(connection.lastError, 'Connection timed out');
  await connection.stop();
});

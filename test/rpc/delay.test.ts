import { duplexPair } from 'node:stream';
import test from 'ava';
import { afterSeconds, parseSeconds } from '../../rpc/delay.ts';
import { Peer } from '../../rpc/peer.ts';
import { probeIntervalOf } from '../../rpc/probe.ts';
import { Reconnect } from '../../rpc/reconnect.ts';

test('what a timer cannot take is waited for as long as it can', async (t) => {
  const warnings: string[] = [];
  const warn = ({ message }: Error) => warnings.push(message);
  process.on('warning', warn);
  t.teardown(() => process.off('warning', warn));
  const peer = new Peer(duplexPair()[0], { request: () => {}, notification: () => {} }, { probeInterval: 2 ** 40 });
  afterSeconds(2 ** 31 - 1, () => t.fail('it was over at once'));
  const reconnect = new Reconnect({ targets: ['x'], minBackoff: 1, maxBackoff: 2 ** 40 }, async () => {
    throw new Error('no');
  });
  // Node warns of a timer that is too long before it does anything else.
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.deepEqual(warnings, []);
  peer.close();
  await reconnect.stop();
});

test('seconds are whole numbers that C can hold', (t) => {
  t.is(parseSeconds('10'), 10);
  t.is(parseSeconds('0010'), 10);
  t.is(parseSeconds(' +10'), 10);
  t.is(parseSeconds('4294967295'), 4294967295);
  for (const wrong of [undefined, '', '0', '-1', '1.5', '1e3', 'x', '4294967296', '9999999999']) {
    t.is(parseSeconds(wrong), undefined, wrong);
  }
});

test('probes are a second apart, or more, or there are none', (t) => {
  t.deepEqual([-5, 0, 1, 999, 1000, 60_000].map(probeIntervalOf), [0, 0, 1000, 1000, 1000, 60_000]);
});

import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { Loop } from '../../datapath-linux/loop.ts';
import { until } from '../helpers/until.ts';

test('one run at a time; what is asked for meanwhile means one more', async (t) => {
  let runs = 0;
  let concurrent = 0;
  const loop = new Loop(
    async () => {
      t.is(++concurrent, 1);
      runs++;
      await delay(20);
      concurrent--;
    },
    () => t.fail(),
  );
  for (let i = 0; i < 5; i++) loop.now();
  await delay(5);
  for (let i = 0; i < 5; i++) loop.now();
  await until('two runs', () => runs === 2);
  await loop.stop();
  t.is(runs, 2);
  loop.now();
  loop.soon();
  await delay(20);
  t.is(runs, 2, 'stopped is stopped');
});

test('a failed run is repeated, with growing pauses', async (t) => {
  const times: number[] = [];
  const loop = new Loop(
    async () => {
      times.push(performance.now());
      if (times.length < 3) throw new Error('not yet');
    },
    (error) => t.true(error instanceof Error),
  );
  loop.now();
  await until('the third run', () => times.length === 3);
  await loop.stop();
  const [first = 0, second = 0, third = 0] = times;
  t.true(second - first >= 99 && third - second >= 199);
});

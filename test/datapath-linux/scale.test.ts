/** Many ports at once. The bounds are far above what a busy two-core machine takes: they find what is quadratic. */
import { Lab } from '../helpers/lab.ts';
import { rootTest as test } from '../helpers/netns.ts';

const internalPorts = (bridge: string, prefix: string, count: number): string[] =>
  Array.from(
    { length: count },
    (_, i) => `add-port ${bridge} ${prefix}${i} -- set Interface ${prefix}${i} type=internal`,
  );

async function milliseconds(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

test('a thousand internal ports come in one transaction and go in one group', async (t) => {
  t.timeout(120_000);
  const lab = await Lab.start(t, { server: 'ours' });
  await lab.vsctl('add-br', 'br0');
  const made = await milliseconds(() => lab.vsctlAll(internalPorts('br0', 'p', 1000)));
  const ports = (await lab.host.links()).filter(({ master }) => master === 'sw-br0');
  t.is(ports.length, 1001);
  const one = await milliseconds(() => lab.vsctlAll(internalPorts('br0', 'more', 1)));
  await lab.assertSettled();
  const restart = await milliseconds(async () => {
    await lab.stopSwitch('SIGKILL');
    lab.startSwitch();
    await lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:restarted=1');
  });
  const gone = await milliseconds(() => lab.vsctl('del-br', 'br0'));
  t.deepEqual(
    (await lab.host.links()).map(({ ifname }) => ifname),
    ['lo'],
  );
  t.log(
    `1,000 ports: ${made.toFixed()} ms; one more: ${one.toFixed()} ms; restart: ${restart.toFixed()} ms; gone: ${gone.toFixed()} ms`,
  );
  t.true(made < 60_000 && one < 10_000 && restart < 30_000 && gone < 20_000);
});

test('ten thousand ports at once: the bridge takes what it can, the others say why', async (t) => {
  t.timeout(180_000);
  const lab = await Lab.start(t, { server: 'ours' });
  await lab.vsctl('add-br', 'br0');
  const names = Array.from({ length: 10_000 }, (_, i) => `m${String(i).padStart(5, '0')}`);
  const took = await milliseconds(() => lab.insertPorts('br0', names));
  t.log(`10,000 ports: ${took.toFixed()} ms`);
  t.is((await lab.host.links()).filter(({ master }) => master === 'sw-br0').length, 1023);
  t.is(await lab.get('Interface', 'm01021', 'ofport'), '1022');
  t.is(await lab.get('Interface', 'm01022', 'ofport'), '-1');
  t.regex(await lab.get('Interface', 'm09999', 'error'), /at most 1023 ports/);
  await lab.assertSettled();
  await lab.vsctl('del-port', 'm00000');
  t.is(await lab.get('Interface', 'm01022', 'error'), '[]', 'a place that becomes free is taken');
});

/** The netlink layer against the kernel, in a network namespace that a worker process makes for itself. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Namespace, rootTest as test } from '../../helpers/netns.ts';

const exercise = fileURLToPath(new URL('../../fixtures/netlink-exercise.js', import.meta.url));

test('links, statistics, addresses and forwarding entries are as `ip` says', async (t) => {
  const namespace = await Namespace.create();
  t.teardown(() => namespace.close());
  t.is(await namespace.run(process.execPath, exercise), 'done\n');
});

test('a dump that changes interrupt is repeated until it is whole', async (t) => {
  t.timeout(60_000);
  const namespace = await Namespace.create();
  t.teardown(() => namespace.close());
  const batch = Array.from({ length: 300 }, (_, i) => `link add keep${i} type veth peer name peer${i}`).join('\n');
  const load = spawn('ip', ['-n', namespace.name, '-batch', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
  load.stdin.end(batch);
  await new Promise((resolve) => load.once('exit', resolve));
  const churn = namespace.spawn(
    'sh',
    '-c',
    'while :; do ip link add churn type veth peer name nruhc; ip link del churn; done',
  );
  t.truthy(churn.pid);
  const output = await namespace.run(process.execPath, exercise, 'dumps', '300');
  t.regex(output, /^100 dumps, none partial\n$/);
});

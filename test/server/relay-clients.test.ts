/**
 * Real clients on our relays, of the C server and of ours: the C ovs-vsctl and the Python library. A relay is no leader,
 * also where it is the C server's: clients that insist on one, as ovs-vswitchd does, leave it.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import type { Kind } from '../helpers/daemon-folder.ts';
import { projectFile } from '../helpers/project.ts';
import { python, pythonLibrary } from '../helpers/python.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { ServedDatabase } from '../helpers/served-database.ts';

const run = promisify(execFile);
const schema = projectFile('schema/vswitch.ovsschema');

const start = async (t: ExecutionContext, kind: Kind) => {
  const source = await ServedDatabase.inFile(t, kind, schema);
  const relay = await ServedDatabase.relaying(t, 'ours', source);
  await vsctl(source, '--no-wait', 'init');
  await relay.equals(source);
  return { source, relay };
};

/** The C program; what it prints, without the last line's end. */
const vsctl = async ({ target }: ServedDatabase, ...args: readonly string[]): Promise<string> => {
  const { stdout } = await run('ovs-vsctl', ['--timeout=60', '--no-leader-only', `--db=${target}`, ...args]);
  return stdout.trimEnd();
};

for (const kind of ['c', 'ours'] as const) {
  const who = `a relay of ${kind === 'c' ? 'the C server' : 'ours'}`;

  testRequiring(cPrograms())(`the C ovs-vsctl changes the database through ${who}`, async (t) => {
    const { source, relay } = await start(t, kind);
    await vsctl(relay, '--no-wait', 'add-br', 'br0', '--', 'add-port', 'br0', 'p1', 'tag=5');
    t.is(await vsctl(source, 'list-ports', 'br0'), 'p1');
    t.is(await vsctl(relay, 'get', 'Port', 'p1', 'tag'), '5');
    await t.throwsAsync(vsctl(relay, '--no-wait', 'set', 'Port', 'p1', 'tag=5000'), { message: /5000 is not in the/ });
    await vsctl(relay, '--no-wait', 'del-br', 'br0');
    t.is(await vsctl(source, 'list-br'), '');
    t.true(await relay.equals(source));
  });

  testRequiring(cPrograms(), pythonLibrary())(`clients of the Python library count through ${who}`, async (t) => {
    t.timeout(240_000);
    const { source, relay } = await start(t, kind);
    const [clients, increments] = [4, 10];
    const script = projectFile('test/fixtures/increment.py');
    const increment = () => run(python, [script, relay.target, String(increments)], { timeout: 200_000 });
    await Promise.all(Array.from({ length: clients }, increment));
    t.is(await vsctl(source, 'get', 'Open_vSwitch', '.', 'next_cfg'), String(clients * increments));
  });
}

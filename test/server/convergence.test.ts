/** Random changes, at a server and at a relay of it, with a crash between: relays and backups become what the server is. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { OutJson } from '../../schema/json.ts';
import { auditFile } from '../helpers/audit.ts';
import type { Kind } from '../helpers/daemon-folder.ts';
import { projectFile } from '../helpers/project.ts';
import { Random } from '../helpers/random.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { ServedDatabase } from '../helpers/served-database.ts';

const schema = projectFile('test/cases/schemas/replicated.ovsschema');

const randomOperations = (random: Random): readonly OutJson[] => {
  const name = `row ${random.below(12)}`;
  const where = [['name', '==', name]];
  const number = random.below(40);
  const part = { op: 'insert', table: 'part', 'uuid-name': 'part', row: { real: number / 8 } };
  const mutate = (column: string, mutator: string, value: OutJson) => [
    { op: 'mutate', table: 'top', where, mutations: [[column, mutator, value]] },
  ];
  return random.pick<() => readonly OutJson[]>([
    () => [{ op: 'insert', table: 'top', row: { name } }],
    () => [{ op: 'insert', table: 'top', row: { name, parts: ['named-uuid', 'part'] } }, part],
    () => [part, ...mutate('parts', 'insert', ['named-uuid', 'part'])],
    () => mutate('numbers', 'insert', ['set', [number, number + 1]]),
    () => mutate('numbers', 'delete', ['set', [number, number + 2]]),
    () => mutate('words', 'insert', ['map', [[`key ${number % 5}`, `value ${number}`]]]),
    () => mutate('words', 'delete', ['set', [`key ${number % 5}`]]),
    () => [{ op: 'update', table: 'top', where, row: { words: ['map', [['a', String(number)]]], parts: ['set', []] } }],
    () => [{ op: 'delete', table: 'top', where }],
    () => [{ op: 'insert', table: 'other', row: { text: name } }],
    () => [{ op: 'delete', table: 'other', where: [['text', '==', name]] }],
  ])();
};

const changeAtRandom = async (random: Random, servers: readonly ServedDatabase[], count: number): Promise<void> => {
  for (let i = 0; i < count; i++) {
    const server = random.pick(servers);
    // Those that a rule forbids are as good as others.
    await server.transact(...randomOperations(random));
    if (random.chance(0.05)) await delay(5);
  }
};

const converge = async (t: ExecutionContext, kind: Kind, followers: Kind): Promise<void> => {
  const random = new Random(7);
  const server = await ServedDatabase.inFile(t, kind, schema);
  const relay = await ServedDatabase.relaying(t, followers, server);
  const backup = await ServedDatabase.inFile(t, followers, schema, `--sync-from=${server.target}`);
  await Promise.all([relay, backup].map((each) => each.equals(server)));
  await changeAtRandom(random, [server, relay], 120);
  await server.stop('SIGKILL');
  await server.start();
  await changeAtRandom(random, [server, server, relay], 120);
  for (const each of [relay, backup]) t.true(await each.equals(server));
  t.true((await server.rows()).length > 3, 'there is something to compare');
  await backup.stop();
  if (followers === 'ours') t.deepEqual(auditFile(backup.folder.file('database')), []);
};

for (const [kind, followers] of [
  ['ours', 'ours'],
  ['c', 'ours'],
  ['ours', 'c'],
] as const) {
  const requirement = kind === 'c' || followers === 'c' ? cPrograms() : undefined;
  testRequiring(requirement)(`${followers} as relay and backup of ${kind} end up like it`, (t) =>
    converge(t, kind, followers),
  );
}

import type { ExecutionContext } from 'ava';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { startCServer, startServer } from '../helpers/server-process.ts';
import { lineDifference, outcome, type Setting } from './comparison.ts';
import { type CorpusFile, readCorpus } from './corpus.ts';
import { TestDatabase } from './database.ts';
import { cVsctl, type Subject, vsctl } from './subject.ts';

const schema = projectFile('schema/vswitch.ovsschema');

const settingOn = async (t: ExecutionContext, subject: Subject, start: typeof startServer): Promise<Setting> => {
  const { target } = await start(t, schema);
  const database = await TestDatabase.connect(target);
  t.teardown(() => database.close());
  return { subject, target, database };
};

interface Pairing {
  readonly title: string;
  readonly subject: Subject;
  readonly server: typeof startServer;
}

/** The C program on the C server is what all others are compared with. */
const reference: Pairing = { title: 'C on C', subject: cVsctl, server: startCServer };
const pairings: readonly Pairing[] = [
  { title: 'ours on the C server', subject: vsctl, server: startCServer },
  { title: 'ours on our server', subject: vsctl, server: startServer },
  { title: 'the C program on our server', subject: cVsctl, server: startServer },
];

/** Runs every case of a file in all settings, and reports all that differ. */
const compare = async (t: ExecutionContext, { database, cases }: CorpusFile): Promise<void> => {
  const [theirs, ...ours] = await Promise.all(
    [reference, ...pairings].map(({ subject, server }) => settingOn(t, subject, server)),
  );
  if (theirs === undefined) throw new Error('no setting to compare with');
  for (const words of database) {
    const { exit, stderr } = await cVsctl([`--db=${theirs.target}`, '--no-wait', ...words]);
    if (exit !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
  }
  const seed = await theirs.database.toOperations();
  for (const each of [theirs, ...ours]) await each.database.seed(seed);
  const failures: string[] = [];
  for (const each of cases) {
    const [expected = '', ...actual] = await Promise.all(
      [theirs, ...ours].map((setting) => outcome(setting, each, seed)),
    );
    for (const [i, { title }] of pairings.entries()) {
      const difference = lineDifference(actual[i] ?? '', expected);
      if (difference !== '') failures.push(`${title}: ${each.line}\n${difference}`);
    }
  }
  t.is(failures.join('\n'), '');
};

for (const file of readCorpus()) {
  testRequiring(cPrograms())(`${file.name}: any program on any server prints and does what C on C does`, async (t) => {
    await compare(t, file);
  });
}

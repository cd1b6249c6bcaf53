/** Which files the server takes for databases, which it makes, and what it leaves beside those that it refuses. */
import { copyFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import BetterSqlite3 from 'better-sqlite3';
import { StorageError } from '../../server/file-format.ts';
import { readSchema } from '../../server/server-database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import { CoreSubject } from '../helpers/core-subject.ts';
import { DaemonFolder } from '../helpers/daemon-folder.ts';
import { projectFile } from '../helpers/project.ts';
import { Random } from '../helpers/random.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const serve = (folder: DaemonFolder, ...args: readonly string[]) =>
  folder.run('ours', 'ovsdb-server', '--unixctl=none', '--run=true', ...args);

const refuse = async (t: ExecutionContext, make: (path: string) => void, problem: RegExp): Promise<void> => {
  const folder = new DaemonFolder(t);
  const path = folder.file('conf.db');
  make(path);
  const before = readFileSync(path);
  const { code, stderr } = await serve(folder);
  t.is(code, 1);
  t.regex(stderr, problem);
  t.true(readFileSync(path).equals(before));
  t.deepEqual(
    readdirSync(folder.path).filter((name) => !name.endsWith('.~lock~')),
    ['conf.db'],
  );
};
refuse.title = (what = '') => `refused, and left alone: ${what}`;

test('an empty file', refuse, (path: string) => writeFileSync(path, ''), /conf\.db: is not a database file\n/);
test('text', refuse, (path: string) => writeFileSync(path, 'text\n'), /conf\.db: is not a database file\n/);
test(
  'the first page of a SQLite file',
  refuse,
  (path: string) => {
    new BetterSqlite3(path).exec('CREATE TABLE a (b)').close();
    truncateSync(path, 4096);
  },
  /conf\.db: the file is damaged; restore it from a backup, or recover it with sqlite3\n/,
);
test(
  "another program's SQLite file",
  refuse,
  (path: string) => void new BetterSqlite3(path).exec('CREATE TABLE a (b)').close(),
  /conf\.db: is a SQLite file of another program's\n/,
);

/** A database with rows, in pages of 4 kB. */
const makeRows = async (path: string): Promise<void> => {
  SqliteStorage.create(path, readSchema(projectFile('test/cases/schemas/types.ovsschema')));
  const core = new CoreSubject(path);
  const row = (i: number) => ({ op: 'insert', table: 'plain', row: { name: `row ${i} ${'x'.repeat(i)}`, i } });
  await core.transactUnchecked(Array.from({ length: rows }, (_, i) => row(i)));
  core.close();
};
const rows = 300;

test('no row of a damaged file is lost without a word', async (t) => {
  const folder = temporaryFolder(t);
  const whole = join(folder, 'whole');
  await makeRows(whole);
  const bytes = readFileSync(whole);
  const random = new Random(4);
  const outcomes = { refused: 0, served: 0 };
  for (let i = 0; i < 60; i++) {
    const path = join(folder, `${i}`);
    const damaged = Buffer.from(bytes);
    const at = random.below(bytes.length);
    if (i % 3 === 0) damaged.fill(0, at, at + 1 + random.below(600));
    else if (i % 3 === 1) damaged.fill(0, at - (at % 4096), at - (at % 4096) + 4096);
    writeFileSync(path, i % 3 === 2 ? damaged.subarray(0, at) : damaged);
    try {
      const core = new CoreSubject(path);
      t.is(core.dump().filter((line) => line.startsWith('plain')).length, rows);
      core.close();
      outcomes.served++;
    } catch (error) {
      t.true(error instanceof StorageError, String(error));
      outcomes.refused++;
    }
  }
  t.true(outcomes.refused > 20 && outcomes.served > 3, JSON.stringify(outcomes));
});

test('a second database of the same schema is refused, before it is made', async (t) => {
  const folder = new DaemonFolder(t);
  const { code, stderr } = await serve(folder, 'a', 'b');
  t.is(code, 1);
  t.regex(stderr, /failed to open database '.*b': ovsdb error: Open_vSwitch: duplicate database name\n$/);
  t.deepEqual(folder.files(), ['a']);
});

test('the folder of a database is not made, but for the one where databases are', async (t) => {
  const folder = new DaemonFolder(t);
  folder.environment.OVS_DBDIR = folder.file('usual');
  const refused = await serve(folder, 'mistyped/conf.db');
  t.is(refused.code, 1);
  t.regex(refused.stderr, /mistyped\/conf\.db: .*no such file or directory/i);
  t.is((await serve(folder)).code, 0);
  t.deepEqual(folder.files(), ['usual']);
});

test('the folder of a socket is not made', async (t) => {
  const folder = new DaemonFolder(t);
  const { code, stderr } = await serve(folder, '--remote=punix:missing/socket');
  t.is(code, 0);
  t.regex(stderr, /\|ERR\|punix:missing\/socket: listen failed: No such file or directory\n/);
  t.deepEqual(folder.files(), ['conf.db']);
});

test('a damaged copy is refused beside a whole one', async (t) => {
  const folder = new DaemonFolder(t);
  t.is((await serve(folder)).code, 0);
  copyFileSync(folder.file('conf.db'), folder.file('copy.db'));
  truncateSync(folder.file('copy.db'), 9000);
  t.regex((await serve(folder, 'copy.db')).stderr, /copy\.db: the file is damaged/);
  t.is((await serve(folder)).code, 0);
  t.deepEqual(
    readdirSync(folder.path).filter((name) => /-(wal|shm)$/.test(name)),
    [],
  );
});

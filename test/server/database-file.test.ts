/** Which files the server takes for databases, which it makes, and what it leaves beside those that it refuses. */
import { copyFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import BetterSqlite3 from 'better-sqlite3';
import { type Json, toInteger } from '../../schema/json.ts';
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

/** Any bits that are a real. */
const randomReal = (random: Random): number => {
  const [real = 0] = new Float64Array(new Uint32Array([random.below(2 ** 32), random.below(2 ** 32)]).buffer);
  return Number.isFinite(real) ? real : randomReal(random);
};

const randomInteger = (random: Random): number | bigint => {
  const large = toInteger(BigInt(random.below(2 ** 32)) * BigInt(random.below(2 ** 31))) ?? 0;
  return random.pick([
    random.below(100) - 50,
    Number.MAX_SAFE_INTEGER,
    -(2n ** 53n),
    2n ** 53n + 1n,
    -(2n ** 63n),
    large,
  ]);
};

const strings = [
  '',
  'a',
  '"',
  '\\',
  '\u0001\n\u007f\u2028',
  'é',
  '\uffff',
  '\u{1f600}',
  'null',
  '1',
  '[]',
  'a'.repeat(300),
];

/** A row of one of the tables of types.ovsschema, with values of any kind. */
const insertRandom = (random: Random): Json => {
  const i = () => randomInteger(random);
  const r = () => randomReal(random);
  const b = () => random.chance(0.5);
  const s = () => random.pick(strings);
  const some = <T>(make: () => T): T[] => [...new Set(Array.from({ length: random.below(4) }, make))];
  const set = (make: () => Json): Json => ['set', some(make)];
  const map = (key: () => Json, value: () => Json): Json => ['map', some(key).map((each) => [each, value()])];
  const insert = (table: string, row: Json): Json => ({ op: 'insert', table, row });
  const tables = {
    plain: () => insert('plain', { i: i(), r: r(), b: b(), s: s() }),
    optional: () => insert('optional', random.chance(0.3) ? {} : { i: i(), r: r(), b: b(), s: s() }),
    sets: () => insert('sets', { name: s(), i: set(i), r: set(r), b: set(b), s: set(s), some: i() }),
    maps: () => insert('maps', { ss: map(s, s), si: map(s, i), rb: map(r, b), is: map(i, s) }),
  };
  return random.pick(Object.values(tables))();
};

test('every value comes back from the file as it was', async (t) => {
  const path = join(temporaryFolder(t), 'types.db');
  SqliteStorage.create(path, readSchema(projectFile('test/cases/schemas/types.ovsschema')));
  const core = new CoreSubject(path);
  const random = new Random(11);
  for (let i = 0; i < 4; i++) {
    await core.transactUnchecked(Array.from({ length: 250 }, () => insertRandom(random)));
    await core.transactUnchecked([{ op: 'delete', table: 'sets', where: [['name', '==', random.pick(strings)]] }]);
    await core.transact([{ op: 'update', table: 'plain', where: [['b', '==', true]], row: { r: randomReal(random) } }]);
  }
  const before = core.dump();
  t.true(before.length > 900);
  core.reopen();
  t.deepEqual(core.dump(), before);
  t.deepEqual(core.problems, []);
  core.close();
});

/** Lets a program of ours change a database behind the server's back. */
const edit = (path: string, sql: string): void => void new BetterSqlite3(path).exec(sql).close();

test('a row that is in the file twice, or has a value of another type, is damage', async (t) => {
  const whole = join(temporaryFolder(t), 'whole');
  await makeRows(whole);
  for (const [i, sql] of [
    "UPDATE plain SET _uuid = (SELECT _uuid FROM plain WHERE name LIKE 'row 7 %') WHERE name LIKE 'row 200 %'",
    "UPDATE plain SET i = 'five' WHERE i = 5",
    "UPDATE plain SET name = x'00ff' WHERE i = 70",
  ].entries()) {
    const path = `${whole}.${i}`;
    copyFileSync(whole, path);
    edit(path, sql);
    t.throws(() => new CoreSubject(path), { instanceOf: StorageError, message: /the file is damaged/ }, sql);
  }
});

test('elements of a row that is not there are passed over', async (t) => {
  const path = join(temporaryFolder(t), 'types.db');
  SqliteStorage.create(path, readSchema(projectFile('test/cases/schemas/types.ovsschema')));
  const core = new CoreSubject(path);
  await core.transact([0, 1, 2].map((i) => ({ op: 'insert', table: 'sets', row: { i, name: `${i}` } })));
  core.close();
  edit(path, 'PRAGMA foreign_keys = OFF; DELETE FROM sets WHERE _id = 2');
  const again = new CoreSubject(path);
  t.deepEqual(
    again
      .dump()
      .map((line) => / i=(\d)/.exec(line)?.[1])
      .sort(),
    ['0', '2'],
  );
  again.close();
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

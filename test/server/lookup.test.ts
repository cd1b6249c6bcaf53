/** Rows found through indexes and lookups are those that reading the table through would find. */
import { join } from 'node:path';
import test from 'ava';
import { isArray, isObject, type Json, member } from '../../schema/json.ts';
import { readSchema } from '../../server/server-database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import { CoreSubject } from '../helpers/core-subject.ts';
import { projectFile } from '../helpers/project.ts';
import { Random } from '../helpers/random.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A row as the test remembers it. */
interface Model {
  readonly name: string;
  number: number;
  members: readonly number[];
  pairs: ReadonlyMap<string, string>;
}

const letters = ['a', 'b', 'c', 'd'];
const randomRow = (random: Random, name: string): Model => ({
  name,
  number: random.below(12),
  members: [...new Set(Array.from({ length: random.below(4) }, () => random.below(9)))].sort((a, b) => a - b),
  pairs: new Map(Array.from({ length: random.below(3) }, () => [random.pick(letters), random.pick(letters)])),
});

/** In three tables, by name: their columns are of three kinds. */
const columns = (row: Model): { plain: Json; sets: Json; maps: Json } => ({
  plain: { i: row.number, r: row.number / 4 },
  sets: { i: ['set', row.members] },
  maps: { ss: ['map', [...row.pairs].map(([key, value]) => [key, value])] },
});
const tables = ['plain', 'sets', 'maps'] as const;

interface Query {
  readonly table: (typeof tables)[number];
  readonly where: readonly Json[];
  readonly holds: (row: Model) => boolean;
}

const randomQuery = (random: Random): Query => {
  const [number, member] = [random.below(12), random.below(9)];
  const [key, value] = [random.pick(letters), random.pick(letters)];
  return random.pick<Query>([
    { table: 'plain', where: [['i', '==', number]], holds: (row) => row.number === number },
    { table: 'plain', where: [['r', '==', number / 4]], holds: (row) => row.number === number },
    {
      table: 'plain',
      where: [
        ['r', 'includes', number / 4],
        ['i', '==', number],
      ],
      holds: (row) => row.number === number,
    },
    { table: 'plain', where: [['i', '!=', number]], holds: (row) => row.number !== number },
    { table: 'sets', where: [['i', 'includes', member]], holds: (row) => row.members.includes(member) },
    {
      table: 'sets',
      where: [['i', '==', member]],
      holds: (row) => row.members.length === 1 && row.members[0] === member,
    },
    { table: 'sets', where: [['i', 'excludes', member]], holds: (row) => !row.members.includes(member) },
    { table: 'sets', where: [['i', '==', ['set', []]]], holds: (row) => row.members.length === 0 },
    {
      table: 'maps',
      where: [['ss', 'includes', ['map', [[key, value]]]]],
      holds: (row) => row.pairs.get(key) === value,
    },
    {
      table: 'maps',
      where: [['ss', '==', ['map', [[key, value]]]]],
      holds: (row) => row.pairs.size === 1 && row.pairs.get(key) === value,
    },
  ]);
};

const namesIn = (results: Json, at: number): Json[] => {
  const result = isArray(results) ? results[at] : undefined;
  const rows = isObject(result) ? member(result, 'rows') : undefined;
  return isArray(rows)
    ? rows
        .filter(isObject)
        .map((row) => row['name'] ?? null)
        .sort()
    : [];
};

test('random edits and searches', async (t) => {
  const random = new Random(1);
  const path = join(temporaryFolder(t), 'conf.db');
  SqliteStorage.create(path, readSchema(projectFile('test/cases/schemas/types.ovsschema')));
  const subject = new CoreSubject(path);
  t.teardown(() => subject.close());
  const rows = new Map<string, Model>();
  const transact = (operations: readonly Json[]): Promise<Json> => subject.transactUnchecked(operations);

  const edit = (name: string): Json[] => {
    const changed = randomRow(random, name);
    const known = rows.has(name);
    if (known && random.chance(0.3))
      return tables.map((table) => ({ op: 'delete', table, where: [['name', '==', name]] }));
    const values = columns(changed);
    return tables.map((table) => {
      const row = values[table];
      if (known) return { op: 'update', table, where: [['name', '==', name]], row };
      return { op: 'insert', table, row: { ...(isObject(row) ? row : {}), name } };
    });
  };
  /** What a successful edit makes of the model. */
  const apply = (name: string, operations: readonly Json[]): void => {
    const [first] = operations.filter(isObject);
    if (first?.['op'] === 'delete') rows.delete(name);
    else rows.set(name, read(name, operations));
  };
  const read = (name: string, operations: readonly Json[]): Model => {
    const [plain = {}, sets = {}, maps = {}] = operations
      .filter(isObject)
      .map((each) => each['row'])
      .filter(isObject);
    const list = (json: Json | undefined): readonly Json[] => (isArray(json) && isArray(json[1]) ? json[1] : []);
    return {
      name,
      number: Number(plain['i']),
      members: list(sets['i']).map(Number),
      pairs: new Map(list(maps['ss']).flatMap((pair) => (isArray(pair) ? [[String(pair[0]), String(pair[1])]] : []))),
    };
  };

  for (let i = 0; i < 1000; i++) {
    const name = `n${random.below(200)}`;
    const operations = edit(name);
    const query = randomQuery(random);
    const select = { op: 'select', table: query.table, where: query.where, columns: ['name', '_uuid'] };
    const before = [...rows.values()]
      .filter(query.holds)
      .map((row) => row.name)
      .sort();
    if (random.chance(0.3)) {
      await transact([...operations, select, { op: 'abort' }]);
      t.deepEqual(namesIn(await transact([select]), 0), before);
      continue;
    }
    const results = await transact([select, ...operations, select]);
    t.deepEqual(namesIn(results, 0), before);
    apply(name, operations);
    t.deepEqual(
      namesIn(results, operations.length + 1),
      [...rows.values()]
        .filter(query.holds)
        .map((row) => row.name)
        .sort(),
    );
  }
  t.true(rows.size > 64, 'enough rows that lookups are made');
  subject.check('all');
  t.deepEqual(subject.problems, []);
});

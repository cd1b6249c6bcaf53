import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { formatJson, isArray, isObject, type Json, member, parseJson } from '../../schema/json.ts';
import { type DatabaseSchema, parseSchema, schemaToJson } from '../../schema/schema.ts';
import { LogFile } from '../../server/log-file.ts';
import { mutateJson } from '../helpers/mutant.ts';
import { projectFile } from '../helpers/project.ts';
import { Random } from '../helpers/random.ts';
import { cPrograms, findProgram, program, testRequiring } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const read = (path: string): Json => parseJson(readFileSync(path, 'utf8'));

interface Case {
  readonly schema: Json;
  /** What is wrong with it; undefined when nothing is. */
  readonly error: string | undefined;
}

/** Schemas with one mistake each, and what Open vSwitch says of them. */
const cases = (): Case[] => {
  const json = read(projectFile('test/cases/schema/schemas.json'));
  return (isArray(json) ? json : []).filter(isObject).map((each) => {
    const error = member(each, 'error');
    return { schema: member(each, 'schema') ?? null, error: typeof error === 'string' ? error : undefined };
  });
};

const complaint = (schema: Json): string | undefined => {
  try {
    parseSchema(schema);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

test('each mistake in a schema is told in the words of Open vSwitch', (t) => {
  t.true(cases().length > 90);
  const told = (error: string | undefined, schema: Json) => `${formatJson(schema)}: ${error ?? 'nothing'}`;
  const wrong = cases().filter(({ schema, error }) => complaint(schema) !== error);
  t.deepEqual(
    wrong.map(({ schema }) => told(complaint(schema), schema)),
    wrong.map(({ schema, error }) => told(error, schema)),
  );
});

testRequiring(cPrograms())('ovsdb-tool says the same of each schema', (t) => {
  const file = join(temporaryFolder(t), 'schema');
  for (const { schema, error } of cases()) {
    writeFileSync(file, formatJson(schema));
    const { status, stderr } = spawnSync(findProgram('ovsdb-tool') ?? 'ovsdb-tool', ['schema-name', file], {
      encoding: 'utf8',
    });
    const told = stderr.trim().replace('ovsdb-tool: ', '').replace(`failed to parse "${file}" as ovsdb schema: `, '');
    t.is(status === 0 ? undefined : told, error, formatJson(schema));
  }
});

testRequiring(cPrograms())('ovsdb-tool accepts and refuses the same schemas, changed at random', (t) => {
  const random = new Random(1);
  const file = join(temporaryFolder(t), 'schema');
  const sources = cases().map(({ schema }) => schema);
  for (let i = 0; i < 150; i++) {
    const schema = mutateJson(random, random.pick(sources), 0.03);
    if (!isObject(schema)) continue;
    writeFileSync(file, formatJson(schema));
    const { status } = spawnSync(findProgram('ovsdb-tool') ?? 'ovsdb-tool', ['schema-name', file]);
    t.is(complaint(schema) === undefined, status === 0, formatJson(schema));
  }
});

testRequiring(cPrograms())('a schema is printed as ovsdb-tool writes it', (t) => {
  const folder = temporaryFolder(t);
  const random = new Random(2);
  const files = ['schema/vswitch', 'test/cases/schemas/types', 'test/cases/schemas/references', 'schema/_Server'];
  const isGood = (schema: Json) => complaint(schema) === undefined;
  const part = { type: { key: { type: 'uuid', refTable: 'b' }, min: 0 }, ephemeral: true };
  const columns = { part, weak: { ...part, type: { key: { type: 'uuid', refTable: 'b', refType: 'weak' }, min: 0 } } };
  const keeping = { a: { columns, isRoot: true }, b: { columns: { n: { type: 'integer', ephemeral: true } } } };
  const sources = [
    ...files.map((name) => read(projectFile(`${name}.ovsschema`))),
    ...cases().map(({ schema }) => schema),
    { name: 'd', tables: keeping },
  ].filter(isGood);
  const mutants = Array.from({ length: 150 }, () => mutateJson(random, random.pick(sources), 0.01));
  const good = [...sources, ...mutants.filter(isGood)];
  t.true(good.length > 20, String(good.length));
  for (const [i, schema] of good.entries()) {
    const [file, database] = [join(folder, `${i}.schema`), join(folder, `${i}.db`)];
    writeFileSync(file, formatJson(schema));
    spawnSync(findProgram('ovsdb-tool') ?? 'ovsdb-tool', ['create', database, file]);
    const theirs = LogFile.read(database).next() ?? null;
    t.is(formatJson(schemaToJson(parseSchema(schema)), true), formatJson(theirs, true), formatJson(schema));
  }
});

for (const name of [
  'schema/vswitch',
  'test/cases/schemas/types',
  'test/cases/schemas/references',
  'test/cases/schemas/tables',
]) {
  test(`a schema is the same printed and read again: ${name}`, (t) => {
    const schema = parseSchema(read(projectFile(`${name}.ovsschema`)));
    const text = formatJson(schemaToJson(schema));
    const again = parseSchema(parseJson(text));
    t.is(formatJson(schemaToJson(again)), text);
    t.deepEqual([...again.tables.keys()], [...schema.tables.keys()]);
  });
}

test('without any root table all tables are root', (t) => {
  const column = { columns: { c: { type: 'integer' } } };
  const roots = (tables: { [name: string]: Json }) =>
    [...parseSchema({ name: 'd', tables }).tables.values()].filter(({ isRoot }) => isRoot).map(({ name }) => name);
  t.deepEqual(roots({ a: column, b: column }), ['a', 'b']);
  t.deepEqual(roots({ a: { ...column, isRoot: true }, b: column, c: { ...column, isRoot: false } }), ['a']);
});

const debian = '/usr/share/openvswitch/vswitch.ovsschema';
/** Table by table, column by column: what is there under which definition. */
const columnsOf = (schema: DatabaseSchema): Map<string, string> => {
  const tables = schemaToJson(schema)['tables'];
  return new Map(
    Object.entries(isObject(tables) ? tables : {}).flatMap(([name, table]) => {
      const { columns = {}, ...rest } = isObject(table) ? table : {};
      return [
        [name, formatJson(rest, true)] as const,
        ...Object.entries(isObject(columns) ? columns : {}).map(
          ([column, definition]) => [`${name}.${column}`, formatJson(definition, true)] as const,
        ),
      ];
    }),
  );
};

const optional = (key: string): string => `{"type":{"key":${key},"min":0}}`;
const integer32 = '{"maxInteger":4294967295,"minInteger":0,"type":"integer"}';
const interval = '{"maxInteger":3600,"minInteger":1,"type":"integer"}';

/** What version 8.8.0 of the schema has that Debian's 8.3.1 has not, or has otherwise. */
const newer: readonly (readonly [name: string, definition: string])[] = [
  ['CT_Zone.limit', optional(integer32)],
  ['Datapath.ct_zone_default_limit', optional(integer32)],
  ['Flow_Sample_Collector_Set.local_group_id', optional(integer32)],
  ['Flow_Table.prefixes', '{"type":{"key":"string","max":4,"min":0}}'],
  ['IPFIX.stats_interval', optional(interval)],
  ['IPFIX.template_interval', optional(interval)],
  ['Mirror.filter', optional('"string"')],
];

testRequiring(program('ovs-vsctl', 'openvswitch-common'))(
  "the vswitch schema is Debian's but for what is newer",
  (t) => {
    const ours = parseSchema(read(projectFile('schema/vswitch.ovsschema')));
    const theirs = parseSchema(read(debian));
    t.is(ours.name, theirs.name);
    t.is(ours.version, '8.8.0');
    t.is(theirs.version, '8.3.1');
    const [mine, other] = [columnsOf(ours), columnsOf(theirs)];
    const differing = [...new Set([...mine.keys(), ...other.keys()])].filter(
      (name) => mine.get(name) !== other.get(name),
    );
    t.deepEqual(
      differing.sort().map((name) => [name, mine.get(name)]),
      newer,
    );
  },
);

testRequiring(program('cksum', 'coreutils'))(
  'the checksum of the vswitch schema is that of its text without the checksum',
  (t) => {
    const text = readFileSync(projectFile('schema/vswitch.ovsschema'), 'utf8');
    const [, sum] = /"cksum": "(\d+ \d+)"/.exec(text) ?? [];
    const { stdout } = spawnSync('cksum', { input: text.replace(/.*"cksum".*\n/, ''), encoding: 'utf8' });
    t.is(sum, stdout.trim());
  },
);

test('an ephemeral column that keeps rows of tables that are no roots is stored', (t) => {
  const column = (refTable: string, refType: string) => ({
    ephemeral: true,
    type: { key: { type: 'uuid', refTable, refType }, min: 0 },
  });
  const columns = {
    part: column('part', 'strong'),
    weak: column('part', 'weak'),
    root: column('whole', 'strong'),
    map: { ephemeral: true, type: { key: 'string', value: { type: 'uuid', refTable: 'part' }, min: 0 } },
    word: { ephemeral: true, type: 'string' },
  };
  const tables = { whole: { columns, isRoot: true }, part: { columns: { n: { type: 'integer' } } } };
  const own = parseSchema({ name: 'd', tables }).tables.get('whole')?.ownColumns ?? [];
  t.deepEqual(
    own.filter(({ ephemeral }) => ephemeral).map(({ name }) => name),
    ['weak', 'root', 'word'],
  );
});

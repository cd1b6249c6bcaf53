/** Databases in the log format of the C server: what is in them, and how they become ours. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { formatJson, isArray, isObject, type Json, type JsonObject, JsonText, member } from '../../schema/json.ts';
import { schemaToJson } from '../../schema/schema.ts';
import { fileFormat, StorageError } from '../../server/file-format.ts';
import { convertLogFile } from '../../server/log-conversion.ts';
import { emptyTables, readLogDatabase } from '../../server/log-database.ts';
import { LogFile, logRecord } from '../../server/log-file.ts';
import { snapshotRecord } from '../../server/log-record.ts';
import type { Tables } from '../../server/references.ts';
import { readSchema } from '../../server/server-database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import { readCaseFiles } from '../helpers/case-file.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { runServer, startCServer } from '../helpers/server-process.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { runTransactFile } from '../helpers/transact-corpus.ts';
import { WireSubject } from '../helpers/wire-subject.ts';

const schemaFile = projectFile('test/cases/schemas/types.ovsschema');
const record = (json: Json): string => logRecord(new JsonText(formatJson(json)));
const uuids = Array.from({ length: 3 }, () => randomUUID());
const [first = '', second = ''] = uuids;

/** Each row as text, sorted. */
const rowTexts = (tables: Tables): string[] =>
  [...tables]
    .flatMap(([name, table]) =>
      [...table.rows()].map(
        (row) =>
          `${name} ${row.uuid} ${table.schema.ownColumns
            .filter(({ ephemeral }) => !ephemeral)
            .map((column) => `${column.name}=${row.get(column).text(column.type)}`)
            .sort()
            .join(' ')}`,
      ),
    )
    .sort();

const load = (path: string): Tables => {
  const storage = SqliteStorage.openReadOnly(path);
  const tables = emptyTables(storage.schema);
  storage.load(tables, randomUUID);
  storage.close();
  return tables;
};

const schema = readSchema(schemaFile);
const [tableName = '', tableSchema] =
  [...schema.tables].find(([, { isRoot, indexes }]) => isRoot && indexes.length === 0) ?? [];
const column = tableSchema?.ownColumns.find(({ type }) => type.key.type === 'string' && type.value === undefined);
const columnName = column?.name ?? '';
const insert = (uuid: string, text: string): JsonObject => ({ [tableName]: { [uuid]: { [columnName]: text } } });
const log = (...records: readonly Json[]): string => [schemaToJson(schema), ...records].map(record).join('');

const cTest = testRequiring(cPrograms());
for (const file of readCaseFiles('transact')) {
  cTest(`what the C server stored is read whole: ${file.name}`, async (t) => {
    const server = await startCServer(t, file.schema);
    const subject = await WireSubject.connect(t, server, file.schema);
    await runTransactFile(subject, file.cases);
    for (const each of file.cases) for (const { ask } of each.steps.slice(0, 1)) await keep(subject, ask);
    const path = join(temporaryFolder(t), 'conf.db');
    copyFileSync(server.database, path);
    convertLogFile(path, randomUUID);
    const tables = load(path);
    const names = [...tables.keys()];
    const results = await subject.transact(names.map((table) => ({ op: 'select', table, where: [] })));
    const expected = emptyTables(readSchema(file.schema));
    const { fault } = readLogDatabase(LogFile.read(server.database), randomUUID);
    t.is(fault, undefined);
    t.deepEqual(rowTexts(tables), selectedTexts(dirname(path), expected, names, results));
  });
}

/** Runs a case's first step again, so that there are rows at the end. */
const keep = async (subject: WireSubject, ask: JsonObject): Promise<void> => {
  const operations = member(ask, 'transact');
  const insertions = isArray(operations)
    ? operations.filter((each) => isObject(each) && member(each, 'op') === 'insert')
    : [];
  for (const insertion of insertions) await subject.transact([insertion]);
};

/** What `select` said of each row, as `rowTexts` writes it. */
const selectedTexts = (folder: string, tables: Tables, names: readonly string[], results: Json): string[] => {
  if (!isArray(results)) throw new Error('no results');
  const snapshot: { [table: string]: { [uuid: string]: JsonObject } } = {};
  for (const [i, name] of names.entries()) {
    const result = results[i];
    const rows = isObject(result) ? member(result, 'rows') : undefined;
    const columns = new Set(tables.get(name)?.schema.ownColumns.flatMap((each) => (each.ephemeral ? [] : [each.name])));
    for (const row of isArray(rows) ? rows : []) {
      if (!isObject(row)) continue;
      const uuid = member(row, '_uuid');
      const data = Object.entries(row).filter(([each]) => columns.has(each));
      snapshot[name] = { ...snapshot[name], [isArray(uuid) ? String(uuid[1]) : '']: Object.fromEntries(data) };
    }
  }
  const schemaRecord = record(schemaToJson({ name: 'x', version: '', cksum: '', tables: schemasOf(tables) }));
  const path = join(folder, 'snapshot');
  writeFileSync(path, schemaRecord + record(snapshot));
  return rowTexts(readLogDatabase(LogFile.read(path), randomUUID).tables);
};
const schemasOf = (tables: Tables) => new Map([...tables].map(([name, table]) => [name, table.schema]));

test('a database is converted when ovsdb-server first opens it, and its original kept', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'real.db');
  const link = join(folder, 'conf.db');
  const original = log(insert(first, 'one'), insert(second, 'two'), { [tableName]: { [first]: null } });
  writeFileSync(path, original, { mode: 0o640 });
  symlinkSync('real.db', link);
  const server = await runServer(t, link);
  t.regex(
    server.log,
    /conf\.db: converted from Open vSwitch's log format to SQLite; the original is kept in .*real\.db\.ovsdb-log\n/,
  );
  t.notRegex(server.log, /ERR/);
  await server.stop();
  t.is(readFileSync(`${path}.ovsdb-log`, 'utf8'), original);
  t.is(statSync(path).mode & 0o777, 0o640);
  const [row, ...others] = rowTexts(load(link));
  t.regex(row ?? '', new RegExp(`${second} .*"two"`));
  t.deepEqual(others, []);
  const again = await runServer(t, link);
  t.notRegex(again.log, /converted/);
});

test('an earlier original is not overwritten', (t) => {
  const path = join(temporaryFolder(t), 'conf.db');
  for (const [text, kept] of [
    ['one', '.ovsdb-log'],
    ['two', '.ovsdb-log.1'],
    ['three', '.ovsdb-log.2'],
  ] as const) {
    writeFileSync(path, log(insert(first, text)));
    const original = readFileSync(path, 'utf8');
    convertLogFile(path, randomUUID);
    t.is(readFileSync(path + kept, 'utf8'), original);
    t.is(fileFormat(path), 'sqlite');
  }
});

const damaged: readonly { readonly what: string; readonly tail: string; readonly words: RegExp }[] = [
  {
    what: 'garbage',
    tail: `garbage\n${record(insert(second, 'behind'))}`,
    words: /parse error at offset \d+ in header line "garbage"/,
  },
  { what: 'a record cut short', tail: record(insert(second, 'x')).slice(0, -5), words: /error reading \d+ bytes/ },
  { what: 'a wrong hash', tail: record(insert(second, 'x')).replace('"x"', '"y"'), words: /have SHA-1 hash/ },
  { what: 'an unknown table', tail: record({ Nope: {} }), words: /No table named Nope/ },
  { what: 'a row that never was', tail: record({ [tableName]: { [second]: null } }), words: /does not exist/ },
];
for (const { what, tail, words } of damaged) {
  test(`the good part is kept, and the rest reported: ${what}`, async (t) => {
    const path = join(temporaryFolder(t), 'conf.db');
    const original = log(insert(first, 'one')) + tail;
    writeFileSync(path, original);
    const server = await runServer(t, path);
    t.regex(server.log, words);
    t.regex(server.log, /ERR\|.*the last \d+ bytes could not be used; they are kept in .*\.ovsdb-log/);
    await server.stop();
    const rows = rowTexts(load(path));
    t.is(rows.length, 1);
    t.regex(rows[0] ?? '', new RegExp(`${first} .*"one"`));
    t.is(readFileSync(`${path}.ovsdb-log`, 'utf8'), original);
  });
}

test('a file without a schema is left alone', (t) => {
  const path = join(temporaryFolder(t), 'conf.db');
  const original = record({});
  writeFileSync(path, original);
  t.throws(() => convertLogFile(path, randomUUID), { instanceOf: StorageError, message: /Required 'name' member/ });
  t.is(readFileSync(path, 'utf8'), original);
  t.deepEqual(
    readdirSync(dirname(path)).filter((name) => !name.startsWith('.')),
    ['conf.db'],
  );
});

test('a leftover of SQLite beside a log is not mixed into it', (t) => {
  const path = join(temporaryFolder(t), 'conf.db');
  writeFileSync(path, log(insert(first, 'one')));
  writeFileSync(`${path}-wal`, 'x');
  t.throws(() => convertLogFile(path, randomUUID), { message: /conf\.db-wal beside it/ });
  t.is(fileFormat(path), 'log');
});

test('differences are applied as the C server means them', (t) => {
  const set = [...schema.tables].flatMap(([name, table]) =>
    table.ownColumns.flatMap((each) =>
      table.isRoot && each.type.key.type === 'integer' && each.type.value === undefined && each.type.max > 3
        ? [{ table: name, column: each.name }]
        : [],
    ),
  )[0];
  if (set === undefined) throw new Error('the schema has no set');
  const path = join(temporaryFolder(t), 'log');
  const change = (value: Json) => ({ [set.table]: { [first]: { [set.column]: value } }, _is_diff: true });
  const records = [change(['set', [1, 2]]), change(['set', [2, 3]])];
  writeFileSync(path, log({ [set.table]: { [first]: {} } }, ...records));
  const { tables, fault } = readLogDatabase(LogFile.read(path), randomUUID);
  t.is(fault, undefined);
  t.regex(rowTexts(tables)[0] ?? '', new RegExp(`${set.column}=\\["set",\\[1,3\\]\\]`));
});

test('what is written can be read', (t) => {
  const path = join(temporaryFolder(t), 'log');
  writeFileSync(path, log(insert(first, 'one "é"'), insert(second, 'two')));
  const { tables } = readLogDatabase(LogFile.read(path), randomUUID);
  const copy = join(temporaryFolder(t), 'log');
  writeFileSync(copy, log() + logRecord(snapshotRecord(tables, { comment: 'a "copy"', date: 5 })));
  const read = readLogDatabase(LogFile.read(copy), randomUUID);
  t.is(read.fault, undefined);
  t.deepEqual(rowTexts(read.tables), rowTexts(tables));
});

test.serial('a conversion that is killed leaves the original or the whole database', async (t) => {
  const path = join(temporaryFolder(t), 'conf.db');
  const rows = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [randomUUID(), { [columnName]: `row ${i}` }]));
  const original = log({ [tableName]: rows });
  const program = projectFile('dist/test/fixtures/convert-log.js');
  for (let round = 0; round < 8; round++) {
    writeFileSync(path, original);
    const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    await delay(round * 25);
    child.kill('SIGKILL');
    await exited;
    if (fileFormat(path) === 'log') {
      t.is(readFileSync(path, 'utf8'), original);
      convertLogFile(path, randomUUID);
    }
    t.is(rowTexts(load(path)).length, 2000);
    t.true(existsSync(`${path}.ovsdb-log`));
    t.is(readFileSync(`${path}.ovsdb-log`, 'utf8'), original);
  }
});

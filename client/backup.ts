import { randomUUID } from 'node:crypto';
import { isatty } from 'node:tty';
import { logFor } from '../rpc/log.ts';
import { sameSchema } from '../rpc/schema-file.ts';
import type { Atom } from '../schema/atom.ts';
import type { Datum } from '../schema/datum.ts';
import { formatJson, isArray, isObject, type Json, type JsonObject, JsonText } from '../schema/json.ts';
import type { Row } from '../schema/row.ts';
import { type Column, type DatabaseSchema, schemaToJson, uuidColumn } from '../schema/schema.ts';
import type { BaseType, ColumnType } from '../schema/type.ts';
import { readLogDatabase } from '../server/log-database.ts';
import { LogFile, logRecord } from '../server/log-file.ts';
import type { Tables } from '../server/references.ts';
import type { Online, Run } from './command.ts';
import { rowsOf, selectOperation } from './dump.ts';
import { Failure } from './failure.ts';
import { checkResults } from './wait.ts';

const log = logFor('ovsdb_client');

const isKept = ({ ephemeral }: Column): boolean => !ephemeral;

/** Prints a database as a file of Open vSwitch's log format. */
export const backup: Run<Online> = async ({ connection, database, print }) => {
  if (isatty(1)) throw new Failure('not writing backup to a terminal; please redirect stdout to a file');
  const schema = await connection.getSchema(database);
  const tables = [...schema.tables.values()];
  const operations = tables.map((table) =>
    selectOperation(table.name, [uuidColumn, ...table.ownColumns.filter(isKept)]),
  );
  const reply = await connection.request('transact', [database, ...operations]);
  if (!isArray(reply) || reply.length !== tables.length) {
    throw new Failure(`reply is not array of ${tables.length} elements: ${formatJson(reply)}`);
  }
  const contents = tables.map(({ name }, i) => [name, rowsByUuid(name, rowsOf(name, reply[i] ?? null))] as const);
  const record = {
    ...Object.fromEntries(contents.filter(([, rows]) => Object.keys(rows).length > 0)),
    _comment: 'produced by "ovsdb-client backup"',
    _date: Date.now(),
  };
  print(logRecord(new JsonText(formatJson(schemaToJson(schema)))));
  print(logRecord(new JsonText(formatJson(record))));
};

const rowsByUuid = (table: string, rows: readonly Json[]): JsonObject =>
  Object.fromEntries(
    rows.map((row) => {
      if (!isObject(row)) throw new Failure(`${table} table reply row is not an object: ${formatJson(row)}`);
      const { _uuid: uuid, ...columns } = row;
      if (!isArray(uuid)) throw new Failure(`${table} table reply row lacks _uuid member: ${formatJson(row)}`);
      return [String(uuid[1]), columns];
    }),
  );

/** Replaces what a database holds by what a backup holds, as one transaction. */
export const restore: Run<Online> = async ({ connection, database, settings }) => {
  if (isatty(0)) throw new Failure('not reading backup from a terminal; please redirect stdin from a file');
  const { schema, tables, fault } = readLogDatabase(LogFile.read(0, '/dev/stdin'), randomUUID);
  if (fault !== undefined) throw fault.error;
  compareSchemas(schema, await connection.getSchema(database), settings.force);
  checkResults(await connection.request('transact', [schema.name, ...restoration(tables)]));
};

const compareSchemas = (backup: DatabaseSchema, online: DatabaseSchema, force: boolean): void => {
  if (sameSchema(backup, online)) return;
  const difference =
    backup.version === online.version
      ? `backup schema and database schema are both version ${backup.version} but still differ`
      : `backup schema has version "${backup.version}" but database schema has version "${online.version}"`;
  if (!force) {
    throw new Failure(
      `${difference} (use --force to override differences, or "ovsdb-client convert" to change the schema)`,
    );
  }
  log.info(difference);
};

const restoration = (tables: Tables): JsonObject[] =>
  [...tables].flatMap(([name, table]) => [
    { op: 'delete', table: name, where: [] },
    ...[...table.rows()].map((row) => insertion(name, row)),
  ]);

const insertion = (table: string, row: Row): JsonObject => {
  const columns = row.table.ownColumns.filter((column) => isKept(column) && !row.isDefault(column));
  return {
    op: 'insert',
    table,
    'uuid-name': rowName(row.uuid),
    row: Object.fromEntries(
      columns.map(({ name, ...column }) => [name, namedJson(row.data[column.index], column.type)]),
    ),
  };
};

/** Rows get new UUIDs; references among them are by these names. */
const rowName = (uuid: string): string => `row${uuid.replaceAll('-', '_')}`;

const namedAtom = (atom: Atom, { type, refTable }: BaseType): Json => {
  if (type !== 'uuid') return atom;
  return refTable === undefined ? ['uuid', String(atom)] : ['named-uuid', rowName(String(atom))];
};

const namedJson = (datum: Datum | undefined, { key, value }: ColumnType): Json => {
  const elements = [...(datum?.elements() ?? [])];
  if (value === undefined) return ['set', elements.map(([atom]) => namedAtom(atom, key))];
  return ['map', elements.map(([atom, mapped]) => [namedAtom(atom, key), namedAtom(mapped ?? atom, value)])];
};

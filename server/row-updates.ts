import type { Datum } from '../schema/datum.ts';
import { patchDatum } from '../schema/datum-diff.ts';
import { parseDatum } from '../schema/datum-parser.ts';
import { OvsdbError, syntaxError } from '../schema/error.ts';
import { isArray, isObject, type Json, member } from '../schema/json.ts';
import { Row } from '../schema/row.ts';
import { type Column, type TableSchema, versionColumn } from '../schema/schema.ts';
import type { MonitorVersion } from './monitor-request.ts';
import type { Tables } from './references.ts';
import type { Table } from './table.ts';
import type { Transaction } from './transaction.ts';

/** What a monitor of another server's database told. */
export interface RowUpdates {
  /** `<table-updates>` or `<table-updates2>`. */
  readonly json: Json;
  /** Of the monitor that told it. */
  readonly version: MonitorVersion;
}

/** The tables here are not what the other server takes them for. */
const inconsistency = (details: string): OvsdbError => new OvsdbError('consistency violation', details);

/**
 * Changes rows as another server's monitor says, at the cost of what changes.
 * @throws OvsdbError
 */
export const applyUpdates = (tables: Tables, transaction: Transaction, { json, version }: RowUpdates): void => {
  for (const [name, rows] of members(json, '<table-updates>')) {
    const table = tables.get(name);
    if (table === undefined) throw new OvsdbError('unknown table', `unknown table ${name}`);
    for (const [uuid, update] of members(rows, '<table-update>')) {
      rowUpdates[version](transaction, table, uuid, update);
    }
  }
};

/**
 * Makes some tables hold just the rows that another server's monitor began with.
 * @param names those tables
 * @throws OvsdbError
 */
export const replaceRows = (
  tables: Tables,
  names: Iterable<string>,
  transaction: Transaction,
  updates: RowUpdates,
): void => {
  for (const name of names) {
    const kept = isObject(updates.json) ? member(updates.json, name) : undefined;
    const table = tables.get(name);
    for (const { uuid } of [...(table?.rows() ?? [])]) {
      if (table !== undefined && !(isObject(kept) && Object.hasOwn(kept, uuid))) transaction.delete(table, uuid);
    }
  }
  applyUpdates(tables, transaction, updates);
};

const members = (json: Json, what: string): [string, Json][] => {
  if (!isObject(json)) throw syntaxError(`${what} is not an object`, json);
  return Object.entries(json);
};

type RowUpdate = (transaction: Transaction, table: Table, uuid: string, json: Json) => void;

const put: RowUpdate = (transaction, table, uuid, json) => {
  const { data, version } = parseColumns(table.schema, json, false);
  transaction.insert(table, Row.create(table.schema, uuid, version ?? transaction.newUuid, data));
};

const remove: RowUpdate = (transaction, table, uuid) => {
  if (table.get(uuid) === undefined) throw inconsistency(`row ${uuid} of table ${table.schema.name} is not here`);
  transaction.delete(table, uuid);
};

const modify: RowUpdate = (transaction, table, uuid, json) => {
  const row = table.get(uuid);
  if (row === undefined) throw inconsistency(`row ${uuid} of table ${table.schema.name} is not here`);
  const { data, version } = parseColumns(table.schema, json, true);
  const changes = new Map<Column, Datum>();
  for (const [column, diff] of data) changes.set(column, patchDatum(column.type, row.get(column), diff));
  transaction.put(table, uuid, row.with(changes, version ?? transaction.newUuid));
};

/** RFC 7047 section 4.1.6: a row that is there after the update comes whole. */
const update1: RowUpdate = (transaction, table, uuid, json) => {
  const now = isObject(json) ? member(json, 'new') : undefined;
  if (now === undefined) remove(transaction, table, uuid, null);
  else put(transaction, table, uuid, now);
};

const kinds: ReadonlyMap<string, RowUpdate> = new Map([
  ['initial', put],
  ['insert', put],
  ['modify', modify],
  ['delete', remove],
]);

/** ovsdb-server(7), section 4.1.14. */
const update2: RowUpdate = (transaction, table, uuid, json) => {
  for (const [kind, value] of members(json, '<row-update2>')) kinds.get(kind)?.(transaction, table, uuid, value);
};

const rowUpdates: { readonly [version in MonitorVersion]: RowUpdate } = { 1: update1, 2: update2, 3: update2 };

interface Columns {
  readonly data: ReadonlyMap<Column, Datum>;
  readonly version: string | undefined;
}

/** @param partial the values are differences, which may have any number of elements */
const parseColumns = (table: TableSchema, json: Json, partial: boolean): Columns => {
  const data = new Map<Column, Datum>();
  let version: string | undefined;
  for (const [name, value] of members(json, '<row>')) {
    const column = table.column(name);
    if (column === versionColumn) version = isArray(value) ? String(value[1]) : undefined;
    else data.set(column, parseDatum(column.type, value, { anySize: partial }));
  }
  return { data, version };
};

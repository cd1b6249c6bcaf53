import { diffDatum, patchDatum } from '../schema/datum-diff.ts';
import { parseDatum } from '../schema/datum-parser.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../schema/json.ts';
import { Row } from '../schema/row.ts';
import type { Column, TableSchema } from '../schema/schema.ts';
import type { StoredTransaction } from './history.ts';
import type { Tables } from './references.ts';
import type { RowChange } from './transaction.ts';

const member = (column: Column, text: string): string => `"${column.name}":${text}`;

const isKept = ({ ephemeral }: Column): boolean => !ephemeral;

/** What takes a row back: "inserted", all of it, or the columns' differences in the direction of the past. */
const changeText = ({ uuid, old, new: now }: RowChange): string => {
  if (old === undefined) return `"${uuid}":"inserted"`;
  const { table } = old;
  if (now === undefined) {
    const columns = table.ownColumns.filter((column) => isKept(column) && !old.isDefault(column));
    return `"${uuid}":{"deleted":{${columns.map((column) => member(column, old.get(column).text(column.type))).join()}}}`;
  }
  const changed = old.changedColumns(now).filter(isKept);
  const diffs = changed.map((column) =>
    member(column, diffDatum(column.type, now.get(column), old.get(column)).text(column.type)),
  );
  return `"${uuid}":{"modified":{${diffs.join()}}}`;
};

/**
 * A transaction as the database file keeps it: each changed row with what undoes the change. Ephemeral columns are left
 * out. The rows themselves are in their tables, so that the past is found by going back from there.
 */
export const historyText = ({ id, changes }: StoredTransaction): string => {
  const tables = new Map<string, string[]>();
  for (const change of changes) {
    const { name } = change.table.schema;
    const rows = tables.get(name);
    if (rows === undefined) tables.set(name, [changeText(change)]);
    else rows.push(changeText(change));
  }
  return `["${id}",{${[...tables].map(([name, rows]) => `"${name}":{${rows.join()}}`).join()}}]`;
};

/**
 * Reads transactions back, given newest first, as `historyText` wrote them.
 * @param tables as they were after the newest
 * @returns oldest first
 */
export const parseHistory = (tables: Tables, texts: Iterable<string>): StoredTransaction[] => {
  /** Rows that differ from those of `tables` at the point in the past that has been reached. */
  const past = new Map<string, Row | undefined>();
  const transactions: StoredTransaction[] = [];
  for (const text of texts) {
    const json = parseJson(text);
    const [id, tablesJson] = isArray(json) ? json : [];
    if (typeof id !== 'string' || !isObject(tablesJson)) continue;
    transactions.push({ id, changes: parseTables(tables, tablesJson, past) });
  }
  return transactions.reverse();
};

const parseTables = (tables: Tables, json: JsonObject, past: Map<string, Row | undefined>): RowChange[] => {
  const changes: RowChange[] = [];
  for (const [name, rows] of Object.entries(json)) {
    const table = tables.get(name);
    if (table === undefined || !isObject(rows)) continue;
    for (const [uuid, change] of Object.entries(rows)) {
      const key = `${name} ${uuid}`;
      const now = past.has(key) ? past.get(key) : table.get(uuid);
      const old = undo(table.schema, uuid, now, change);
      past.set(key, old);
      changes.push({ table, uuid, old, new: now });
    }
  }
  return changes;
};

const undo = (schema: TableSchema, uuid: string, now: Row | undefined, json: Json): Row | undefined => {
  if (!isObject(json)) return undefined;
  const { deleted, modified } = json;
  if (isObject(deleted)) return Row.create(schema, uuid, '', parseColumns(schema, deleted));
  if (now === undefined || !isObject(modified)) return now;
  const changes = new Map(parseColumns(schema, modified));
  for (const [column, diff] of changes) changes.set(column, patchDatum(column.type, now.get(column), diff));
  return now.with(changes);
};

const parseColumns = (schema: TableSchema, json: JsonObject) =>
  new Map(
    Object.entries(json).map(([name, value]) => {
      const column = schema.column(name);
      return [column, parseDatum(column.type, value, { anySize: true })] as const;
    }),
  );

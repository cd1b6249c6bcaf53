import type { Datum } from '../schema/datum.ts';
import { patchDatum } from '../schema/datum-diff.ts';
import { parseDatum } from '../schema/datum-parser.ts';
import { OvsdbError, syntaxError } from '../schema/error.ts';
import { isObject, type Json, type JsonObject, JsonText } from '../schema/json.ts';
import { Row } from '../schema/row.ts';
import type { Column, TableSchema } from '../schema/schema.ts';
import { isUuid } from '../schema/uuid.ts';
import { checkTransaction } from './commit.ts';
import type { Tables } from './references.ts';
import type { Table } from './table.ts';
import { type RowChange, Transaction } from './transaction.ts';

/** The members of a transaction's record that are not tables. */
const annotations: ReadonlySet<string> = new Set(['_comment', '_date', '_is_diff']);

/** A record's transaction breaks a rule of the schema. */
export class RefusedRecord extends Error {}

export interface ReplayOptions {
  readonly newUuid: () => string;
  /** Whether tables and columns that the schema lacks are passed over, as where the data meet another schema. */
  readonly converting?: boolean;
}

/**
 * Runs the transaction of a log file's record (ovsdb(5)) against the tables.
 * @throws OvsdbError when it cannot be understood; RefusedRecord; it has changed nothing then
 */
export const applyRecord = (tables: Tables, json: Json, options: ReplayOptions): void => {
  const transaction = new Transaction(options.newUuid);
  try {
    readTables(tables, json, new RowReader(transaction, json, options), options);
  } catch (error) {
    transaction.undo();
    throw error;
  }
  try {
    checkTransaction(tables, transaction);
  } catch (error) {
    transaction.undo();
    if (error instanceof OvsdbError) throw new RefusedRecord(error.message, { cause: error });
    throw error;
  }
};

const readTables = (tables: Tables, json: Json, reader: RowReader, { converting = false }: ReplayOptions): void => {
  if (!isObject(json)) throw syntaxError('object expected', json);
  for (const [name, rows] of Object.entries(json)) {
    const table = tables.get(name);
    if (table !== undefined) readRows(table, rows, reader);
    else if (!annotations.has(name) && !converting) {
      throw new OvsdbError('unknown table', `No table named ${name}.`, json);
    }
  }
};

const readRows = (table: Table, json: Json, reader: RowReader): void => {
  if (!isObject(json)) throw syntaxError('object expected', json);
  for (const [uuid, row] of Object.entries(json)) {
    if (!isUuid(uuid)) throw syntaxError(`"${uuid}" is not a valid UUID`, json);
    reader.read(table, uuid.toLowerCase(), row);
  }
};

/** Puts the rows of one record into the tables. */
class RowReader {
  readonly #transaction: Transaction;
  readonly #options: ReplayOptions;
  /** Whether columns of rows that exist hold differences. */
  readonly #isDiff: boolean;

  constructor(transaction: Transaction, record: Json, options: ReplayOptions) {
    this.#transaction = transaction;
    this.#options = options;
    this.#isDiff = isObject(record) && record['_is_diff'] === true;
  }

  read(table: Table, uuid: string, json: Json): void {
    const row = table.get(uuid);
    if (json === null) {
      if (row === undefined) throw syntaxError(`transaction deletes row ${uuid} that does not exist`);
      this.#transaction.delete(table, uuid);
      return;
    }
    if (!isObject(json)) throw syntaxError('row must be JSON object', json);
    const columns = this.#columns(table.schema, row, json);
    if (row !== undefined) this.#transaction.modify(table, row, columns);
    else this.#transaction.insert(table, Row.create(table.schema, uuid, this.#transaction.newUuid, columns));
  }

  #columns(schema: TableSchema, row: Row | undefined, json: JsonObject): Map<Column, Datum> {
    const columns = new Map<Column, Datum>();
    for (const [name, value] of Object.entries(json)) {
      if (this.#options.converting && !schema.columns.has(name)) continue;
      const column = schema.column(name, json);
      columns.set(column, this.#datum(column, row, value));
    }
    return columns;
  }

  /** What was at its default is never told as a difference. */
  #datum(column: Column, row: Row | undefined, json: Json): Datum {
    if (!this.#isDiff || row === undefined || row.isDefault(column)) return parseDatum(column.type, json);
    return patchDatum(column.type, row.get(column), parseDatum(column.type, json, { anySize: true }));
  }
}

/** What a record tells of a transaction beyond its changes. */
export interface Annotation {
  readonly comment?: string;
  /** Milliseconds since 1970. */
  readonly date: number;
}

const member = (name: string, text: string): string => `${JSON.stringify(name)}:${text}`;
const object = (members: readonly string[]): string => `{${members.join()}}`;

const isKept = ({ ephemeral }: Column): boolean => !ephemeral;

const rowText = (row: Row, columns: readonly Column[]): string =>
  object(columns.map((column) => member(column.name, row.get(column).text(column.type))));

/** A row as it is new: the columns that are not at their default. */
const newRowText = (row: Row): string =>
  rowText(
    row,
    row.table.ownColumns.filter((column) => isKept(column) && !row.isDefault(column)),
  );

const recordText = (tables: ReadonlyMap<string, string[]>, { comment, date }: Annotation): JsonText =>
  new JsonText(
    object([
      ...[...tables].map(([name, rows]) => member(name, object(rows))),
      ...(comment === undefined ? [] : [member('_comment', JSON.stringify(comment))]),
      member('_date', String(date)),
    ]),
  );

/** The record of a transaction that makes these rows in an empty database. */
export const snapshotRecord = (tables: Tables, annotation: Annotation): JsonText => {
  const texts = new Map<string, string[]>();
  for (const [name, table] of tables) {
    const rows = [...table.rows()].map((row) => member(row.uuid, newRowText(row)));
    if (rows.length > 0) texts.set(name, rows);
  }
  return recordText(texts, annotation);
};

/** The record of a transaction that made these changes. */
export const changesRecord = (changes: readonly RowChange[], annotation: Annotation): JsonText => {
  const texts = new Map<string, string[]>();
  for (const change of changes) {
    const text = changeText(change);
    if (text === undefined) continue;
    const { name } = change.table.schema;
    const rows = texts.get(name) ?? [];
    rows.push(member(change.uuid, text));
    texts.set(name, rows);
  }
  return recordText(texts, annotation);
};

/** Undefined where nothing changed that is kept. */
const changeText = ({ old, new: now }: RowChange): string | undefined => {
  if (now === undefined) return 'null';
  if (old === undefined) return newRowText(now);
  const changed = old.changedColumns(now).filter(isKept);
  return changed.length > 0 ? rowText(now, changed) : undefined;
};

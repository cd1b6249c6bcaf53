import type { Cell } from '../rpc/table.ts';
import type { Datum } from '../schema/datum.ts';
import { compareData } from '../schema/datum-order.ts';
import { formatJson, isArray, isObject, type Json, member } from '../schema/json.ts';
import type { Column, DatabaseSchema, TableSchema } from '../schema/schema.ts';
import { versionColumn } from '../schema/schema.ts';
import type { Online, Run } from './command.ts';
import { Failure } from './failure.ts';
import { byName } from './schema-commands.ts';
import { parseLenient } from './value.ts';

/** A table to dump, and which columns of it. */
interface Selection {
  readonly table: TableSchema;
  readonly columns: readonly Column[];
}

export const dump: Run<Online> = async ({ connection, database, printTable }, args) => {
  const selections = select(await connection.getSchema(database), args);
  const operations = selections.map(({ table, columns }) => selectOperation(table.name, columns));
  const reply = await connection.request('transact', [database, ...operations]);
  if (!isArray(reply) || reply.length !== selections.length) {
    throw new Failure(`reply is not array of ${selections.length} elements: ${formatJson(reply)}`);
  }
  for (const [i, { table, columns }] of selections.entries()) {
    const rows = rowsOf(table.name, reply[i] ?? null);
    const sorted = rows
      .map((row, y) => readRow(table.name, columns, row, y))
      .sort((a, b) => compareRows(columns, a, b));
    printTable({
      caption: `${table.name} table`,
      headings: columns.map(({ name }) => name),
      rows: sorted.map((row) => row.map((datum, x): Cell => ({ datum, type: (columns[x] ?? versionColumn).type }))),
    });
  }
};

const select = ({ tables }: DatabaseSchema, [tableName, ...columnNames]: readonly string[]): Selection[] => {
  if (tableName === undefined) return byName(tables.values()).map((table) => ({ table, columns: allColumns(table) }));
  const table = tables.get(tableName);
  if (table === undefined) throw new Failure(`No table "${tableName}" found.`);
  if (columnNames.length === 0) return [{ table, columns: allColumns(table) }];
  const columns = columnNames.map((name) => {
    const column = table.columns.get(name);
    if (column === undefined) throw new Failure(`Table "${tableName}" has no column ${name}.`);
    return column;
  });
  return [{ table, columns: byName(columns.filter((column) => column !== versionColumn)) }];
};

const allColumns = ({ columns }: TableSchema): Column[] =>
  byName([...columns.values()].filter((column) => column !== versionColumn));

export const selectOperation = (table: string, columns: readonly Column[]) => ({
  op: 'select',
  table,
  where: [],
  columns: columns.map(({ name }) => name),
});

/**
 * The rows of the answer to a `select`.
 * @throws Failure
 */
export const rowsOf = (table: string, result: Json): readonly Json[] => {
  const rows = isObject(result) ? member(result, 'rows') : undefined;
  if (isArray(rows)) return rows;
  throw new Failure(`${table} table reply is not an object with a "rows" member array: ${formatJson(result)}`);
};

const readRow = (table: string, columns: readonly Column[], row: Json, y: number): Datum[] => {
  if (!isObject(row)) {
    throw new Failure(`row ${y} in table ${table} response is not a JSON object: ${formatJson(row)}`);
  }
  return columns.map(({ name, type }) => {
    const value = member(row, name);
    if (value === undefined) throw new Failure(`row ${y} in table ${table} response lacks ${name} column`);
    return parseLenient(type, value);
  });
};

/** UUIDs differ from run to run: they decide only where nothing else does. */
const compareRows = (columns: readonly Column[], a: readonly Datum[], b: readonly Datum[]): number =>
  compareColumns(columns, a, b, false) || compareColumns(columns, a, b, true);

const compareColumns = (
  columns: readonly Column[],
  a: readonly Datum[],
  b: readonly Datum[],
  uuids: boolean,
): number => {
  for (const [x, { type }] of columns.entries()) {
    const [one, other] = [a[x], b[x]];
    if ((type.key.type === 'uuid') !== uuids || one === undefined || other === undefined) continue;
    const order = compareData(one, other);
    if (order !== 0) return order;
  }
  return 0;
};

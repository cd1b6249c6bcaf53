import { parseDatum } from '../schema/datum-parser.ts';
import { parseJson } from '../schema/json.ts';
import { Row, type Version } from '../schema/row.ts';
import type { DatabaseSchema, TableSchema } from '../schema/schema.ts';
import { checkTransaction } from './commit.ts';
import type { Tables } from './references.ts';
import { Table } from './table.ts';
import { Transaction } from './transaction.ts';

/**
 * The rows of a database under another schema (ovsdb-server(7), section 4.1.19): what both schemas know is kept where the
 * new type can hold it, what the new one adds is at its default, the rest is dropped.
 * @throws OvsdbError when a value does not fit its new type, or the rows together break a rule of the schema
 */
export const convertTables = (tables: Tables, schema: DatabaseSchema, newUuid: () => string): Tables => {
  const converted = new Map([...schema.tables].map(([name, table]) => [name, new Table(table)]));
  const transaction = new Transaction(newUuid);
  for (const [name, table] of converted) {
    for (const row of tables.get(name)?.rows() ?? []) {
      transaction.insert(table, convertRow(row, table.schema, newUuid));
    }
  }
  checkTransaction(converted, transaction);
  return converted;
};

const convertRow = (row: Row, schema: TableSchema, version: Version): Row => {
  const data = new Map();
  for (const column of schema.ownColumns) {
    const old = row.table.columns.get(column.name);
    if (old !== undefined) data.set(column, parseDatum(column.type, parseJson(row.get(old).text(old.type))));
  }
  return Row.create(schema, row.uuid, version, data);
};

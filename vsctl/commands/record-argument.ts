import type { Column, TableSchema } from '../../schema/schema.ts';
import type { Context, Invocation } from '../context.ts';
import type { RowRef } from '../edit.ts';
import { findTable } from '../name.ts';
import { findRecord, getRecord } from '../record.ts';

/** The record, or undefined if it is absent and the command may be given absent ones. */
export const recordOf = (
  { view, schema }: Context,
  invocation: Invocation,
  columns: (table: TableSchema) => Column[],
): RowRef | undefined => {
  const [tableName = '', record = ''] = invocation.arguments;
  const table = findTable(schema, tableName);
  const find = invocation.options.has('--if-exists') ? findRecord : getRecord;
  return find(view, table, record, columns(table));
};

import { Datum } from '../../schema/datum.ts';
import { difference } from '../../schema/difference.ts';
import type { Column, DatabaseSchema } from '../../schema/schema.ts';
import { isMap } from '../../schema/type.ts';
import { isUuid } from '../../schema/uuid.ts';
import { columnOf } from '../column-argument.ts';
import type { Command } from '../command.ts';
import type { Context, Invocation, Output } from '../context.ts';
import type { RowRef } from '../edit.ts';
import { CommandFailure } from '../failure.ts';
import { checkWritable, findColumn, findTable } from '../name.ts';
import { findRecord, getRecord } from '../record.ts';
import { assignColumn } from '../setting.ts';
import { anyNumber, parseValue } from '../value.ts';
import { recordOf } from './record-argument.ts';

const set = (context: Context, invocation: Invocation): Output => {
  const [, , ...settings] = invocation.arguments;
  const row = recordOf(context, invocation, (table) => settings.map((each) => columnOf(table, each)));
  if (row === undefined) return '';
  for (const setting of settings) assignColumn(context, row, setting);
  return '';
};

const checkSet = (schema: DatabaseSchema, { arguments: [tableName = '', , ...settings] }: Invocation): void => {
  const table = findTable(schema, tableName);
  for (const setting of settings) columnOf(table, setting);
};

const add = (context: Context, invocation: Invocation): Output => {
  const { view, symbols } = context;
  const [, , columnName = '', ...values] = invocation.arguments;
  const row = recordOf(context, invocation, (table) => [findColumn(table, columnName)]);
  if (row === undefined) return '';
  const column = checkWritable(row.table, findColumn(row.table, columnName));
  const { type } = column;
  const before = view.get(row, column);
  if (isBounded(column)) view.guard(row, column);
  let after = before;
  for (const value of values) {
    // A key that a map has keeps its value.
    for (const [key, mapped] of parseValue(value, type, symbols, anyNumber).elements()) {
      if (!after.has(key)) after = after.put(key, mapped);
    }
  }
  checkCount('add', row, column, after);
  if (type.max === 1) view.assign(row, column, after);
  else for (const change of difference(before, after)) view.put(row, column, change.key, after.get(change.key));
  return '';
};

/** Whether it depends on what a column has what may be added or removed: else any change may be made blindly. */
const isBounded = ({ type }: Column): boolean => isMap(type) || type.min > 0 || type.max !== Infinity;

const checkCount = (operation: 'add' | 'remove', { table }: RowRef, { name, type }: Column, value: Datum): void => {
  const { min, max } = type;
  if (value.size >= min && value.size <= max) return;
  const noun = isMap(type) ? 'pairs' : 'values';
  const limit = value.size > max ? `maximum number is ${max}` : `minimum number is ${min}`;
  throw new CommandFailure(
    `"${operation}" operation would put ${value.size} ${noun} in column ${name} of table ${table.name} but the ${limit}`,
  );
};

const checkColumns = (schema: DatabaseSchema, tableName: string, columns: readonly string[]): void => {
  const table = findTable(schema, tableName);
  for (const column of columns) findColumn(table, column);
};

const remove = (context: Context, invocation: Invocation): Output => {
  const { view } = context;
  const [, , columnName = '', ...values] = invocation.arguments;
  const row = recordOf(context, invocation, (table) => [findColumn(table, columnName)]);
  if (row === undefined) return '';
  const column = checkWritable(row.table, findColumn(row.table, columnName));
  const before = view.get(row, column);
  if (isBounded(column)) view.guard(row, column);
  let after = before;
  for (const value of values) {
    for (const [key, mapped] of parseRemoval(context, column, value).elements()) {
      if (mapped === undefined || after.get(key) === mapped) after = after.remove(key);
    }
  }
  checkCount('remove', row, column, after);
  if (column.type.max === 1) view.assign(row, column, after);
  else for (const { key } of difference(before, after)) view.remove(row, column, key);
  return '';
};

/** What to remove: members, or of a map pairs, or failing that only keys. */
const parseRemoval = ({ symbols }: Context, { type }: Column, text: string): Datum => {
  try {
    return parseValue(text, type, symbols, anyNumber);
  } catch (error) {
    if (!(error instanceof CommandFailure) || !isMap(type)) throw error;
    return parseValue(text, { key: type.key, min: type.min, max: type.max }, symbols, anyNumber);
  }
};

const clear = (context: Context, invocation: Invocation): Output => {
  const [, , ...names] = invocation.arguments;
  const row = recordOf(context, invocation, (table) => names.map((name) => findColumn(table, name)));
  if (row === undefined) return '';
  for (const name of names) {
    const column = checkWritable(row.table, findColumn(row.table, name));
    if (column.type.min > 0) {
      throw new CommandFailure(
        `"clear" operation cannot be applied to column ${column.name} of table ${row.table.name}, which is not allowed to be empty`,
      );
    }
    context.view.assign(row, column, Datum.empty);
  }
  return '';
};

const create = (context: Context, { options, arguments: [tableName = '', ...settings] }: Invocation): Output => {
  const { view, schema, symbols } = context;
  const table = findTable(schema, tableName);
  const id = options.get('--id');
  const row = id === undefined ? view.insert(table) : view.insert(table, symbols.create(id, table.isRoot), isUuid(id));
  for (const setting of settings) assignColumn(context, row, setting);
  return { uuidOf: row };
};

const checkCreate = (
  schema: DatabaseSchema,
  { options, arguments: [tableName = '', ...settings] }: Invocation,
  warn: Context['warn'],
): void => {
  const table = findTable(schema, tableName);
  if (!options.has('--id') && !table.isRoot) {
    warn('db_ctl_base', `applying "create" command to table ${table.name} without --id option will have no effect`);
  }
  for (const setting of settings) columnOf(table, setting);
};

const destroy = (context: Context, { options, arguments: [tableName = '', ...records] }: Invocation): Output => {
  const { view, schema } = context;
  const table = findTable(schema, tableName);
  const all = options.has('--all');
  const mustExist = !options.has('--if-exists');
  if (all && records.length > 0) {
    throw new CommandFailure('--all and records argument should not be specified together');
  }
  if (all && !mustExist) throw new CommandFailure('--all and --if-exists should not be specified together');
  if (all) for (const row of view.all(table)) view.delete(row);
  for (const record of records) {
    const row = mustExist ? getRecord(view, table, record) : findRecord(view, table, record);
    if (row !== undefined) view.delete(row);
  }
  return '';
};

const checkDestroy = (
  schema: DatabaseSchema,
  { options, arguments: [tableName = '', ...records] }: Invocation,
  warn: Context['warn'],
): void => {
  findTable(schema, tableName);
  if (!options.has('--all') && records.length === 0) {
    warn('db_ctl_base', 'either --all or records argument should be specified');
  }
};

export const writingCommands: readonly Command[] = [
  {
    name: 'set',
    minArguments: 3,
    maxArguments: Infinity,
    usage: 'TABLE RECORD COLUMN[:KEY]=VALUE...',
    about: 'set columns, or keys of a column, of a record',
    options: ['--if-exists'],
    writes: true,
    check: checkSet,
    run: set,
  },
  {
    name: 'add',
    minArguments: 4,
    maxArguments: Infinity,
    usage: 'TABLE RECORD COLUMN [KEY=]VALUE...',
    about: 'add values to a column, or keys with values',
    options: ['--if-exists'],
    writes: true,
    run: add,
    check: (schema, { arguments: [table = '', , column = ''] }) => checkColumns(schema, table, [column]),
  },
  {
    name: 'remove',
    minArguments: 4,
    maxArguments: Infinity,
    usage: 'TABLE RECORD COLUMN KEY|VALUE|KEY=VALUE...',
    about: 'remove values from a column, or keys',
    options: ['--if-exists'],
    writes: true,
    run: remove,
    check: (schema, { arguments: [table = '', , column = ''] }) => checkColumns(schema, table, [column]),
  },
  {
    name: 'clear',
    minArguments: 3,
    maxArguments: Infinity,
    usage: 'TABLE RECORD COLUMN...',
    about: 'empty columns of a record',
    options: ['--if-exists'],
    writes: true,
    run: clear,
    check: (schema, { arguments: [table = '', , ...columns] }) => checkColumns(schema, table, columns),
  },
  {
    name: 'create',
    minArguments: 2,
    maxArguments: Infinity,
    usage: 'TABLE COLUMN[:KEY]=VALUE...',
    about: 'make a record, and print its UUID',
    options: ['--id='],
    writes: true,
    check: checkCreate,
    run: create,
  },
  {
    name: 'destroy',
    minArguments: 1,
    maxArguments: Infinity,
    usage: 'TABLE [RECORD]...',
    about: 'delete records',
    options: ['--if-exists', '--all'],
    writes: true,
    check: checkDestroy,
    run: destroy,
  },
];

import type { Table } from '../../rpc/table.ts';
import { Datum, difference } from '../../schema/datum.ts';
import { printAtom, printDatum } from '../../schema/print.ts';
import { type Column, type DatabaseSchema, type TableSchema, uuidColumn } from '../../schema/schema.ts';
import { isMap } from '../../schema/type.ts';
import { isSatisfied, parseAssignment, parseColumnKey, parseCondition } from '../column-argument.ts';
import type { Command } from '../command.ts';
import type { Context, Invocation, Output } from '../context.ts';
import type { RowRef } from '../edit.ts';
import { CommandFailure, TryAgain } from '../failure.ts';
import { checkWritable, findColumn, findListedColumn, findTable, findWritableColumn } from '../name.ts';
import { findRecord, getRecord } from '../record.ts';
import { assignColumn } from '../setting.ts';
import { anyNumber, parseAtom, parseValue } from '../value.ts';

/** The record, or undefined if it is absent and the command may be given absent ones. */
const recordOf = (
  { view, schema }: Context,
  invocation: Invocation,
  columns: (table: TableSchema) => Column[],
): RowRef | undefined => {
  const [tableName = '', record = ''] = invocation.arguments;
  const table = findTable(schema, tableName);
  const find = invocation.options.has('--if-exists') ? findRecord : getRecord;
  return find(view, table, record, columns(table));
};

const get = (context: Context, invocation: Invocation): Output => {
  const { options } = invocation;
  const [, record = '', ...keys] = invocation.arguments;
  const id = options.get('--id');
  if (id !== undefined && options.has('--if-exists')) {
    throw new CommandFailure('--if-exists and --id may not be specified together');
  }
  const row = recordOf(context, invocation, (table) => keys.map((key) => parseColumnKey(table, key).column));
  if (row === undefined) return '';
  if (id !== undefined) context.symbols.bind(id, row.uuid);
  return keys.map((key) => `${getOne(context, row, record, key, !options.has('--if-exists'))}\n`).join('');
};

const getOne = (
  { view, symbols }: Context,
  row: RowRef,
  record: string,
  argument: string,
  mustExist: boolean,
): string => {
  const { column, key } = parseColumnKey(row.table, argument);
  const { type, name } = column;
  const datum = view.get(row, column);
  view.guard(row, column);
  if (key === undefined) return printDatum(datum, type);
  if (type.value === undefined) throw new CommandFailure(`cannot specify key to get for non-map column ${name}`);
  const value = datum.get(parseAtom(key, type.key, symbols));
  if (value !== undefined) return printAtom(value, type.value);
  if (mustExist) throw new CommandFailure(`no key "${key}" in ${row.table.name} record "${record}" column ${name}`);
  return '';
};

const checkGet = (schema: DatabaseSchema, { arguments: [tableName = '', , ...keys] }: Invocation): void => {
  const table = findTable(schema, tableName);
  for (const key of keys) parseColumnKey(table, key);
};

/** The columns that `--columns` names, or all: the row's uuid, then the others by name. */
const listedColumns = (table: TableSchema, { options }: Invocation): Column[] => {
  const names = options.get('--columns');
  if (names === undefined) {
    const others = table.ownColumns.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return [uuidColumn, ...others];
  }
  const wanted = names.split(/[, ]+/).filter((name) => name !== '');
  if (wanted.length === 0) throw new CommandFailure('must specify at least one column name');
  return wanted.map((name) => findListedColumn(table, name));
};

const tableOf = ({ view }: Context, rows: readonly RowRef[], columns: readonly Column[]): Table => {
  view.load(rows, columns);
  return {
    headings: columns.map(({ name }) => name),
    rows: rows.map((row) => columns.map((column) => ({ type: column.type, datum: view.get(row, column) }))),
  };
};

const list = (context: Context, invocation: Invocation): Output => {
  const { view, schema } = context;
  const [tableName = '', ...records] = invocation.arguments;
  const table = findTable(schema, tableName);
  const columns = listedColumns(table, invocation);
  if (records.length === 0) return tableOf(context, inOrder(context, table, columns), columns);
  const find = invocation.options.has('--if-exists') ? findRecord : getRecord;
  const rows: RowRef[] = [];
  for (const record of records) {
    const row = find(view, table, record, columns);
    if (row !== undefined) rows.push(row);
  }
  return tableOf(context, rows, columns);
};

/** All rows of a table: by name where they have one, else by uuid. */
const inOrder = ({ view }: Context, table: TableSchema, columns: readonly Column[]): RowRef[] => {
  const name = table.columns.get('name');
  const needed = name === undefined ? columns : [...columns, name];
  const rows = view.all(table, needed);
  view.load(rows, needed);
  const keyOf = (row: RowRef) => (name === undefined ? row.uuid : `${view.scalar(row, name)} ${row.uuid}`);
  const keyed = rows.map((row) => ({ row, key: keyOf(row) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ row }) => row);
};

const find = (context: Context, invocation: Invocation): Output => {
  const { view, schema, symbols } = context;
  const [tableName = '', ...conditions] = invocation.arguments;
  const table = findTable(schema, tableName);
  const parsed = conditions.map((condition) => parseCondition(table, condition));
  const tested = parsed.map(({ column }) => column);
  const columns = listedColumns(table, invocation);
  const rows = inOrder(context, table, [...tested, ...columns]);
  const matching = rows.filter((row) => parsed.every((each) => isSatisfied(each, view.get(row, each.column), symbols)));
  return tableOf(context, matching, columns);
};

const set = (context: Context, invocation: Invocation): Output => {
  const [, , ...settings] = invocation.arguments;
  const row = recordOf(context, invocation, (table) => settings.map((each) => parseAssignment(table, each).column));
  if (row === undefined) return '';
  for (const setting of settings) assignColumn(context, row, setting);
  return '';
};

const checkSet = (schema: DatabaseSchema, { arguments: [tableName = '', , ...settings] }: Invocation): void => {
  const table = findTable(schema, tableName);
  for (const setting of settings) checkWritable(table, parseAssignment(table, setting).column);
};

const add = (context: Context, invocation: Invocation): Output => {
  const { view, symbols } = context;
  const [, , columnName = '', ...values] = invocation.arguments;
  const row = recordOf(context, invocation, (table) => [findColumn(table, columnName)]);
  if (row === undefined) return '';
  const column = findColumn(row.table, columnName);
  const { type } = column;
  const before = view.get(row, column);
  let after = before;
  for (const value of values) {
    for (const [key, mapped] of parseValue(value, type, symbols, anyNumber).elements()) after = after.put(key, mapped);
  }
  checkCount('add', row, column, after);
  if (type.max === 1) view.assign(row, column, after);
  else for (const change of difference(before, after)) view.put(row, column, change.key, after.get(change.key));
  return '';
};

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
  for (const column of columns) findWritableColumn(table, column);
};

const remove = (context: Context, invocation: Invocation): Output => {
  const { view } = context;
  const [, , columnName = '', ...values] = invocation.arguments;
  const row = recordOf(context, invocation, (table) => [findColumn(table, columnName)]);
  if (row === undefined) return '';
  const column = findColumn(row.table, columnName);
  const before = view.get(row, column);
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
    const column = findColumn(row.table, name);
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
  const row = view.insert(table, id === undefined ? undefined : symbols.create(id, table.isRoot));
  for (const setting of settings) assignColumn(context, row, setting);
  return { uuidOf: row };
};

const checkCreate = (
  schema: DatabaseSchema,
  { options, arguments: [tableName = '', ...settings] }: Invocation,
  warn: Context['warn'],
): void => {
  const table = findTable(schema, tableName);
  for (const setting of settings) parseAssignment(table, setting);
  if (!options.has('--id') && !table.isRoot) {
    warn('db_ctl_base', `applying "create" command to table ${table.name} without --id option will have no effect`);
  }
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

const waitUntil = (
  context: Context,
  { arguments: [tableName = '', record = '', ...conditions] }: Invocation,
): Output => {
  const { view, schema, symbols } = context;
  const table = findTable(schema, tableName);
  const parsed = conditions.map((condition) => parseCondition(table, condition));
  const tested = parsed.map(({ column }) => column);
  const row = findRecord(view, table, record, tested);
  if (row === undefined) throw new TryAgain();
  view.load([row], tested);
  if (!parsed.every((each) => isSatisfied(each, view.get(row, each.column), symbols))) throw new TryAgain();
  return '';
};

const checkConditions = (schema: DatabaseSchema, tableName: string, conditions: readonly string[]): void => {
  const table = findTable(schema, tableName);
  for (const condition of conditions) parseCondition(table, condition);
};

export const databaseCommands: readonly Command[] = [
  {
    name: 'comment',
    minArguments: 0,
    maxArguments: Infinity,
    usage: '[ARG]...',
    options: [],
    writes: false,
    run: () => '',
  },
  {
    name: 'get',
    minArguments: 2,
    maxArguments: Infinity,
    usage: 'TABLE RECORD [COLUMN[:KEY]]...',
    options: ['--if-exists', '--id='],
    writes: false,
    check: checkGet,
    run: get,
  },
  {
    name: 'list',
    minArguments: 1,
    maxArguments: Infinity,
    usage: 'TABLE [RECORD]...',
    options: ['--if-exists', '--columns='],
    writes: false,
    run: list,
    check: (schema, invocation) => void listedColumns(findTable(schema, invocation.arguments[0] ?? ''), invocation),
  },
  {
    name: 'find',
    minArguments: 1,
    maxArguments: Infinity,
    usage: 'TABLE [COLUMN[:KEY]=VALUE]...',
    options: ['--columns='],
    writes: false,
    run: find,
    check: (schema, invocation) => {
      const [tableName = '', ...conditions] = invocation.arguments;
      listedColumns(findTable(schema, tableName), invocation);
      checkConditions(schema, tableName, conditions);
    },
  },
  {
    name: 'set',
    minArguments: 3,
    maxArguments: Infinity,
    usage: 'TABLE RECORD COLUMN[:KEY]=VALUE...',
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
    options: ['--if-exists', '--all'],
    writes: true,
    check: checkDestroy,
    run: destroy,
  },
  {
    name: 'wait-until',
    minArguments: 2,
    maxArguments: Infinity,
    usage: 'TABLE RECORD [COLUMN[:KEY]=VALUE]...',
    options: [],
    writes: false,
    run: waitUntil,
    check: (schema, { arguments: [table = '', , ...conditions] }) => checkConditions(schema, table, conditions),
  },
];

import type { Table } from '../../rpc/table.ts';
import { printAtom, printDatum } from '../../schema/print.ts';
import { type Column, type DatabaseSchema, type TableSchema, uuidColumn } from '../../schema/schema.ts';
import { columnOf, parseColumnKey } from '../column-argument.ts';
import type { Command } from '../command.ts';
import { Condition, leadingClauses } from '../condition.ts';
import type { Context, Invocation, Output } from '../context.ts';
import type { RowRef } from '../edit.ts';
import { CommandFailure, TryAgain } from '../failure.ts';
import { findListedColumn, findTable } from '../name.ts';
import { findRecord, getRecord } from '../record.ts';
import { parseAtom } from '../value.ts';
import type { View } from '../view.ts';
import { recordOf } from './record-argument.ts';

const get = (context: Context, invocation: Invocation): Output => {
  const { options } = invocation;
  const [, record = '', ...keys] = invocation.arguments;
  const id = options.get('--id');
  if (id !== undefined && options.has('--if-exists')) {
    throw new CommandFailure('--if-exists and --id may not be specified together');
  }
  const row = recordOf(context, invocation, (table) => keys.map((key) => columnOf(table, key)));
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
  for (const key of keys) columnOf(table, key);
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
  const needed = withName(table, columns);
  const rows = view.all(table, needed);
  view.load(rows, needed);
  return sorted(view, table, rows);
};

const withName = (table: TableSchema, columns: readonly Column[]): readonly Column[] => {
  const name = table.columns.get('name');
  return name === undefined ? columns : [...columns, name];
};

const sorted = (view: View, table: TableSchema, rows: readonly RowRef[]): RowRef[] => {
  const name = table.columns.get('name');
  const keyOf = (row: RowRef) => (name === undefined ? row.uuid : `${view.scalar(row, name)} ${row.uuid}`);
  const keyed = rows.map((row) => ({ row, key: keyOf(row) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ row }) => row);
};

const find = (context: Context, invocation: Invocation): Output => {
  const { view, schema, symbols } = context;
  const [tableName = '', ...texts] = invocation.arguments;
  const table = findTable(schema, tableName);
  const conditions = texts.map((text) => new Condition(table, text, symbols));
  const columns = listedColumns(table, invocation);
  const needed = withName(table, [...conditions.map(({ column }) => column), ...columns]);
  const rows = view.candidates(table, leadingClauses(conditions), needed);
  const matching = rows.filter((row) => conditions.every((each) => each.holds(view.get(row, each.column))));
  return tableOf(context, sorted(view, table, matching), columns);
};

const waitUntil = (context: Context, { arguments: [tableName = '', record = '', ...texts] }: Invocation): Output => {
  const { view, schema, symbols } = context;
  const table = findTable(schema, tableName);
  const conditions = texts.map((text) => new Condition(table, text, symbols));
  const tested = conditions.map(({ column }) => column);
  const row = findRecord(view, table, record, tested);
  if (row === undefined) throw new TryAgain();
  view.load([row], tested);
  for (const { column } of conditions) view.guard(row, column);
  if (!conditions.every((each) => each.holds(view.get(row, each.column)))) throw new TryAgain();
  return '';
};

const checkConditions = (schema: DatabaseSchema, tableName: string, conditions: readonly string[]): void => {
  const table = findTable(schema, tableName);
  for (const condition of conditions) columnOf(table, condition);
};

export const readingCommands: readonly Command[] = [
  {
    name: 'comment',
    minArguments: 0,
    maxArguments: Infinity,
    usage: '[ARG]...',
    synopsis: '[TEXT]...',
    about: 'do nothing: words for whoever reads the log',
    options: [],
    writes: false,
    run: () => '',
  },
  {
    name: 'get',
    minArguments: 2,
    maxArguments: Infinity,
    usage: 'TABLE RECORD [COLUMN[:KEY]]...',
    about: 'print columns, or values of keys, of a record',
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
    about: 'print records, or all of a table',
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
    about: 'print the records that meet all conditions',
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
    name: 'wait-until',
    minArguments: 2,
    maxArguments: Infinity,
    usage: 'TABLE RECORD [COLUMN[:KEY]=VALUE]...',
    about: 'wait until a record meets all conditions',
    options: [],
    writes: false,
    run: waitUntil,
    check: (schema, { arguments: [table = '', , ...conditions] }) => checkConditions(schema, table, conditions),
  },
];

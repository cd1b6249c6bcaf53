import { type Clause, matches, parseConditions } from '../schema/condition.ts';
import type { Datum } from '../schema/datum.ts';
import { OvsdbError, syntaxError } from '../schema/error.ts';
import { type Json, JsonText, type OutJson } from '../schema/json.ts';
import { mutate, parseMutation } from '../schema/mutation.ts';
import type { ObjectParser } from '../schema/parser.ts';
import { parseRow, Row } from '../schema/row.ts';
import { type Column, parseColumnSet, uuidColumn } from '../schema/schema.ts';
import type { SymbolTable } from '../schema/symbol.ts';
import { isMap, isScalar } from '../schema/type.ts';
import { isUuid } from '../schema/uuid.ts';
import type { Tables } from './references.ts';
import type { Role } from './role.ts';
import { rowKey } from './row-key.ts';
import { sortRows } from './sort.ts';
import type { Table } from './table.ts';
import type { Transaction } from './transaction.ts';

/** What operations work with. */
export interface OperationContext {
  readonly tables: Tables;
  readonly transaction: Transaction;
  readonly symbols: SymbolTable;
  /** How long the transaction has waited so far, in ms. */
  readonly waited: number;
  readonly holdsLock: (name: string) => boolean;
  /** What the client may do; undefined for anything. */
  readonly role: Role | undefined;
}

/** The transaction cannot go on now: it is to be tried again when something changes, within `timeout` ms in all. */
export class Blocked extends Error {
  readonly timeout: number;
  constructor(timeout: number) {
    super('the transaction waits');
    this.timeout = timeout;
  }
}

interface Operation {
  /** Whether it can change rows. */
  readonly writes: boolean;
  readonly run: (parser: ObjectParser, context: OperationContext) => OutJson;
}

const parseTable = (parser: ObjectParser, { tables }: OperationContext): Table => {
  const name = parser.required('table', 'id');
  const table = tables.get(name);
  if (table === undefined) throw parser.error(`No table named ${name}.`);
  return table;
};

const insert: Operation['run'] = (parser, context) => {
  const { transaction, symbols } = context;
  const table = parseTable(parser, context);
  const rowJson = parser.required('row', 'object');
  const uuidJson = parser.optional('uuid', 'string');
  const name = parser.optional('uuid-name', 'id');
  parser.finish();
  if (uuidJson !== undefined && !isUuid(uuidJson)) throw syntaxError('bad uuid', uuidJson);
  const chosen = uuidJson?.toLowerCase();
  if (chosen !== undefined && transaction.knows(table, chosen)) {
    const details =
      'This UUID would duplicate a UUID already present within the table or deleted within the same transaction.';
    throw new OvsdbError('duplicate uuid', details, chosen);
  }
  const uuid = name === undefined ? (chosen ?? transaction.newUuid()) : symbols.define(name, chosen);
  const data = parseRow(table.schema, rowJson, symbols);
  const row = Row.create(table.schema, uuid, transaction.newUuid, data);
  context.role?.check(context.tables, { action: 'insert', table, rows: [row], columns: [] });
  transaction.insert(table, row);
  return new JsonText(`{"uuid":["uuid","${uuid}"]}`);
};

const select: Operation['run'] = (parser, context) => {
  const table = parseTable(parser, context);
  const where = parser.required('where', 'array');
  const columnsJson = parser.optional('columns', 'array');
  const sortJson = parser.optional('sort', 'array');
  parser.finish();
  const conditions = parseConditions(table.schema, where, context.symbols);
  const columns = parseColumnSet(table.schema, columnsJson);
  const order = sortJson && parseColumnSet(table.schema, sortJson);
  const rows = distinct(find(table, conditions, context.transaction), columns);
  return { rows: (order ? sortRows(rows, order) : rows).map((row) => rowText(row, columns)) };
};

/** Rows of which no two are the same in those columns: the result of a `select` is a set. */
const distinct = (rows: readonly Row[], columns: readonly Column[]): readonly Row[] => {
  if (rows.length < 2 || columns.includes(uuidColumn)) return rows;
  const byKey = new Map<string, Row>();
  for (const row of rows) {
    const key = rowKey(row, columns);
    if (!byKey.has(key)) byKey.set(key, row);
  }
  return [...byKey.values()];
};

/** A row as `select` and monitors print it: the object of those columns. */
export const rowText = (row: Row, columns: readonly Column[]): JsonText =>
  new JsonText(`{${columns.map((column) => `"${column.name}":${row.get(column).text(column.type)}`).join()}}`);

const update: Operation['run'] = (parser, context) => {
  const { transaction, symbols } = context;
  const table = parseTable(parser, context);
  const where = parser.required('where', 'array');
  const rowJson = parser.required('row', 'object');
  parser.finish();
  const changes = parseRow(table.schema, rowJson, symbols);
  for (const { name, mutable } of changes.keys()) {
    if (mutable) continue;
    const details = `Cannot update immutable column ${name} in table ${table.schema.name}.`;
    throw new OvsdbError('constraint violation', details, parser.json);
  }
  const rows = find(table, parseConditions(table.schema, where, symbols), transaction);
  context.role?.check(context.tables, { action: 'update', table, rows, columns: changes.keys() });
  for (const row of rows) transaction.modify(table, row, changes);
  return { count: rows.length };
};

const mutateRows: Operation['run'] = (parser, context) => {
  const { transaction, symbols } = context;
  const table = parseTable(parser, context);
  const where = parser.required('where', 'array');
  const mutationsJson = parser.required('mutations', 'array');
  parser.finish();
  const mutations = mutationsJson.map((json) => parseMutation(table.schema, json, symbols));
  const rows = find(table, parseConditions(table.schema, where, symbols), transaction);
  const columns = mutations.map(({ column }) => column);
  context.role?.check(context.tables, { action: 'mutate', table, rows, columns });
  for (const row of rows) transaction.modify(table, row, mutate(row, mutations));
  return { count: rows.length };
};

const deleteRows: Operation['run'] = (parser, context) => {
  const table = parseTable(parser, context);
  const where = parser.required('where', 'array');
  parser.finish();
  const rows = find(table, parseConditions(table.schema, where, context.symbols), context.transaction);
  context.role?.check(context.tables, { action: 'delete', table, rows, columns: [] });
  for (const { uuid } of rows) context.transaction.delete(table, uuid);
  return { count: rows.length };
};

const wait: Operation['run'] = (parser, context) => {
  const table = parseTable(parser, context);
  const where = parser.required('where', 'array');
  const timeoutJson = parser.optional('timeout', 'integer');
  const columnsJson = parser.optional('columns', 'array');
  const until = parser.required('until', 'string');
  const rowsJson = parser.required('rows', 'array');
  parser.finish();
  const timeout = timeoutJson === undefined ? Number.POSITIVE_INFINITY : Number(timeoutJson);
  if (timeout < 0) throw syntaxError('timeout must be nonnegative', timeoutJson);
  if (until !== '==' && until !== '!=') throw syntaxError('"until" must be "==" or "!="', until);
  const conditions = parseConditions(table.schema, where, context.symbols);
  const columns = parseColumnSet(table.schema, columnsJson);
  const expected = rowsJson.map((json) => projectExpected(table, json, columns, context.symbols));
  const actual = find(table, conditions, context.transaction).map((row) => rowKey(row, columns));
  if (sameSets(new Set(actual), new Set(expected)) === (until === '==')) return {};
  if (timeout === 0) throw new OvsdbError('timed out', '"where" clause test failed');
  if (context.waited >= timeout)
    throw new OvsdbError('timed out', `"wait" timed out after ${Math.floor(context.waited)} ms`);
  throw new Blocked(timeout);
};

const projectExpected = (table: Table, json: Json, columns: readonly Column[], symbols: SymbolTable): string => {
  const data: Map<Column, Datum> = parseRow(table.schema, json, symbols);
  const uuid = data.get(uuidColumn)?.first;
  return rowKey(Row.create(table.schema, String(uuid), '', data), columns);
};

const sameSets = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((each) => b.has(each));

const commit: Operation['run'] = (parser, { transaction }) => {
  const durable = parser.required('durable', 'boolean');
  parser.finish();
  transaction.durable ||= durable;
  return {};
};

const abort: Operation['run'] = (parser) => {
  parser.finish();
  throw new OvsdbError('aborted', 'aborted by request');
};

const comment: Operation['run'] = (parser, { transaction }) => {
  const text = parser.required('comment', 'string');
  parser.finish();
  transaction.comments.push(text);
  return {};
};

const assert: Operation['run'] = (parser, { holdsLock }) => {
  const lock = parser.required('lock', 'id');
  parser.finish();
  if (!holdsLock(lock)) throw new OvsdbError('not owner', `Asserted lock ${lock} not held.`);
  return {};
};

/** The operations of RFC 7047 section 5.2. */
export const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['insert', { writes: true, run: insert }],
  ['select', { writes: false, run: select }],
  ['update', { writes: true, run: update }],
  ['mutate', { writes: true, run: mutateRows }],
  ['delete', { writes: true, run: deleteRows }],
  ['wait', { writes: false, run: wait }],
  ['commit', { writes: true, run: commit }],
  ['abort', { writes: false, run: abort }],
  ['comment', { writes: false, run: comment }],
  ['assert', { writes: false, run: assert }],
]);

/** The rows that meet the conditions, found through an index where one of the conditions allows it. */
const find = (table: Table, conditions: readonly Clause[], transaction: Transaction): Row[] => {
  for (const clause of conditions) {
    const candidates = typeof clause === 'boolean' ? undefined : candidatesFor(table, clause);
    if (candidates === undefined) continue;
    noteRead(table, clause, transaction);
    return candidates.filter((row) => matches(row, conditions));
  }
  transaction.readAll(table);
  const rows: Row[] = [];
  for (const row of table.rows()) if (matches(row, conditions)) rows.push(row);
  return rows;
};

/** All rows that can meet an equality or inclusion, without reading the table; undefined where there is no such way. */
const candidatesFor = (table: Table, clause: Exclude<Clause, boolean>): readonly Row[] | undefined => {
  const { column, function: test, argument } = clause;
  if (test !== '==' && test !== 'includes') return undefined;
  if (test === '==' && (isMap(column.type) || argument.size === 0)) return undefined;
  const { first, firstValue } = argument;
  return first === undefined ? undefined : table.withElement(column, first, firstValue);
};

const noteRead = (table: Table, clause: Clause, transaction: Transaction): void => {
  const byUuid = typeof clause !== 'boolean' && clause.column === uuidColumn && isScalar(clause.column.type);
  if (byUuid) transaction.readRow(table, String(clause.argument.first));
  else transaction.readAll(table);
};

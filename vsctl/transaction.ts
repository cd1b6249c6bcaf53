import { type Atom, atomText } from '../schema/atom.ts';
import type { Datum } from '../schema/datum.ts';
import {
  formatJson,
  isObject,
  type Json,
  type JsonObject,
  JsonText,
  member,
  type OutJson,
  type OutJsonObject,
} from '../schema/json.ts';
import type { Column } from '../schema/schema.ts';
import { type BaseType, type ColumnType, isMap } from '../schema/type.ts';
import type { ColumnEdit, RowEdit, RowRef } from './edit.ts';
import { CommandFailure } from './failure.ts';
import { Query } from './query.ts';
import type { Guard, View } from './view.ts';

/** The name that an inserted row has within the transaction. */
export const rowName = (uuid: string): string => `row${uuid.replaceAll('-', '_')}`;

/** Writes data as the transaction needs them: rows that it inserts are known by name only. */
class Writer {
  readonly #view: View;
  constructor(view: View) {
    this.#view = view;
  }

  uuid(uuid: string): OutJson {
    return this.#view.isNew(uuid) ? ['named-uuid', rowName(uuid)] : ['uuid', uuid];
  }

  where({ table, uuid }: RowRef): OutJson {
    return this.#view.isNew(uuid) ? [['_uuid', '==', this.uuid(uuid)]] : Query.byUuid(table, uuid).where;
  }

  #atom(atom: Atom, { type }: BaseType): OutJson {
    return type === 'uuid' ? this.uuid(String(atom)) : new JsonText(atomText(type, atom));
  }

  set(atoms: Iterable<Atom>, { key }: ColumnType): OutJson {
    return ['set', [...atoms].map((atom) => this.#atom(atom, key))];
  }

  map(pairs: Iterable<readonly [Atom, Atom | undefined]>, { key, value = key }: ColumnType): OutJson {
    const pair = ([atom, mapped]: readonly [Atom, Atom | undefined]) => [
      this.#atom(atom, key),
      this.#atom(mapped ?? '', value),
    ];
    return ['map', [...pairs].map(pair)];
  }

  datum(datum: Datum, type: ColumnType): OutJson {
    if (type.key.type !== 'uuid' && type.value?.type !== 'uuid') return new JsonText(datum.text(type));
    return isMap(type) ? this.map(datum.elements(), type) : this.set(datum.keys(), type);
  }
}

/** What a run's changes do to the database, as the operations of one transaction. None, if they do nothing. */
export const changeOperations = (view: View): OutJsonObject[] => {
  const writer = new Writer(view);
  const operations: OutJsonObject[] = [];
  for (const edit of view.edits.values()) operations.push(...editOperations(view, writer, edit));
  return operations;
};

const editOperations = (view: View, writer: Writer, edit: RowEdit): OutJsonObject[] => {
  const { row, kind, columns } = edit;
  const table = row.table.name;
  const where = writer.where(row);
  // Rows of other tables go when nothing refers to them any more: the server sees to that.
  if (kind === 'delete') return row.table.isRoot ? [{ op: 'delete', table, where }] : [];
  const values: { [column: string]: OutJson } = {};
  const mutations: OutJson[] = [];
  for (const [column, change] of columns) {
    const whole = kind === 'insert' || change.assigned !== undefined || column.type.max === 1;
    if (whole) values[column.name] = writer.datum(view.get(row, column), column.type);
    else mutations.push(...columnMutations(writer, column, change));
  }
  if (kind === 'insert') {
    const uuid = edit.isGiven ? { uuid: row.uuid } : {};
    return [{ op: 'insert', table, row: values, 'uuid-name': rowName(row.uuid), ...uuid }];
  }
  const operations: OutJsonObject[] = [];
  if (Object.keys(values).length > 0) operations.push({ op: 'update', table, where, row: values });
  if (mutations.length > 0) operations.push({ op: 'mutate', table, where, mutations });
  return operations;
};

/** Members that go, then those that come. In a map the server keeps the value of a key it has, so that goes first. */
const columnMutations = (writer: Writer, { name, type }: Column, { put, removed }: ColumnEdit): OutJson[] => {
  const mutations: OutJson[] = [];
  const going = isMap(type) ? [...removed, ...put.keys()] : [...removed];
  if (going.length > 0) mutations.push([name, 'delete', writer.set(going, type)]);
  if (put.size > 0)
    mutations.push([name, 'insert', isMap(type) ? writer.map(put, type) : writer.set(put.keys(), type)]);
  return mutations;
};

/** Fails the transaction if what the changes rest on is no longer so. */
export const guardOperations = (view: View): OutJsonObject[] =>
  [...view.guards.values()].filter((guard) => !isGuardedByIndex(view, guard)).map(waitOperation);

/** That no row has a name yet is checked by the server itself, in a transaction that inserts a row of that name. */
const isGuardedByIndex = (view: View, { query: { table, clauses }, rows }: Guard): boolean => {
  const [clause, ...others] = clauses;
  if (clause === undefined || others.length > 0 || rows.length > 0) return false;
  const isUnique = table.indexes.some(([column, ...more]) => column === clause.column && more.length === 0);
  return isUnique && view.inserts(table, clause.column, clause.atom);
};

const waitOperation = ({ query, columns, rows }: Guard): OutJsonObject => {
  const [only, ...others] = rows;
  const uuid = columns[0]?.name === '_uuid' && others.length === 0 ? only?.[0]?.first : undefined;
  return {
    op: 'wait',
    table: query.table.name,
    where: typeof uuid === 'string' ? query.and(uuid).where : query.where,
    columns: columns.map(({ name }) => name),
    until: '==',
    rows: rows.map((data) =>
      Object.fromEntries(columns.map(({ name, type }, i) => [name, new JsonText(data[i]?.text(type) ?? 'null')])),
    ),
    timeout: 0,
  };
};

/** Counts one more configuration for the switch to apply, and tells which one it is. */
export const incrementOperations = (view: View, root: RowRef): OutJsonObject[] => {
  const where = new Writer(view).where(root);
  const table = root.table.name;
  return [
    { op: 'mutate', table, where, mutations: [['next_cfg', '+=', 1]] },
    { op: 'select', table, where, columns: ['next_cfg'] },
  ];
};

/** Another row had the name of one that was inserted; it may have come since it was looked for. */
export const hasDuplicate = (results: readonly Json[]): boolean =>
  results.some(
    (result) =>
      isObject(result) &&
      member(result, 'error') === 'constraint violation' &&
      /multiple rows in .* identical values/.test(String(member(result, 'details'))),
  );

/**
 * Looks for a failure among the results of a transaction.
 * @returns whether something that the changes rest on has changed, so that the commands are to be run again
 * @throws CommandFailure
 */
export const lostRace = (results: readonly Json[], warn: (message: string) => void): boolean => {
  let lost = false;
  for (const result of results) {
    const tag = isObject(result) ? member(result, 'error') : undefined;
    if (tag === undefined || tag === null || tag === 'aborted' || !isObject(result)) continue;
    if (tag === 'timed out') lost = true;
    else fail(result, warn);
  }
  return lost;
};

/** As the server would, if it could be told. */
export const refuseRawBytes = (bytes: string, warn: (message: string) => void): void => {
  const details = `not a valid UTF-8 string: invalid UTF-8 sequence ${bytes}`;
  fail({ details, error: 'constraint violation' }, warn);
};

const fail = (result: JsonObject, warn: (message: string) => void): never => {
  const message = `transaction error: ${formatJson(result, true)}`;
  warn(message);
  throw new CommandFailure(message);
};

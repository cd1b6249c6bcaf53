import { parseConditions } from '../schema/condition.ts';
import { syntaxError } from '../schema/error.ts';
import { isArray, type Json, type OutJson } from '../schema/json.ts';
import { type Column, type DatabaseSchema, type TableSchema, versionColumn } from '../schema/schema.ts';
import { Failure } from './failure.ts';
import { byName } from './schema-commands.ts';
import { parseArgument } from './transact.ts';

/** What is watched of one table, and shown. */
export interface Watched {
  readonly table: TableSchema;
  readonly columns: readonly Column[];
  /** The table's `<monitor-request>`s. */
  readonly requests: readonly OutJson[];
}

/** Words that leave a kind of change out, and the member of "select" for it. */
const kinds = ['initial', 'insert', 'delete', 'modify'] as const;
const isKind = (word: string): boolean => kinds.some((kind) => word === `!${kind}`);

/** Where the words of a request stand in messages: which server and database were meant. */
export interface Place {
  readonly server: string;
  readonly database: string;
}

/**
 * What the words of a `monitor` command ask for: a table and lists of its columns, or ALL.
 * @throws Failure
 */
export const watch = (
  schema: DatabaseSchema,
  place: Place,
  [tableName = '', ...lists]: readonly string[],
  condition?: Json,
): Watched[] => {
  if (tableName === 'ALL') {
    if (condition !== undefined) throw new Failure('ALL tables are not allowed with condition');
    return byName(schema.tables.values()).map((table) => watchTable(table, place, lists, condition));
  }
  const table = schema.tables.get(tableName);
  if (table === undefined) {
    throw new Failure(`${place.server}: ${place.database} does not have a table named "${tableName}"`);
  }
  return [watchTable(table, place, lists, condition)];
};

const watchTable = (
  table: TableSchema,
  place: Place,
  lists: readonly string[],
  condition: Json | undefined,
): Watched => {
  const columns: Column[] = [];
  const requests = (lists.length > 0 ? lists : ['']).map((list, i) => {
    const words = list.split(',').filter((word) => word !== '');
    const chosen = chooseColumns(table, place, words);
    for (const column of chosen) {
      if (columns.includes(column)) {
        throw new Failure(`${place.server}: column "${column.name}" mentioned multiple times`);
      }
      columns.push(column);
    }
    return {
      columns: chosen.map(({ name }) => name),
      ...(words.some(isKind) && { select: selection(words) }),
      ...(i === 0 && condition !== undefined && { where: condition }),
    };
  });
  return { table, columns, requests };
};

const selection = (words: readonly string[]) =>
  Object.fromEntries(kinds.map((kind) => [kind, !words.includes(`!${kind}`)]));

const chooseColumns = (table: TableSchema, { server, database }: Place, words: readonly string[]): Column[] => {
  const names = words.filter((word) => !isKind(word));
  if (names.length === 0) return [...byName(table.ownColumns), versionColumn];
  return names.map((name) => {
    const column = table.columns.get(name);
    if (column !== undefined) return column;
    throw new Failure(`${server}: table "${table.name}" in ${database} does not have a column named "${name}"`);
  });
};

/**
 * Reads a condition on the rows of a table, which the server will understand.
 * @throws Failure, OvsdbError
 */
export const readCondition = (
  { tables }: DatabaseSchema,
  database: string,
  tableName: string,
  text: string,
): readonly Json[] => {
  const table = tables.get(tableName);
  if (table === undefined) throw new Failure(`${database} does not have a table named "${tableName}"`);
  const condition = parseArgument(text);
  if (!isArray(condition)) throw syntaxError('array expected', condition);
  parseConditions(table, condition);
  return condition;
};

import { compareStrings } from '../schema/atom.ts';
import { type Column, type DatabaseSchema, type TableSchema, uuidColumn } from '../schema/schema.ts';
import { CommandFailure } from './failure.ts';

/** Names of tables and columns compare without regard to case, and "-" is "_". */
const normalize = (name: string): string => name.toLowerCase().replaceAll('-', '_');

/** The one that `name` abbreviates, or all it might. */
const abbreviated = <T extends { readonly name: string }>(all: Iterable<T>, name: string): readonly T[] => {
  const wanted = normalize(name);
  if (wanted === '') return [];
  const matches: T[] = [];
  for (const each of all) {
    const candidate = normalize(each.name);
    if (candidate === wanted) return [each];
    if (candidate.startsWith(wanted)) matches.push(each);
  }
  return matches;
};

const namesOf = (all: readonly { readonly name: string }[]): string =>
  all
    .map(({ name }) => name)
    .sort(compareStrings)
    .join(', ');

/** @throws CommandFailure */
export const findTable = (schema: DatabaseSchema, name: string): TableSchema => {
  const [table, ...others] = abbreviated(schema.tables.values(), name);
  if (table === undefined) throw new CommandFailure(`unknown table "${name}"`);
  if (others.length > 0) {
    const names = namesOf([table, ...others]);
    throw new CommandFailure(`"${name}" matches multiple table names: ${names}`);
  }
  return table;
};

/** @throws CommandFailure */
export const findColumn = (table: TableSchema, name: string): Column => {
  const [column, ...others] = abbreviated(table.ownColumns, name);
  if (column === undefined) {
    throw new CommandFailure(`${table.name} does not contain a column whose name matches "${name}"`);
  }
  if (others.length > 0) {
    const names = namesOf([column, ...others]);
    throw new CommandFailure(`${table.name} contains more than one column whose name matches "${name}": ${names}`);
  }
  return column;
};

/** A column to print: the row's uuid is one too. */
export const findListedColumn = (table: TableSchema, name: string): Column =>
  name.toLowerCase() === uuidColumn.name ? uuidColumn : findColumn(table, name);

/**
 * A column that a command is to change.
 * @throws CommandFailure
 */
export const checkWritable = (table: TableSchema, column: Column): Column => {
  if (column.mutable) return column;
  throw new CommandFailure(`cannot modify read-only column ${column.name} in table ${table.name}`);
};

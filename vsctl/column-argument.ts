import { type Column, type TableSchema, uuidColumn } from '../schema/schema.ts';
import { CommandFailure } from './failure.ts';
import { findColumn } from './name.ts';
import { Scanner } from './token.ts';

const parseColumn = (table: TableSchema, scanner: Scanner): Column => {
  const name = scanner.token();
  if (name === '') throw new CommandFailure(`${scanner.text}: missing column name`);
  return findColumn(table, name);
};

/**
 * The column that an argument begins with: all that is looked at before the database is asked.
 * @throws CommandFailure
 */
export const columnOf = (table: TableSchema, argument: string): Column =>
  argument.toLowerCase() === uuidColumn.name ? uuidColumn : parseColumn(table, new Scanner(argument));

const parseKey = (scanner: Scanner): string | undefined => (scanner.accept(':') ? scanner.token() : undefined);

export interface ColumnKey {
  readonly column: Column;
  readonly key: string | undefined;
}

/**
 * COLUMN[:KEY]
 * @throws CommandFailure
 */
export const parseColumnKey = (table: TableSchema, argument: string): ColumnKey => {
  if (argument.toLowerCase() === uuidColumn.name) return { column: uuidColumn, key: undefined };
  const scanner = new Scanner(argument);
  const column = parseColumn(table, scanner);
  const key = parseKey(scanner);
  if (scanner.next !== '') {
    throw new CommandFailure(`${argument}: trailing garbage "${scanner.rest}" in argument`);
  }
  return { column, key };
};

export interface ColumnKeyValue {
  readonly column: Column;
  readonly key: string | undefined;
  readonly operator: string;
  readonly value: string;
}

/**
 * COLUMN[:KEY] OPERATOR VALUE, with one of these operators
 * @throws CommandFailure
 */
export const parseOperand = (table: TableSchema, argument: string, operators: readonly string[]): ColumnKeyValue => {
  const scanner = new Scanner(argument);
  const column = parseColumn(table, scanner);
  const key = parseKey(scanner);
  let operator = '';
  for (const each of operators) {
    if (each.length > operator.length && scanner.rest.startsWith(each)) operator = each;
  }
  scanner.skip(operator.length);
  if (operator === '' || scanner.next === '') {
    throw new CommandFailure(`${argument}: argument does not end in ${listOf(operators)} followed by a value.`);
  }
  return { column, key, operator, value: scanner.rest };
};

const listOf = (operators: readonly string[]): string => {
  const quoted = operators.map((operator) => `"${operator}"`);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')}, or ${last}`;
};

/**
 * COLUMN[:KEY]=VALUE
 * @throws CommandFailure
 */
export const parseAssignment = (table: TableSchema, argument: string): ColumnKeyValue =>
  parseOperand(table, argument, ['=']);

import { Datum, type Element } from '../schema/datum.ts';
import { compareData } from '../schema/datum-order.ts';
import { type Column, type TableSchema, uuidColumn } from '../schema/schema.ts';
import { isMap } from '../schema/type.ts';
import { CommandFailure } from './failure.ts';
import { findColumn } from './name.ts';
import type { Symbols } from './symbols.ts';
import { Scanner } from './token.ts';
import { parseAtom, parseValue } from './value.ts';

const includesAll = (data: Datum, part: Datum): boolean => [...part.elements()].every((each) => holds(data, each));
const holds = (data: Datum, [key, value]: Element): boolean =>
  value === undefined ? data.has(key) : data.get(key) === value;

interface Relation {
  /** A relation of sets, for which an absent key is the empty set. */
  readonly ofSets: boolean;
  readonly holds: (a: Datum, b: Datum) => boolean;
}

const ordered = (test: (order: number) => boolean): Relation => ({
  ofSets: false,
  holds: (a, b) => test(compareData(a, b)),
});
const ofSets = (test: (a: Datum, b: Datum) => boolean): Relation => ({ ofSets: true, holds: test });
const isSubset = (a: Datum, b: Datum): boolean => includesAll(b, a);

/** The relations of `find` and `wait-until`, in the order in which messages list them. */
const relations: ReadonlyMap<string, Relation> = new Map([
  ['=', ordered((order) => order === 0)],
  ['!=', ordered((order) => order !== 0)],
  ['<', ordered((order) => order < 0)],
  ['>', ordered((order) => order > 0)],
  ['<=', ordered((order) => order <= 0)],
  ['>=', ordered((order) => order >= 0)],
  ['{=}', ofSets((a, b) => a.equals(b))],
  ['{!=}', ofSets((a, b) => !a.equals(b))],
  ['{<}', ofSets((a, b) => a.size < b.size && isSubset(a, b))],
  ['{>}', ofSets((a, b) => a.size > b.size && isSubset(b, a))],
  ['{<=}', ofSets(isSubset)],
  ['{>=}', ofSets((a, b) => isSubset(b, a))],
  ['{in}', ofSets(isSubset)],
  ['{not-in}', ofSets((a, b) => [...b.elements()].every((each) => !holds(a, each)))],
]);

const parseColumn = (table: TableSchema, scanner: Scanner): Column => {
  const name = scanner.token();
  if (name === '') throw new CommandFailure(`${scanner.text}: missing column name`);
  return findColumn(table, name);
};

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

const parseOperand = (table: TableSchema, argument: string, operators: readonly string[]): ColumnKeyValue => {
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

/**
 * COLUMN[:KEY] RELATION VALUE
 * @throws CommandFailure
 */
export const parseCondition = (table: TableSchema, argument: string): ColumnKeyValue =>
  parseOperand(table, argument, [...relations.keys()]);

/**
 * Whether the condition holds for a row in whose column `data` stands.
 * @throws CommandFailure
 */
export const isSatisfied = (
  { column, key, operator, value }: ColumnKeyValue,
  data: Datum,
  symbols: Symbols,
): boolean => {
  const relation = relations.get(operator);
  if (relation === undefined) return false;
  const { type } = column;
  if (key === undefined) return relation.holds(data, parseValue(value, type, symbols));
  if (!isMap(type) || type.value === undefined) {
    throw new CommandFailure(`cannot specify key to check for non-map column ${column.name}`);
  }
  const wantedKey = parseAtom(key, type.key, symbols);
  const wanted = parseValue(value, { key: type.value, min: type.min, max: type.max }, symbols);
  const found = data.get(wantedKey);
  if (found === undefined && !relation.ofSets) return false;
  return relation.holds(found === undefined ? Datum.empty : Datum.of(found), wanted);
};

import { type Atom, compareAtoms } from './atom.ts';
import type { Datum } from './datum.ts';
import { parseDatum } from './datum-parser.ts';
import { OvsdbError, syntaxError } from './error.ts';
import { isArray, type Json } from './json.ts';
import type { Row } from './row.ts';
import { type Column, type TableSchema, versionColumn } from './schema.ts';
import type { SymbolTable } from './symbol.ts';
import { type ColumnType, describeType, isMap, isOptionalScalar, isScalar } from './type.ts';

type Test = (datum: Datum, argument: Datum) => boolean;

const ordered =
  (test: (order: number) => boolean): Test =>
  ({ first: atom }, { first: limit }) =>
    atom !== undefined && limit !== undefined && test(compareAtoms(atom, limit));

const includes = (datum: Datum, argument: Datum): boolean => {
  if (argument.size === 1 && argument.first !== undefined)
    return hasElement(datum, argument.first, argument.firstValue);
  for (const [key, value] of argument.elements()) if (!hasElement(datum, key, value)) return false;
  return true;
};
const excludes = (datum: Datum, argument: Datum): boolean => {
  for (const [key, value] of argument.elements()) if (hasElement(datum, key, value)) return false;
  return true;
};
const hasElement = (datum: Datum, key: Atom, value: Atom | undefined): boolean =>
  value === undefined ? datum.has(key) : datum.get(key) === value;

/** `<function>` of RFC 7047 section 5.1. */
const functions = {
  '==': (datum, argument) => datum.equals(argument),
  '!=': (datum, argument) => !datum.equals(argument),
  '<': ordered((order) => order < 0),
  '<=': ordered((order) => order <= 0),
  '>': ordered((order) => order > 0),
  '>=': ordered((order) => order >= 0),
  includes,
  excludes,
} satisfies { [name: string]: Test };
export type FunctionName = keyof typeof functions;
const isFunctionName = (name: string): name is FunctionName => Object.hasOwn(functions, name);

/** `<condition>` of RFC 7047 section 5.1, or true or false, which Open vSwitch allows in its place. */
export type Clause = boolean | { readonly column: Column; readonly function: FunctionName; readonly argument: Datum };

/**
 * Reads a `where`: an array of clauses.
 * @throws OvsdbError syntax error, unknown column, unknown function
 */
export const parseConditions = (table: TableSchema, json: readonly Json[], symbols?: SymbolTable): Clause[] =>
  json.map((clause) => parseClause(table, clause, symbols));

const parseClause = (table: TableSchema, json: Json, symbols: SymbolTable | undefined): Clause => {
  if (typeof json === 'boolean') return json;
  const [columnName, functionName, argument] = isArray(json) && json.length === 3 ? json : [];
  if (typeof columnName !== 'string' || typeof functionName !== 'string' || argument === undefined) {
    throw syntaxError('Parse error in condition.', json);
  }
  const column = table.column(columnName, json);
  if (!isFunctionName(functionName)) throw new OvsdbError('unknown function', `No function named ${functionName}.`);
  const type = argumentType(column, functionName, json);
  return { column, function: functionName, argument: parseDatum(type, argument, symbols ? { symbols } : {}) };
};

const orderFunctions: ReadonlySet<FunctionName> = new Set<FunctionName>(['<', '<=', '>', '>=']);

const argumentType = ({ name, type }: Column, functionName: FunctionName, json: Json): ColumnType => {
  if (orderFunctions.has(functionName)) {
    const numeric = type.key.type === 'integer' || type.key.type === 'real';
    if (!numeric || isMap(type) || !(isScalar(type) || isOptionalScalar(type))) {
      throw syntaxError(
        `Type mismatch: "${functionName}" operator may not be applied to column ${name} of type ${describeType(type)}.`,
        json,
      );
    }
    return { ...type, min: 1 };
  }
  if (isScalar(type)) return type;
  if (functionName === 'includes') return { ...type, min: 0 };
  if (functionName === 'excludes') return { ...type, min: 0, max: Infinity };
  return type;
};

/** Whether every clause holds for the row (RFC 7047 section 5.1). */
export const matches = (row: Row, conditions: readonly Clause[]): boolean =>
  conditions.every((clause) => matchesClause(row, clause));

export const matchesClause = (row: Row, clause: Clause): boolean =>
  typeof clause === 'boolean' ? clause : functions[clause.function](row.get(clause.column), clause.argument);

/** Whether the clauses look at nothing that changes with every transaction. */
export const isStable = (conditions: readonly Clause[]): boolean =>
  conditions.every((clause) => typeof clause === 'boolean' || clause.column !== versionColumn);

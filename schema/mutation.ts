import type { Atom } from './atom.ts';
import { checkSize, Datum, type Element } from './datum.ts';
import { parseDatum } from './datum-parser.ts';
import { OvsdbError, syntaxError } from './error.ts';
import { isArray, type Json, toInteger } from './json.ts';
import type { Row } from './row.ts';
import type { Column, TableSchema } from './schema.ts';
import type { SymbolTable } from './symbol.ts';
import { type ColumnType, checkAtom, describeType, isMap, isScalar } from './type.ts';

interface Arithmetic {
  readonly integer: (a: bigint, b: bigint) => bigint;
  /** Absent where the mutator is for integers only. */
  readonly real?: (a: number, b: number) => number;
}

/** The arithmetic `<mutator>`s of RFC 7047 section 5.1. Integers divide towards zero. */
const arithmetic = {
  '+=': { integer: (a, b) => a + b, real: (a, b) => a + b },
  '-=': { integer: (a, b) => a - b, real: (a, b) => a - b },
  '*=': { integer: (a, b) => a * b, real: (a, b) => a * b },
  '/=': { integer: (a, b) => a / b, real: (a, b) => a / b },
  '%=': { integer: (a, b) => a % b },
} satisfies { [mutator: string]: Arithmetic };
type ArithmeticName = keyof typeof arithmetic;
const isArithmetic = (name: string): name is ArithmeticName => Object.hasOwn(arithmetic, name);

export type Mutator = ArithmeticName | 'insert' | 'delete';

/** `<mutation>` of RFC 7047 section 5.1. */
export interface Mutation {
  readonly column: Column;
  readonly mutator: Mutator;
  readonly argument: Datum;
}

/** @throws OvsdbError syntax error, unknown column, unknown mutator, constraint violation */
export const parseMutation = (table: TableSchema, json: Json, symbols?: SymbolTable): Mutation => {
  const [columnName, mutator, argument] = isArray(json) && json.length === 3 ? json : [];
  if (typeof columnName !== 'string' || typeof mutator !== 'string' || argument === undefined) {
    throw syntaxError('Parse error in mutation.', json);
  }
  const column = table.column(columnName, json);
  if (!column.mutable) {
    const details = `Cannot mutate immutable column ${column.name} in table ${table.name}.`;
    throw new OvsdbError('constraint violation', details, json);
  }
  if (!isArithmetic(mutator) && mutator !== 'insert' && mutator !== 'delete') {
    throw new OvsdbError('unknown mutator', `No mutator named ${mutator}.`);
  }
  return { column, mutator, argument: parseArgument(argumentType(column, mutator, json), mutator, argument, symbols) };
};

/** Keys alone may be deleted from a map, whatever their values. */
const parseArgument = (type: ColumnType, mutator: Mutator, json: Json, symbols: SymbolTable | undefined): Datum => {
  const options = symbols === undefined ? {} : { symbols };
  try {
    return parseDatum(type, json, options);
  } catch (error) {
    if (mutator !== 'delete' || !isMap(type) || !(error instanceof OvsdbError)) throw error;
    return parseDatum({ key: type.key, min: type.min, max: type.max }, json, options);
  }
};

const argumentType = ({ name, type }: Column, mutator: Mutator, json: Json): ColumnType => {
  const mismatch = () =>
    syntaxError(
      `Type mismatch: "${mutator}" operator may not be applied to column ${name} of type ${describeType(type)}.`,
      json,
    );
  if (isArithmetic(mutator)) {
    const { real }: Arithmetic = arithmetic[mutator];
    const fits = type.key.type === 'integer' || (type.key.type === 'real' && real !== undefined);
    if (!fits || isMap(type)) throw mismatch();
    return { key: { type: type.key.type }, min: 1, max: 1 };
  }
  if (isScalar(type)) throw mismatch();
  return { ...type, min: 0, ...(mutator === 'delete' && { max: Infinity }) };
};

/**
 * The row with the mutations applied, in their order.
 * @throws OvsdbError domain error, range error, constraint violation
 */
export const mutate = (row: Row, mutations: readonly Mutation[]): Map<Column, Datum> => {
  const changes = new Map<Column, Datum>();
  for (const { column, mutator, argument } of mutations) {
    const before = changes.get(column) ?? row.get(column);
    const after = isArithmetic(mutator)
      ? compute(before, column.type, mutator, argument)
      : changeMembers(before, column.type, mutator, argument);
    changes.set(column, after);
  }
  return changes;
};

const changeMembers = (before: Datum, type: ColumnType, mutator: 'insert' | 'delete', argument: Datum): Datum => {
  const after = mutator === 'delete' ? before.minus(argument) : before.union(argument);
  checkSize(after, type);
  return after;
};

const compute = (before: Datum, type: ColumnType, mutator: ArithmeticName, { first: operand = 0 }: Datum): Datum => {
  const elements: Element[] = [];
  for (const atom of before.keys()) {
    const result =
      type.key.type === 'real' ? computeReal(mutator, atom, operand) : computeInteger(mutator, atom, operand);
    checkAtom(result, type.key);
    elements.push([result, undefined]);
  }
  const after = Datum.fromElements(elements);
  if (after.size < before.size) {
    throw new OvsdbError('constraint violation', `Result of "${mutator}" operation contains duplicates.`);
  }
  return after;
};

const outOfRange = (mutator: Mutator) =>
  new OvsdbError('range error', `Result of "${mutator}" operation is out of range.`);

const checkDivisor = (mutator: Mutator, divisor: Atom): void => {
  if ((mutator === '/=' || mutator === '%=') && Number(divisor) === 0) {
    throw new OvsdbError('domain error', 'Division by zero.');
  }
};

const computeInteger = (mutator: ArithmeticName, atom: Atom, operand: Atom): Atom => {
  checkDivisor(mutator, operand);
  const result = toInteger(arithmetic[mutator].integer(BigInt(atom), BigInt(operand)));
  if (result === undefined) throw outOfRange(mutator);
  return result;
};

const computeReal = (mutator: ArithmeticName, atom: Atom, operand: Atom): Atom => {
  checkDivisor(mutator, operand);
  const { real }: Arithmetic = arithmetic[mutator];
  const result = real?.(Number(atom), Number(operand)) ?? Number.NaN;
  if (!Number.isFinite(result)) throw outOfRange(mutator);
  return result;
};

import type { Atom } from '../schema/atom.ts';
import { Datum, type Element } from '../schema/datum.ts';
import { compareData } from '../schema/datum-order.ts';
import type { Column, TableSchema } from '../schema/schema.ts';
import { isMap } from '../schema/type.ts';
import { type ColumnKeyValue, columnOf, parseOperand } from './column-argument.ts';
import { CommandFailure } from './failure.ts';
import type { Clause } from './query.ts';
import type { Symbols } from './symbols.ts';
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

/** What a condition asks of a column: all that it needs to know, once its argument is understood. */
interface Test {
  readonly relation: Relation;
  /** The key of a map whose value is asked for. */
  readonly key: Atom | undefined;
  readonly wanted: Datum;
}

/**
 * COLUMN[:KEY] RELATION VALUE, as `find` and `wait-until` take it. What follows the column is looked at only once
 * there is a row to try it on.
 */
export class Condition {
  readonly column: Column;
  readonly #table: TableSchema;
  readonly #text: string;
  readonly #symbols: Symbols;
  #test: Test | undefined;

  /** @throws CommandFailure */
  constructor(table: TableSchema, text: string, symbols: Symbols) {
    this.column = columnOf(table, text);
    this.#table = table;
    this.#text = text;
    this.#symbols = symbols;
  }

  /**
   * Whether it holds for a row in whose column `data` stands.
   * @throws CommandFailure
   */
  holds(data: Datum): boolean {
    this.#test ??= this.#understand();
    const { relation, key, wanted } = this.#test;
    if (key === undefined) return relation.holds(data, wanted);
    const found = data.get(key);
    if (found === undefined && !relation.ofSets) return false;
    return relation.holds(found === undefined ? Datum.empty : Datum.of(found), wanted);
  }

  /** The same as a clause that the server can try; undefined if there is none, or the argument makes no sense. */
  get clause(): Clause | undefined {
    try {
      return this.#toClause(parseOperand(this.#table, this.#text, [...relations.keys()]));
    } catch (error) {
      if (error instanceof CommandFailure) return undefined;
      throw error;
    }
  }

  #toClause({ column, operator }: ColumnKeyValue): Clause | undefined {
    const { key: keyType, value: valueType = keyType, min, max } = column.type;
    // Reals lose digits on their way; uuids may be names of this run's rows.
    if (operator !== '=' || [keyType.type, valueType.type].some((type) => type === 'real' || type === 'uuid')) return;
    this.#test ??= this.#understand();
    const { key, wanted } = this.#test;
    if (wanted.size !== 1 || wanted.first === undefined) return undefined;
    if (key !== undefined) return { column, function: 'includes', atom: key, value: wanted.first };
    if (isMap(column.type) || max !== 1) return undefined;
    return { column, function: min === 1 ? '==' : 'includes', atom: wanted.first };
  }

  #understand(): Test {
    const { column, key, operator, value } = parseOperand(this.#table, this.#text, [...relations.keys()]);
    const relation = relations.get(operator);
    if (relation === undefined) throw new Error(`no relation ${operator}`);
    const { type } = column;
    if (key === undefined) return { relation, key, wanted: parseValue(value, type, this.#symbols) };
    if (!isMap(type) || type.value === undefined) {
      throw new CommandFailure(`cannot specify key to check for non-map column ${column.name}`);
    }
    const keyAtom = parseAtom(key, type.key, this.#symbols);
    const ofValue = { key: type.value, min: type.min, max: type.max };
    return { relation, key: keyAtom, wanted: parseValue(value, ofValue, this.#symbols) };
  }
}

/**
 * What the server can be asked to select, instead of every row: as much of the conditions as comes before the first
 * that it cannot try, for the argument of none that follows matters before those hold.
 */
export const leadingClauses = (conditions: readonly Condition[]): Clause[] => {
  const clauses: Clause[] = [];
  for (const { clause } of conditions) {
    if (clause === undefined) break;
    clauses.push(clause);
  }
  return clauses;
};

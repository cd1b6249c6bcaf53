import { type Atom, atomText } from '../schema/atom.ts';
import { JsonText, type OutJson } from '../schema/json.ts';
import { type Column, type TableSchema, uuidColumn } from '../schema/schema.ts';

/** One clause of a `where` (RFC 7047 section 5.1), about one atom, or one pair of a map. */
export interface Clause {
  readonly column: Column;
  readonly function: '==' | 'includes';
  readonly atom: Atom;
  readonly value?: Atom;
}

/** Which rows of a table: those for which every clause holds. */
export class Query {
  readonly table: TableSchema;
  readonly clauses: readonly Clause[];
  /** The same for equal queries. */
  readonly key: string;

  constructor(table: TableSchema, clauses: readonly Clause[] = []) {
    this.table = table;
    this.clauses = clauses;
    this.key = `${table.name} ${clauses.map(clauseText).join()}`;
  }

  static byUuid(table: TableSchema, uuid: string): Query {
    return new Query(table, [{ column: uuidColumn, function: '==', atom: uuid }]);
  }

  get where(): OutJson {
    return new JsonText(`[${this.clauses.map(clauseText).join()}]`);
  }

  /** The same rows, if `uuid` is among them: a server finds that one without looking at the others. */
  and(uuid: string): Query {
    return new Query(this.table, [...Query.byUuid(this.table, uuid).clauses, ...this.clauses]);
  }
}

const clauseText = ({ column, function: name, atom, value }: Clause): string => {
  const { key, value: valueType = key } = column.type;
  const text = atomText(key.type, atom);
  const operand = value === undefined ? text : `["map",[[${text},${atomText(valueType.type, value)}]]]`;
  return `["${column.name}","${name}",${operand}]`;
};

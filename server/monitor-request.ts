import { type Clause, parseConditions } from '../schema/condition.ts';
import { syntaxError } from '../schema/error.ts';
import { isArray, isObject, type Json, member } from '../schema/json.ts';
import { ObjectParser } from '../schema/parser.ts';
import { type Column, type DatabaseSchema, type TableSchema, uuidColumn } from '../schema/schema.ts';

/** 1: "update" (RFC 7047 section 4.1.6); 2: "update2"; 3: "update3" (ovsdb-server(7), sections 4.1.14 and 4.1.15). */
export type MonitorVersion = 1 | 2 | 3;

export const selections = ['initial', 'insert', 'delete', 'modify'] as const;
export type Selection = (typeof selections)[number];

export interface MonitoredColumn {
  readonly column: Column;
  readonly select: ReadonlySet<Selection>;
}

/** What one monitor wants of one table. */
export interface MonitoredTable {
  readonly schema: TableSchema;
  readonly columns: readonly MonitoredColumn[];
  /** What any of the columns wants. */
  readonly select: ReadonlySet<Selection>;
  /** A row counts when any of these holds. */
  readonly where: readonly Clause[];
}

/**
 * Reads `<monitor-requests>` (RFC 7047 section 4.1.5), and the `where` that monitor_cond adds.
 * @throws OvsdbError syntax error, unknown column
 */
export const parseMonitorRequests = (
  schema: DatabaseSchema,
  json: Json | undefined,
  version: MonitorVersion,
): MonitoredTable[] => {
  if (!isObject(json)) throw syntaxError('monitor-requests must be object', json);
  return Object.entries(json).map(([name, requests]) => {
    const table = schema.tables.get(name);
    if (table === undefined) throw syntaxError(`no table named ${name}`);
    return parseTableRequests(table, isArray(requests) ? requests : [requests], version);
  });
};

const parseTableRequests = (
  schema: TableSchema,
  requests: readonly Json[],
  version: MonitorVersion,
): MonitoredTable => {
  const columns = new Map<Column, MonitoredColumn>();
  const select = new Set<Selection>();
  const where: Clause[] = [];
  for (const json of requests) {
    const parser = new ObjectParser(json, `table ${schema.name}`);
    const columnsJson = parser.optional('columns', 'array');
    const whereJson = version === 1 ? undefined : parser.optional('where', 'array');
    const selectJson = parser.optional('select', 'object');
    parser.finish();
    const selected = parseSelect(selectJson, schema.name);
    for (const each of selected) select.add(each);
    for (const column of parseColumns(schema, columnsJson)) {
      if (columns.has(column)) throw syntaxError(`column ${column.name} mentioned more than once`, columnsJson);
      columns.set(column, { column, select: selected });
    }
    where.push(...parseWhere(schema, whereJson ?? []));
  }
  return { schema, columns: [...columns.values()], select, where };
};

const parseSelect = (json: Json | undefined, table: string): Set<Selection> => {
  if (json === undefined) return new Set(selections);
  const parser = new ObjectParser(json, `table ${table} select`);
  const selected = selections.filter((selection) => parser.optional(selection, 'boolean') ?? true);
  parser.finish();
  return new Set(selected);
};

const parseColumns = (schema: TableSchema, json: readonly Json[] | undefined): Column[] => {
  if (json === undefined) return [...schema.columns.values()].filter((column) => column !== uuidColumn);
  const columns: Column[] = [];
  for (const name of json) {
    if (typeof name !== 'string') throw syntaxError('array of column names expected', json);
    const column = schema.columns.get(name);
    if (column === undefined) throw syntaxError(`${name} is not a valid column name`, json);
    if (columns.includes(column)) throw syntaxError(`column ${name} mentioned more than once`, json);
    columns.push(column);
  }
  return columns;
};

/**
 * The `where` of a monitor: unlike that of an operation, a row counts when *any* clause holds; no clauses, or true, let
 * all rows count (ovsdb-server(7), section 4.1.12).
 */
const parseWhere = (schema: TableSchema, json: readonly Json[]): Clause[] =>
  json.length === 0 ? [true] : parseConditions(schema, json);

/**
 * Reads the parameter of monitor_cond_change: new conditions for some of a monitor's tables.
 * @throws OvsdbError
 */
export const parseConditionChange = (
  database: DatabaseSchema,
  tables: readonly MonitoredTable[],
  json: Json | undefined,
): MonitoredTable[] => {
  if (!isObject(json)) throw syntaxError('monitor-cond-change-requests must be object');
  const conditions = new Map<TableSchema, Clause[]>();
  for (const [name, requests] of Object.entries(json)) {
    const monitored = tables.find(({ schema }) => schema.name === name);
    if (!database.tables.has(name)) throw syntaxError(`no table named ${name}`);
    if (monitored === undefined) throw syntaxError(`no table named ${name} in monitor session`);
    if (!isArray(requests)) throw syntaxError(`table ${name} no monitor-cond-change JSON array`);
    for (const request of requests) {
      const parser = new ObjectParser(request, `table ${name}`);
      if (member(parser.json, 'columns') !== undefined) throw syntaxError('changing columns is unsupported', request);
      const where = parser.optional('where', 'array') ?? [];
      parser.finish();
      conditions.set(monitored.schema, parseWhere(monitored.schema, where));
    }
  }
  return tables.map((each) => ({ ...each, where: conditions.get(each.schema) ?? each.where }));
};

/** A request with its conditions, as a key: equal for monitors that are told the same. */
export const monitorKey = (version: MonitorVersion, tables: readonly MonitoredTable[]): string =>
  JSON.stringify([version, tables.map(describeTable)]);

const describeTable = ({ schema, columns, where }: MonitoredTable) => [
  schema.name,
  columns.map(({ column, select }) => [column.name, ...select]),
  where.map((clause) =>
    typeof clause === 'boolean'
      ? clause
      : [clause.column.name, clause.function, clause.argument.text(clause.column.type)],
  ),
];

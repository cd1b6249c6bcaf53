import { checkDatum, checkSize } from '../schema/datum.ts';
import type { Row } from '../schema/row.ts';
import { countAllReferences, type Tables, unresolvedReferences } from './references.ts';
import { Table } from './table.ts';

/** Where rows are stored, as far as a check reads it. */
export interface Stored {
  load(tables: Tables, newUuid: () => string): void;
}

/**
 * What is wrong with a database between two transactions, in sentences; nothing when all the rules of the schema hold,
 * what is derived from the rows agrees with them, and the rows in memory are those that are stored.
 */
export const checkDatabase = (tables: Tables, stored?: Stored): string[] => [
  ...[...tables.values()].flatMap((table) => [...checkRows(table), ...checkIndexes(table)]),
  ...unresolvedReferences(tables),
  ...checkCounts(tables),
  ...(stored === undefined ? [] : checkStored(tables, stored)),
];

const nameOf = (table: Table, row: Row): string => `${table.schema.name} row ${row.uuid}`;

const checkRows = (table: Table): string[] => {
  const problems: string[] = [];
  const { maxRows, name } = table.schema;
  if (table.size > maxRows) problems.push(`table ${name} has ${table.size} rows, more than ${maxRows}`);
  for (const row of table.rows()) {
    if (table.get(row.uuid) !== row) problems.push(`${nameOf(table, row)} does not stand under its uuid`);
    for (const column of table.schema.ownColumns) {
      try {
        checkSize(row.get(column), column.type);
        if (!row.isDefault(column)) checkDatum(row.get(column), column.type);
      } catch (error) {
        problems.push(`${nameOf(table, row)} column ${column.name}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  return problems;
};

const checkIndexes = (table: Table): string[] =>
  [...table.rows()].flatMap((row) =>
    table.indexes.flatMap((index) => {
      const found = index.find(row);
      if (found.length === 1 && found[0] === row.uuid) return [];
      const columns = index.columns.map(({ name }) => name).join();
      return [`${nameOf(table, row)}: the index on ${columns} holds ${found.length} rows for its key`];
    }),
  );

/** Counts anew, on tables of their own, and compares. */
const checkCounts = (tables: Tables): string[] => {
  const counted = new Map([...tables].map(([name, table]) => [name, copy(table)]));
  countAllReferences(counted);
  return [...tables].flatMap(([name, table]) => {
    const references = counted.get(name)?.references ?? new Map<string, number>();
    const uuids = new Set([...references.keys(), ...table.references.keys()]);
    const wrong = [...uuids].filter((uuid) => references.get(uuid) !== table.references.get(uuid));
    const garbage = table.schema.isRoot ? [] : [...table.rows()].filter(({ uuid }) => !references.has(uuid));
    return [
      ...wrong.map(
        (uuid) => `${name} row ${uuid} has ${references.get(uuid)} references, not ${table.references.get(uuid)}`,
      ),
      ...garbage.map((row) => `${nameOf(table, row)} is garbage`),
    ];
  });
};

const copy = (table: Table): Table => {
  const copied = new Table(table.schema);
  for (const row of table.rows()) copied.put(row.uuid, row);
  return copied;
};

const checkStored = (tables: Tables, stored: Stored): string[] => {
  const loaded = new Map([...tables].map(([name, { schema }]) => [name, new Table(schema)]));
  stored.load(loaded, () => '');
  return [...tables].flatMap(([name, table]) => {
    const storedTable = loaded.get(name) ?? table;
    const missing = [...table.rows()].filter(({ uuid }) => storedTable.get(uuid) === undefined);
    return [
      ...missing.map((row) => `${nameOf(table, row)} is not stored`),
      ...[...storedTable.rows()].flatMap((row) => compareStored(table, row)),
    ];
  });
};

const compareStored = (table: Table, row: Row): string[] => {
  const inMemory = table.get(row.uuid);
  if (inMemory === undefined) return [`${nameOf(table, row)} is stored, but not in memory`];
  return table.schema.ownColumns
    .filter((column) => !column.ephemeral && !inMemory.get(column).equals(row.get(column)))
    .map(({ name }) => `${nameOf(table, row)} column ${name} is stored with another value than in memory`);
};

import { OvsdbError } from '../schema/error.ts';
import type { Row } from '../schema/row.ts';
import {
  checkDeletedRows,
  collectGarbage,
  dropDeadWeakReferences,
  type Tables,
  updateReferenceCounts,
} from './references.ts';
import type { Table } from './table.ts';
import type { RowChange, Transaction } from './transaction.ts';
import type { UniqueIndex } from './unique-index.ts';

/**
 * The rules that a transaction must meet as a whole (RFC 7047 section 3.2). The order matters: garbage is known once
 * references are counted, a row that is garbage may not count against limits, and weak references vanish last.
 * @throws OvsdbError
 * @returns what the transaction changes, all told
 */
export const checkTransaction = (tables: Tables, transaction: Transaction): readonly RowChange[] => {
  dropEmptyChanges(transaction);
  updateReferenceCounts(tables, transaction, transaction.changes());
  collectGarbage(tables, transaction);
  checkDeletedRows(transaction.changes());
  dropDeadWeakReferences(tables, transaction, transaction.changes());
  dropEmptyChanges(transaction);
  const changes = transaction.changes();
  checkMaxRows(changes);
  for (const change of changes) checkIndexes(change, changes);
  return changes;
};

/** A row that was written but is as it was counts as not changed, and keeps its version. */
const dropEmptyChanges = (transaction: Transaction): void => {
  for (const { table, uuid, old, new: now } of transaction.changes()) {
    if (old !== undefined && now !== undefined && old.hasSameData(now)) transaction.put(table, uuid, old);
  }
};

const checkMaxRows = (changes: readonly RowChange[]): void => {
  for (const { table, old } of changes) {
    const { schema, size } = table;
    if (old !== undefined || size <= schema.maxRows) continue;
    throw new OvsdbError(
      'constraint violation',
      `transaction causes "${schema.name}" table to contain ${size} rows, greater than the schema-defined limit of ${schema.maxRows} row(s)`,
    );
  }
};

const checkIndexes = ({ table, old, new: row }: RowChange, changes: readonly RowChange[]): void => {
  if (row === undefined) return;
  for (const index of table.indexes) {
    if (old !== undefined && index.hasSameKey(old, row)) continue;
    const [first, second] = index.find(row);
    if (first !== undefined && second !== undefined) throw duplicate(index, table, [first, second], changes);
  }
};

/** The changed rows as they were before the transaction. */
type Originals = ReadonlyMap<string, Row | undefined>;

const duplicate = (
  index: UniqueIndex,
  table: Table,
  [first, second]: readonly [string, string],
  changes: readonly RowChange[],
): OvsdbError => {
  const originals: Originals = new Map(changes.map(({ uuid, old }) => [uuid, old]));
  const names = index.columns.map(({ name }) => `"${name}"`);
  const columns = names.length === 1 ? `column ${names[0]}` : `columns ${joinWords(names)}`;
  const row = table.get(first);
  const story = (uuid: string) => history(index, table.get(uuid), uuid, originals);
  return new OvsdbError(
    'constraint violation',
    `Transaction causes multiple rows in "${table.schema.name}" table to have identical values (${row && index.describe(row)}) for index on ${columns}.  First row, with UUID ${first}, ${story(first)}.  Second row, with UUID ${second}, ${story(second)}.`,
  );
};

/** Where a row of a clash came from. */
const history = (index: UniqueIndex, row: Row | undefined, uuid: string, originals: Originals): string => {
  if (!originals.has(uuid))
    return 'existed in the database before this transaction and was not modified by the transaction';
  const old = originals.get(uuid);
  if (old === undefined) return 'was inserted by this transaction';
  if (row !== undefined && index.columns.every((column) => old.get(column).equals(row.get(column)))) {
    return "existed in the database before this transaction, which modified some of the row's columns but not any columns in this index";
  }
  return `had the following index values before the transaction: ${index.describe(old)}`;
};

/** "a", "a and b", "a, b, and c" */
const joinWords = (words: readonly string[]): string =>
  words.length <= 2 ? words.join(' and ') : `${words.slice(0, -1).join(', ')}, and ${words.at(-1)}`;

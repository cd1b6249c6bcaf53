import type { Atom } from '../schema/atom.ts';
import { Datum } from '../schema/datum.ts';
import { type Difference, difference } from '../schema/difference.ts';
import { OvsdbError } from '../schema/error.ts';
import type { Row } from '../schema/row.ts';
import type { Column, TableSchema } from '../schema/schema.ts';
import { zeroUuid } from '../schema/uuid.ts';
import type { Table } from './table.ts';
import { countReferences, type RowChange, type Transaction } from './transaction.ts';

export type Tables = ReadonlyMap<string, Table>;

/** A column's keys or values that refer to rows of a table. */
interface ReferencePart {
  readonly column: Column;
  readonly part: 'key' | 'value';
  readonly refTable: string;
  readonly refType: 'strong' | 'weak';
}

type PartsOfTable = { readonly [refType in 'strong' | 'weak']: readonly ReferencePart[] };
const partsByTable = new WeakMap<TableSchema, PartsOfTable>();

const referenceParts = (schema: TableSchema): PartsOfTable => {
  const known = partsByTable.get(schema);
  if (known !== undefined) return known;
  const all = schema.ownColumns.flatMap((column) =>
    (['key', 'value'] as const).flatMap((part): ReferencePart[] => {
      const base = column.type[part];
      if (base?.refTable === undefined) return [];
      return [{ column, part, refTable: base.refTable, refType: base.refType ?? 'strong' }];
    }),
  );
  const parts: PartsOfTable = {
    strong: all.filter(({ refType }) => refType === 'strong'),
    weak: all.filter(({ refType }) => refType === 'weak'),
  };
  partsByTable.set(schema, parts);
  return parts;
};

const partsOf = (schema: TableSchema, refType: 'strong' | 'weak'): readonly ReferencePart[] =>
  referenceParts(schema)[refType];

/** What a reference column holds before and after a change; nothing where there is no row. */
const differences = ({ column }: ReferencePart, change: RowChange): readonly Difference[] =>
  difference(change.old?.get(column) ?? Datum.empty, change.new?.get(column) ?? Datum.empty);

const goneTarget = ({ part }: ReferencePart, { key, old, new: now }: Difference): Atom | undefined =>
  part === 'value' ? old : now === undefined ? key : undefined;
const newTarget = ({ part }: ReferencePart, { key, old, new: now }: Difference): Atom | undefined =>
  part === 'value' ? now : old === undefined ? key : undefined;

/**
 * Counts the strong references that came and went (RFC 7047 section 3.2, "refType"). A row's references to itself do not
 * count: they keep no row.
 * @throws OvsdbError referential integrity violation, for one to a row that does not exist
 */
export const updateReferenceCounts = (tables: Tables, transaction: Transaction, changes: Iterable<RowChange>): void => {
  for (const change of changes) {
    for (const part of partsOf(change.table.schema, 'strong')) {
      const target = tables.get(part.refTable);
      if (target === undefined) continue;
      for (const each of differences(part, change)) {
        const gone = goneTarget(part, each);
        const added = newTarget(part, each);
        if (gone !== undefined && gone !== change.uuid) count(transaction, target, String(gone), -1);
        if (added === undefined || added === change.uuid) continue;
        if (target.get(String(added)) === undefined) throw danglingReference(change, part, added);
        count(transaction, target, String(added), 1);
      }
    }
  }
};

const count = (transaction: Transaction, table: Table, uuid: string, delta: number): void => {
  countReferences(table, uuid, delta);
  let deltas = transaction.referenceDeltas.get(table);
  if (deltas === undefined) {
    deltas = new Map();
    transaction.referenceDeltas.set(table, deltas);
  }
  deltas.set(uuid, (deltas.get(uuid) ?? 0) + delta);
};

const danglingReference = ({ table, uuid }: RowChange, { column, refTable }: ReferencePart, target: Atom) =>
  new OvsdbError(
    'referential integrity violation',
    `Table ${table.schema.name} column ${column.name} row ${uuid} references nonexistent row ${target} in table ${refTable}.`,
  );

/** Deletes the rows of tables that are not root and that nothing refers to any more, and so on. */
export const collectGarbage = (tables: Tables, transaction: Transaction): void => {
  let suspects: readonly (readonly [Table, string])[] = suspectsOf(transaction);
  for (;;) {
    const garbage: RowChange[] = [];
    for (const [table, uuid] of suspects) {
      const row = table.get(uuid);
      if (row === undefined || table.schema.isRoot || table.references.has(uuid)) continue;
      transaction.delete(table, uuid);
      garbage.push({ table, uuid, old: row, new: undefined });
    }
    if (garbage.length === 0) return;
    updateReferenceCounts(tables, transaction, garbage);
    suspects = garbage.flatMap((change) => referredRows(tables, change));
  }
};

/** The rows that may have become garbage: new ones, and those that lost references. */
const suspectsOf = (transaction: Transaction): (readonly [Table, string])[] => {
  const suspects: (readonly [Table, string])[] = [];
  for (const { table, uuid, old } of transaction.changes()) {
    if (old === undefined && !table.schema.isRoot) suspects.push([table, uuid]);
  }
  for (const [table, deltas] of transaction.referenceDeltas) {
    for (const [uuid, delta] of deltas) if (delta < 0) suspects.push([table, uuid]);
  }
  return suspects;
};

const referredRows = (tables: Tables, change: RowChange): (readonly [Table, string])[] =>
  partsOf(change.table.schema, 'strong').flatMap((part) => {
    const target = tables.get(part.refTable);
    if (target === undefined) return [];
    return differences(part, change).flatMap((each): (readonly [Table, string])[] => {
      const gone = goneTarget(part, each);
      return gone === undefined ? [] : [[target, String(gone)]];
    });
  });

/** @throws OvsdbError referential integrity violation, for a deleted row that something still refers to */
export const checkDeletedRows = (changes: readonly RowChange[]): void => {
  for (const { table, uuid, new: now } of changes) {
    const references = table.references.get(uuid) ?? 0;
    if (now !== undefined || references === 0) continue;
    throw new OvsdbError(
      'referential integrity violation',
      `cannot delete ${table.schema.name} row ${uuid} because of ${references} remaining reference(s)`,
    );
  }
};

/**
 * Takes weak references to rows that are gone, or never were, out of the columns that hold them.
 * @throws OvsdbError constraint violation, when a column that may not be empty would become so
 */
export const dropDeadWeakReferences = (
  tables: Tables,
  transaction: Transaction,
  changes: readonly RowChange[],
): void => {
  for (const change of changes) {
    const { table, uuid, new: now } = change;
    if (now === undefined) dropReferencesTo(tables, transaction, table, uuid);
    else for (const part of partsOf(table.schema, 'weak')) dropDeadIn(tables, transaction, change, part);
  }
};

/** The row as it is now: an earlier part may have changed it. */
const dropDeadIn = (tables: Tables, transaction: Transaction, change: RowChange, part: ReferencePart): void => {
  const { table, uuid } = change;
  const target = tables.get(part.refTable);
  const row = table.get(uuid);
  if (row === undefined || target === undefined) return;
  const dead = differences(part, change).filter((each) => {
    const added = newTarget(part, each);
    return added !== undefined && target.get(String(added)) === undefined;
  });
  removeElements(
    transaction,
    table,
    row,
    part.column,
    dead.map(({ key }) => key),
    change.old === undefined,
  );
};

const dropReferencesTo = (tables: Tables, transaction: Transaction, target: Table, uuid: string): void => {
  for (const table of tables.values()) {
    for (const { column, part, refTable } of partsOf(table.schema, 'weak')) {
      if (refTable !== target.schema.name) continue;
      for (const row of referringRows(table, column, part, uuid)) {
        const keys = [...row.get(column).elements()].filter(([key, value]) => (part === 'key' ? key : value) === uuid);
        removeElements(
          transaction,
          table,
          row,
          column,
          keys.map(([key]) => key),
          false,
        );
      }
    }
  }
};

const referringRows = (table: Table, column: Column, part: 'key' | 'value', uuid: string): readonly Row[] => {
  const found = part === 'key' ? table.withElement(column, uuid, undefined) : undefined;
  return (found ?? [...table.rows()]).filter((row) => {
    const datum = row.get(column);
    return part === 'key' ? datum.has(uuid) : [...datum.elements()].some(([, value]) => value === uuid);
  });
};

const removeElements = (
  transaction: Transaction,
  table: Table,
  row: Row,
  column: Column,
  keys: readonly Atom[],
  inserted: boolean,
): void => {
  if (keys.length === 0) return;
  const before = row.get(column);
  const after = keys.reduce((datum: Datum, key) => datum.remove(key), before);
  if (after.size < column.type.min) throw emptiedColumn(table, row, column, keys, inserted);
  transaction.modify(table, row, new Map([[column, after]]));
};

const emptiedColumn = (table: Table, row: Row, column: Column, keys: readonly Atom[], inserted: boolean) => {
  const where = `column "${column.name}" in "${table.schema.name}" row ${row.uuid}`;
  if (inserted && keys.includes(zeroUuid)) {
    return new OvsdbError(
      'constraint violation',
      `Weak reference ${where} (inserted within this transaction) contained all-zeros UUID (probably as the default value for this column) but deleting this value caused a constraint volation because this column is not allowed to be empty.`,
    );
  }
  return new OvsdbError(
    'constraint violation',
    `Deletion of ${keys.length} weak reference(s) to deleted (or never-existing) rows from ${where} ${inserted ? '(inserted within this transaction) ' : ''}caused this column to become empty, but constraints on this column disallow an empty column.`,
  );
};

/** References, strong or weak, to rows that do not exist: between transactions there are none. In sentences. */
export const unresolvedReferences = (tables: Tables): string[] =>
  [...tables.values()].flatMap((table) =>
    [...partsOf(table.schema, 'strong'), ...partsOf(table.schema, 'weak')].flatMap(({ column, part, refTable }) =>
      [...table.rows()].flatMap((row) =>
        [...row.get(column).elements()]
          .map(([key, value]) => String(part === 'key' ? key : value))
          .filter((uuid) => tables.get(refTable)?.get(uuid) === undefined)
          .map((uuid) => `${table.schema.name} row ${row.uuid} column ${column.name} refers to no row: ${uuid}`),
      ),
    ),
  );

/** Counts the strong references of tables that were filled from storage. */
export const countAllReferences = (tables: Tables): void => {
  for (const table of tables.values()) {
    for (const { column, part, refTable } of partsOf(table.schema, 'strong')) {
      const target = tables.get(refTable);
      for (const row of target === undefined ? [] : table.rows()) {
        row.get(column).forEach((key, value) => {
          const referred = String(part === 'key' ? key : value);
          if (target !== undefined && referred !== row.uuid) countReferences(target, referred, 1);
        });
      }
    }
  }
};

/** How many weak references the rows hold. */
export const countWeakReferences = (tables: Tables): number => {
  let count = 0;
  for (const table of tables.values()) {
    const parts = partsOf(table.schema, 'weak');
    if (parts.length === 0) continue;
    for (const row of table.rows()) for (const { column } of parts) count += row.get(column).size;
  }
  return count;
};

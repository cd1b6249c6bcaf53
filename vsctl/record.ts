import type { Atom } from '../schema/atom.ts';
import type { Column, TableSchema } from '../schema/schema.ts';
import { isUuid } from '../schema/uuid.ts';
import type { RowRef } from './edit.ts';
import { CommandFailure } from './failure.ts';
import type { View } from './view.ts';

/** Another way than its uuid to name a row of a table (ovs-vsctl(8), "Identifying Tables, Records, and Columns"). */
interface Naming {
  /** The table in whose column the name is looked for. */
  readonly table: string;
  /** Absent in a table of one row, which goes by ".". */
  readonly column?: string;
  /** The column that leads from there to the row; absent if the row found is the one meant. */
  readonly via?: string;
}

export const namings: ReadonlyMap<string, Naming> = new Map([
  ['AutoAttach', { table: 'Bridge', column: 'name', via: 'auto_attach' }],
  ['Bridge', { table: 'Bridge', column: 'name' }],
  ['Controller', { table: 'Bridge', column: 'name', via: 'controller' }],
  ['Flow_Sample_Collector_Set', { table: 'Flow_Sample_Collector_Set', column: 'id' }],
  ['Flow_Table', { table: 'Flow_Table', column: 'name' }],
  ['IPFIX', { table: 'Bridge', column: 'name', via: 'ipfix' }],
  ['Interface', { table: 'Interface', column: 'name' }],
  ['Manager', { table: 'Manager', column: 'target' }],
  ['Mirror', { table: 'Mirror', column: 'name' }],
  ['NetFlow', { table: 'Bridge', column: 'name', via: 'netflow' }],
  ['Open_vSwitch', { table: 'Open_vSwitch' }],
  ['Port', { table: 'Port', column: 'name' }],
  ['QoS', { table: 'Port', column: 'name', via: 'qos' }],
  ['SSL', { table: 'SSL' }],
  ['sFlow', { table: 'Bridge', column: 'name', via: 'sflow' }],
]);

/**
 * The row that `record` names.
 * @param columns columns that will be read next
 * @throws CommandFailure for an ambiguous name
 */
export const findRecord = (
  view: View,
  table: TableSchema,
  record: string,
  columns: readonly Column[] = [],
): RowRef | undefined => {
  if (isUuid(record)) {
    const uuid = record.toLowerCase();
    const row = view.row(table, uuid);
    if (row !== undefined) return row;
  }
  return findByName(view, table, record, columns) ?? findByUuidPrefix(view, table, record);
};

/** @throws CommandFailure if there is no such row */
export const getRecord = (view: View, table: TableSchema, record: string, columns: readonly Column[] = []): RowRef => {
  const row = findRecord(view, table, record, columns);
  if (row === undefined) throw new CommandFailure(`no row "${record}" in table ${table.name}`);
  return row;
};

const findByName = (view: View, table: TableSchema, record: string, columns: readonly Column[]): RowRef | undefined => {
  const naming = namings.get(table.name);
  if (naming === undefined || record === '') return undefined;
  const referrer = findReferrer(view, naming, record, naming.via === undefined ? columns : []);
  if (referrer === undefined || naming.via === undefined) return referrer;
  const via = view.column(naming.table, naming.via);
  const value = view.get(referrer, via);
  view.guard(referrer, via);
  return value.size === 1 ? view.reference(table, String(value.first)) : undefined;
};

const findReferrer = (
  view: View,
  { table: name, column }: Naming,
  record: string,
  columns: readonly Column[],
): RowRef | undefined => {
  const table = view.table(name);
  if (column === undefined) {
    if (record !== '.') return undefined;
    const rows = view.all(table, columns);
    return rows.length === 1 ? rows[0] : undefined;
  }
  const atom = nameAtom(table.column(column), record);
  if (atom === undefined) return undefined;
  const [row, ...others] = view.select(table, table.column(column), atom, columns);
  if (others.length > 0) throw new CommandFailure(`multiple rows in ${name} match "${record}"`);
  return row;
};

const nameAtom = ({ type }: Column, record: string): Atom | undefined => {
  if (type.key.type === 'string') return record;
  return /^\d+$/.test(record) ? Number(record) : undefined;
};

/** Four or more of the first digits of a uuid stand for it. */
const findByUuidPrefix = (view: View, table: TableSchema, record: string): RowRef | undefined => {
  const prefix = record.toLowerCase();
  if (prefix.replaceAll('-', '').length < 4 || !isUuidPrefix(prefix)) return undefined;
  const [row, other] = view.all(table).filter(({ uuid }) => uuid.startsWith(prefix));
  if (row !== undefined && other !== undefined) {
    throw new CommandFailure(
      `${table.name} contains 2 or more rows whose UUIDs begin with ${record}: at least ${row.uuid} and ${other.uuid}`,
    );
  }
  return row;
};

const isUuidPrefix = (text: string): boolean =>
  text.length < 36 && isUuid(text + '00000000-0000-0000-0000-000000000000'.slice(text.length));

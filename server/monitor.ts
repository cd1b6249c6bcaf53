import { matchesClause } from '../schema/condition.ts';
import { diffDatum } from '../schema/datum-diff.ts';
import { JsonText } from '../schema/json.ts';
import type { Row } from '../schema/row.ts';
import type { Column } from '../schema/schema.ts';
import type { MonitoredColumn, MonitoredTable, MonitorVersion, Selection } from './monitor-request.ts';
import type { Tables } from './references.ts';
import type { Table } from './table.ts';
import type { RowChange } from './transaction.ts';

/** A row before and after, as one monitor sees it: undefined where the monitor's conditions leave it out. */
interface Sight {
  readonly old: Row | undefined;
  readonly new: Row | undefined;
}

/** The text of `<row-update>` or `<row-update2>`, or undefined when the monitor has nothing to say. */
type RowUpdate = (table: MonitoredTable, sight: Sight, selection: Selection) => string | undefined;

const member = (column: Column, row: Row): string => `"${column.name}":${row.get(column).text(column.type)}`;
const object = (members: readonly string[]): string => `{${members.join()}}`;
const differs = (column: Column, { old, new: now }: Sight): boolean =>
  old !== undefined && now !== undefined && !old.get(column).equals(now.get(column));

const selectedColumns = (table: MonitoredTable, selection: Selection): Column[] =>
  table.columns.filter(({ select }: MonitoredColumn) => select.has(selection)).map(({ column }) => column);

/** RFC 7047 section 4.1.6: "old" has what changed, or all of a row that is gone; "new" has all columns. */
const update1: RowUpdate = (table, sight, selection) => {
  const columns = selectedColumns(table, selection);
  const { old, new: now } = sight;
  const before = now === undefined ? columns : columns.filter((column) => differs(column, sight));
  if (selection === 'modify' && before.length === 0) return undefined;
  const members: string[] = [];
  if (old !== undefined) members.push(`"old":${object(before.map((column) => member(column, old)))}`);
  if (now !== undefined) members.push(`"new":${object(columns.map((column) => member(column, now)))}`);
  return object(members);
};

/** ovsdb-server(7), section 4.1.14: new rows without columns at their default; of modified ones the differences. */
const update2: RowUpdate = (table, sight, selection) => {
  const { old, new: now } = sight;
  if (now === undefined) return '{"delete":null}';
  const columns = selectedColumns(table, selection);
  if (old === undefined) {
    const members = columns.filter((column) => !now.isDefault(column)).map((column) => member(column, now));
    return `{"${selection}":${object(members)}}`;
  }
  const changed = columns.filter((column) => differs(column, sight));
  if (changed.length === 0) return undefined;
  const diffs = changed.map((column) => {
    const { name, type } = column;
    return `"${name}":${diffDatum(type, old.get(column), now.get(column)).text(type)}`;
  });
  return `{"modify":${object(diffs)}}`;
};

const rowUpdates: { readonly [version in MonitorVersion]: RowUpdate } = { 1: update1, 2: update2, 3: update2 };

const visible = (table: MonitoredTable, row: Row | undefined): Row | undefined =>
  row !== undefined && table.where.some((clause) => matchesClause(row, clause)) ? row : undefined;

const selectionOf = ({ old, new: now }: Sight): Selection | undefined => {
  if (old === undefined) return now === undefined ? undefined : 'insert';
  return now === undefined ? 'delete' : 'modify';
};

/** Collects the row updates of several tables into `<table-updates>`. */
class TableUpdates {
  readonly #tables = new Map<string, string[]>();

  add(table: string, uuid: string, rowUpdate: string): void {
    const text = `"${uuid}":${rowUpdate}`;
    const rows = this.#tables.get(table);
    if (rows === undefined) this.#tables.set(table, [text]);
    else rows.push(text);
  }

  /** The text, or undefined when there is nothing in it. */
  get text(): string | undefined {
    if (this.#tables.size === 0) return undefined;
    return object([...this.#tables].map(([table, rows]) => `"${table}":${object(rows)}`));
  }
}

/** Takes the text of `<table-updates>`, and the transaction that they are of. */
export type Subscriber = (updates: string, transaction: string, changes: readonly RowChange[]) => void;

/**
 * What is told to every monitor that asked for the same: made once for all of them.
 */
export class Monitor {
  readonly version: MonitorVersion;
  readonly tables: readonly MonitoredTable[];
  readonly subscribers = new Set<Subscriber>();
  readonly #byName: ReadonlyMap<string, MonitoredTable>;
  /** Kept as long as no row that it is about changes. */
  #initial: JsonText | undefined;

  constructor(version: MonitorVersion, tables: readonly MonitoredTable[]) {
    this.version = version;
    this.tables = tables;
    this.#byName = new Map(tables.map((table) => [table.schema.name, table]));
  }

  /** All rows, as the reply to the monitor request has them. */
  initial(tables: Tables): JsonText {
    this.#initial ??= new JsonText(this.#compose(tables));
    return this.#initial;
  }

  #compose(tables: Tables): string {
    const updates = new TableUpdates();
    for (const monitored of this.tables) {
      if (!monitored.select.has('initial')) continue;
      for (const row of tables.get(monitored.schema.name)?.rows() ?? []) {
        this.#addRow(updates, monitored, { old: undefined, new: visible(monitored, row) }, 'initial');
      }
    }
    return updates.text ?? '{}';
  }

  /** Tells the subscribers what a transaction changed. */
  publish(changes: readonly RowChange[], transaction: string): void {
    if (!changes.some(({ table }) => this.watches(table))) return;
    this.#initial = undefined;
    const text = this.updates(changes);
    if (text !== undefined) for (const subscriber of this.subscribers) subscriber(text, transaction, changes);
  }

  watches(table: Table): boolean {
    return this.#byName.has(table.schema.name);
  }

  /** What these changes are to this monitor; undefined if nothing. */
  updates(changes: readonly RowChange[]): string | undefined {
    const updates = new TableUpdates();
    for (const change of changes) {
      const monitored = this.#byName.get(change.table.schema.name);
      if (monitored === undefined) continue;
      const sight = { old: visible(monitored, change.old), new: visible(monitored, change.new) };
      this.#addRow(updates, monitored, sight, selectionOf(sight));
    }
    return updates.text;
  }

  /** Whether it watches columns that are not kept over a restart. */
  get watchesEphemeral(): boolean {
    return this.tables.some(({ columns }) => columns.some(({ column }) => column.ephemeral));
  }

  /** What a subscriber of this monitor misses that from now on is one of `newer`; undefined if nothing. */
  transition(newer: Monitor, tables: Tables): string | undefined {
    const updates = new TableUpdates();
    for (const [i, monitored] of this.tables.entries()) {
      const next = newer.tables[i];
      if (next === undefined || next.where === monitored.where) continue;
      for (const row of tables.get(monitored.schema.name)?.rows() ?? []) {
        const sight = { old: visible(monitored, row), new: visible(next, row) };
        if (sight.old !== sight.new) this.#addRow(updates, monitored, sight, selectionOf(sight));
      }
    }
    return updates.text;
  }

  #addRow(updates: TableUpdates, table: MonitoredTable, sight: Sight, selection: Selection | undefined): void {
    if (selection === undefined || !table.select.has(selection)) return;
    const text = rowUpdates[this.version](table, sight, selection);
    const { uuid } = sight.new ?? sight.old ?? {};
    if (text !== undefined && uuid !== undefined) updates.add(table.schema.name, uuid, text);
  }
}

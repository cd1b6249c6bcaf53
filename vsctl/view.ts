import type { Atom } from '../schema/atom.ts';
import { Datum, defaultDatum } from '../schema/datum.ts';
import { firstRawBytes } from '../schema/raw-bytes.ts';
import { type Column, type DatabaseSchema, type TableSchema, uuidColumn } from '../schema/schema.ts';
import { ColumnEdit, GainedAtoms, type RowEdit, type RowRef } from './edit.ts';
import { type Facts, Missing } from './facts.ts';
import { Stale } from './failure.ts';
import { type Clause, Query } from './query.ts';

/** The rows that a query selected, with the columns that mattered. */
export interface Guard {
  readonly query: Query;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Datum[])[];
}

/** A row's columns; undefined for one that has not been read. */
export interface RowReader {
  get(column: Column): Datum | undefined;
}

/** No row has them anywhere, and they cannot be sent. */
const rawBytesOf = (atom: Atom | undefined): string | undefined =>
  typeof atom === 'string' ? firstRawBytes(atom) : undefined;

const none: ReadonlySet<RowRef> = new Set();
const noUuids: ReadonlySet<string> = new Set();

/** The database as a run's commands see it: what was read of it, with the run's own changes on top. */
export class View {
  readonly schema: DatabaseSchema;
  readonly facts: Facts;
  /** Changes so far, in the order in which rows were first touched. */
  readonly edits = new Map<string, RowEdit>();
  /** What decided something: the changes are to be made only if it is still so. */
  readonly guards = new Map<string, Guard>();
  /** The first bytes that are no text among what is to be written: no database takes them. */
  rawBytes: string | undefined;
  readonly #gained = new GainedAtoms();
  readonly #changed = new Map<TableSchema, Set<RowRef>>();
  readonly #inserted = new Map<TableSchema, Set<RowRef>>();
  /** Rows inserted and deleted again. */
  readonly #undone = new Set<RowRef>();
  readonly #rows = new Map<string, RowRef>();
  readonly #newUuid: () => string;
  /** Rows that were found to be gone before: a reference that still leads to one is the server's fault. */
  readonly #gone: ReadonlySet<string>;

  constructor(schema: DatabaseSchema, facts: Facts, newUuid: () => string, gone: ReadonlySet<string> = noUuids) {
    this.#gone = gone;
    this.schema = schema;
    this.facts = facts;
    this.#newUuid = newUuid;
  }

  table(name: string): TableSchema {
    const table = this.schema.tables.get(name);
    if (table === undefined) throw new Error(`the schema has no table ${name}`);
    return table;
  }

  column(table: string, name: string): Column {
    return this.table(table).column(name);
  }

  /** Whether the row is one that this run inserts. */
  isNew(uuid: string): boolean {
    return this.edits.get(uuid)?.kind === 'insert';
  }

  /** The row of that uuid, or undefined if there is none. */
  row(table: TableSchema, uuid: string): RowRef | undefined {
    const edit = this.edits.get(uuid);
    if (edit !== undefined) return edit.kind === 'delete' || edit.row.table !== table ? undefined : edit.row;
    const exists = this.facts.exists(table, uuid);
    const query = Query.byUuid(table, uuid);
    this.#guard(query, exists ? [uuid] : []);
    return exists ? this.#ref(table, uuid) : undefined;
  }

  /** The row that a reference leads to: references lead nowhere only if the server broke its promise. */
  reference(table: TableSchema, uuid: string): RowRef {
    return this.edits.get(uuid)?.row ?? this.#ref(table, uuid);
  }

  /**
   * A quick way to several columns of a row that was loaded; undefined if there is no such row.
   * @throws Missing if nothing is known of it
   */
  reader(row: RowRef): RowReader | undefined {
    const isUnchanged = this.edits.size === 0 || !this.edits.has(row.uuid);
    if (isUnchanged && !this.#undone.has(row)) return this.facts.row(row.table, row.uuid) ?? undefined;
    return this.#isLive(row) ? { get: (column) => this.get(row, column) } : undefined;
  }

  /** Rows where that column is, or in a set has, that atom. `columns` will be read next. */
  select(table: TableSchema, column: Column, atom: Atom, columns: readonly Column[] = []): RowRef[] {
    if (rawBytesOf(atom) !== undefined) return [];
    const query = this.#selection(table, column, atom);
    const found = new Set<RowRef>();
    if (!(typeof atom === 'string' && this.isNew(atom))) {
      const uuids = this.facts.select(query, columns);
      this.#guard(query, uuids);
      for (const uuid of uuids) found.add(this.#ref(table, uuid));
    }
    for (const row of this.#gained.get(column, atom)) if (row.table === table) found.add(row);
    return [...found].filter((row) => this.#isLive(row) && this.has(row, column, atom));
  }

  /** Whether this run inserts a row that has that atom in that column. */
  inserts(table: TableSchema, column: Column, atom: Atom): boolean {
    for (const row of this.#gained.get(column, atom)) {
      if (row.table === table && this.isNew(row.uuid) && this.has(row, column, atom)) return true;
    }
    return false;
  }

  /** Notes that `select` will be called with these arguments, so that it can be read together with other things. */
  wantSelect(table: TableSchema, column: Column, atom: Atom, columns: readonly Column[] = []): void {
    if (rawBytesOf(atom) !== undefined) return;
    this.facts.want(this.#selection(table, column, atom), columns);
  }

  #selection(table: TableSchema, column: Column, atom: Atom): Query {
    const single = column.type.max === 1 && column.type.min === 1;
    const clause: Clause = { column, function: single ? '==' : 'includes', atom };
    return new Query(table, [clause]);
  }

  /** All rows of a table. */
  all(table: TableSchema, columns: readonly Column[] = []): RowRef[] {
    const rows = this.facts.select(new Query(table), columns).map((uuid) => this.#ref(table, uuid));
    return [...rows, ...(this.#inserted.get(table) ?? [])].filter((row) => this.#isLive(row));
  }

  /** The rows of a table that this run has inserted, changed or deleted. */
  changedRows(table: TableSchema): ReadonlySet<RowRef> {
    return this.#changed.get(table) ?? none;
  }

  /** Rows among which are all that the clauses select, with these columns read. */
  candidates(table: TableSchema, clauses: readonly Clause[], columns: readonly Column[]): RowRef[] {
    if (clauses.length === 0 || this.changedRows(table).size > 0) {
      const rows = this.all(table, columns);
      this.load(rows, columns);
      return rows;
    }
    const rows = this.facts.select(new Query(table, clauses), columns).map((uuid) => this.#ref(table, uuid));
    this.load(rows, columns);
    return rows;
  }

  /** Notes that `all` will be called, so that it can be read together with other things. */
  wantAll(table: TableSchema, columns: readonly Column[] = []): void {
    this.facts.want(new Query(table), columns);
  }

  /** Makes the changes depend on the table's having no rows. */
  guardEmpty(table: TableSchema): void {
    this.#guard(new Query(table), []);
  }

  /**
   * Reads columns of several rows together.
   * @throws Missing if any is not known yet
   */
  load(rows: Iterable<RowRef>, columns: readonly Column[]): void {
    const uuids = new Map<TableSchema, string[]>();
    for (const { table, uuid } of rows) {
      if (this.isNew(uuid)) continue;
      const known = uuids.get(table);
      if (known === undefined) uuids.set(table, [uuid]);
      else known.push(uuid);
    }
    const complete = [...uuids].map(([table, each]) => this.facts.wantRows(table, each, columns));
    if (complete.includes(false)) throw new Missing();
  }

  /** A column's value. */
  get(row: RowRef, column: Column): Datum {
    if (column === uuidColumn) return Datum.of(row.uuid);
    const edit = this.edits.get(row.uuid);
    if (edit === undefined) return this.#base(row, column);
    const change = edit.columns.get(column);
    if (edit.kind === 'insert') {
      const base = defaultDatum(column.type);
      return change?.applyTo(base) ?? base;
    }
    if (change?.assigned !== undefined) return change.applyTo(change.assigned);
    const base = this.#base(row, column);
    return change?.applyTo(base) ?? base;
  }

  /** Makes the changes depend on a column's still having the value that was read. */
  guard(row: RowRef, column: Column): void {
    const value = this.facts.known(row.table, row.uuid, column);
    if (value === undefined || column === uuidColumn) return;
    const query = Query.byUuid(row.table, row.uuid);
    this.guards.set(`${query.key} ${column.name}`, { query, columns: [column], rows: [[value]] });
  }

  #base({ table, uuid }: RowRef, column: Column): Datum {
    const datum = this.facts.datum(table, uuid, column);
    if (datum === undefined && !this.#gone.has(uuid)) throw new Stale(uuid);
    return datum ?? defaultDatum(column.type);
  }

  /** The only atom of a column that has at most one. */
  scalar(row: RowRef, column: Column): Atom | undefined {
    return this.get(row, column).first;
  }

  /** Whether a column has that atom: its value, a member of it, or a key. */
  has(row: RowRef, column: Column, key: Atom): boolean {
    const change = this.edits.get(row.uuid)?.columns.get(column)?.at(key);
    if (change !== undefined) return change.present;
    if (this.isNew(row.uuid)) return this.get(row, column).has(key);
    const known = this.facts.known(row.table, row.uuid, column);
    // Not known, but it was found by this atom.
    return known?.has(key) ?? true;
  }

  /** The value of a key in a map. */
  at(row: RowRef, column: Column, key: Atom): Atom | undefined {
    const edit = this.edits.get(row.uuid);
    const change = edit?.columns.get(column)?.at(key);
    if (change !== undefined) return change.value;
    return edit?.kind === 'insert' ? undefined : this.#base(row, column).get(key);
  }

  /** A new row of that table; `isGiven` says that it is to have that very uuid. */
  insert(table: TableSchema, uuid: string = this.#newUuid(), isGiven = false): RowRef {
    const row = this.#ref(table, uuid);
    this.#setEdit({ row, kind: 'insert', isGiven, columns: new Map() });
    const inserted = this.#inserted.get(table) ?? new Set();
    this.#inserted.set(table, inserted.add(row));
    return row;
  }

  delete(row: RowRef): void {
    const edit = this.edits.get(row.uuid);
    if (edit?.kind === 'insert') {
      this.edits.delete(row.uuid);
      this.#undone.add(row);
    } else {
      this.#setEdit({ row, kind: 'delete', columns: new Map() });
    }
  }

  /** Sets a column's value; nothing happens if that is its value. */
  assign(row: RowRef, column: Column, value: Datum): void {
    const edit = this.#edit(row);
    if (edit.kind === 'update' && this.#base(row, column).equals(value)) edit.columns.delete(column);
    else edit.columns.set(column, new ColumnEdit(value));
    for (const [atom, mapped] of value.elements()) {
      this.#gained.add(column, atom, row);
      this.#checkText(atom, mapped);
    }
  }

  /** Puts a member into a set, or a key with its value into a map. */
  put(row: RowRef, column: Column, key: Atom, value?: Atom): void {
    const fresh = typeof key === 'string' && this.isNew(key);
    if (!fresh && this.#holds(row, column, key, value)) return;
    this.#columnEdit(row, column).putKey(key, value);
    this.#gained.add(column, key, row);
    this.#checkText(key, value);
  }

  #holds(row: RowRef, column: Column, key: Atom, value: Atom | undefined): boolean {
    if (value !== undefined) return this.at(row, column, key) === value;
    return this.get(row, column).has(key);
  }

  /** Takes a member out of a set, or a key out of a map, which is known to have it. */
  remove(row: RowRef, column: Column, key: Atom): void {
    this.#columnEdit(row, column).removeKey(key);
  }

  #edit(row: RowRef): RowEdit {
    const known = this.edits.get(row.uuid);
    if (known !== undefined) return known;
    const edit: RowEdit = { row, kind: 'update', columns: new Map() };
    this.#setEdit(edit);
    return edit;
  }

  #checkText(...atoms: readonly (Atom | undefined)[]): void {
    for (const atom of atoms) this.rawBytes ??= rawBytesOf(atom);
  }

  #setEdit(edit: RowEdit): void {
    const { row } = edit;
    this.edits.set(row.uuid, edit);
    const changed = this.#changed.get(row.table) ?? new Set();
    this.#changed.set(row.table, changed.add(row));
  }

  #columnEdit(row: RowRef, column: Column): ColumnEdit {
    const { columns } = this.#edit(row);
    const known = columns.get(column);
    if (known !== undefined) return known;
    const edit = new ColumnEdit();
    columns.set(column, edit);
    return edit;
  }

  #isLive(row: RowRef): boolean {
    return this.edits.get(row.uuid)?.kind !== 'delete' && !this.#undone.has(row);
  }

  #ref(table: TableSchema, uuid: string): RowRef {
    const known = this.#rows.get(uuid);
    if (known !== undefined) return known;
    const row = { table, uuid };
    this.#rows.set(uuid, row);
    return row;
  }

  #guard(query: Query, uuids: readonly string[]): void {
    const rows = uuids.map((uuid) => [Datum.of(uuid)]);
    this.guards.set(query.key, { query, columns: [uuidColumn], rows });
  }
}

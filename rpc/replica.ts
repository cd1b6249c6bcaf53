import type { Datum } from '../schema/datum.ts';
import { patchDatum } from '../schema/datum-diff.ts';
import { parseDatum } from '../schema/datum-parser.ts';
import { isArray, isObject, type Json, type JsonObject, member, type OutJson } from '../schema/json.ts';
import { Row } from '../schema/row.ts';
import type { Column, DatabaseSchema, TableSchema } from '../schema/schema.ts';
import { zeroUuid } from '../schema/uuid.ts';
import { Client } from './client.ts';
import type { Credentials } from './credentials.ts';
import type { Notification } from './peer.ts';
import { Reconnect } from './reconnect.ts';
import { splitTargets } from './target.ts';

/** A daemon of this machine is back soon: the first pause is shorter than Open vSwitch's, in ms. */
const minBackoff = 250;

export interface ReplicaOptions {
  /** One or more, separated by commas. */
  readonly target: string;
  readonly credentials?: Credentials;
  /** Silence after which the server is probed, in ms; 0 for never. */
  readonly probeInterval?: number;
  readonly database: string;
  /** The columns to keep, by table; a table or column that the server's schema lacks is left out. */
  readonly tables: { readonly [table: string]: readonly string[] };
  /** Those of them whose changes are no reason to look again, such as what this client itself writes. */
  readonly silent?: { readonly [table: string]: readonly string[] };
  /** A lock to hold (RFC 7047 section 4.1.8); asked for anew on each connection. */
  readonly lock?: string;
  /** Rows, the lock or the connection changed: look again. */
  readonly changed: () => void;
}

type Rows = Map<string, Row>;

/** The differences between "update2" and a whole row. */
type RowUpdate = (rows: Rows, table: TableSchema, uuid: string, value: Json) => void;

/**
 * A client's copy of some tables of a database, kept current by the server (monitor_cond_since, ovsdb-server(7)). When the
 * connection ends it is made again, with growing pauses; the rows stay as they were last known meanwhile.
 */
export class Replica {
  readonly #options: ReplicaOptions;
  readonly #connection: Reconnect;
  #client: Client | undefined;
  #schema: DatabaseSchema | undefined;
  #tables = new Map<string, Rows>();
  #lastTransaction = zeroUuid;
  #locked = false;
  #synced = false;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    const targets = splitTargets(options.target);
    this.#connection = new Reconnect({ targets, minBackoff }, (target, signal) => this.#connect(target, signal));
  }

  /** Connected, with all rows as the server has them. */
  get synced(): boolean {
    return this.#synced;
  }
  /** Whether this client holds its lock. */
  get locked(): boolean {
    return this.#locked;
  }
  /** The server's schema, once known. */
  get schema(): DatabaseSchema | undefined {
    return this.#schema;
  }

  rows(table: string): ReadonlyMap<string, Row> {
    return this.#tables.get(table) ?? new Map();
  }

  /** @throws TransactionError; Error when there is no connection or it ends first */
  async transact(operations: readonly OutJson[]): Promise<JsonObject[]> {
    if (this.#client === undefined) throw new Error(`not connected to ${this.#options.target}`);
    return this.#client.transact(this.#options.database, operations);
  }

  async close(): Promise<void> {
    const stopped = this.#connection.stop();
    this.#client?.close();
    await stopped;
  }

  async #connect(target: string, signal: AbortSignal) {
    const { credentials, probeInterval } = this.#options;
    const notification = (each: Notification) => this.#notified(each);
    const client = await Client.connect(target, { notification, signal, credentials, probeInterval });
    this.#client = client;
    this.#setUp(client).catch((error) => client.peer.close(error));
    return { ended: client.peer.ended.finally(() => this.#lost()) };
  }

  async #setUp(client: Client): Promise<void> {
    const { database, lock } = this.#options;
    this.#schema = await client.getSchema(database);
    if (lock !== undefined) await this.#requestLock(client, lock);
    await this.#monitor(client);
    this.#synced = true;
    this.#options.changed();
  }

  #lost(): void {
    this.#client = undefined;
    this.#synced = false;
    this.#locked = false;
    this.#options.changed();
  }

  async #requestLock(client: Client, lock: string): Promise<void> {
    const result = await client.peer.request('lock', [lock]);
    this.#locked = isObject(result) && member(result, 'locked') === true;
  }

  async #monitor(client: Client): Promise<void> {
    const { database } = this.#options;
    const params = [database, ['replica', database], this.#monitorRequests(), this.#lastTransaction];
    // Updates may come right behind the reply: they are of use once the rows are there.
    await client.peer.requestInOrder('monitor_cond_since', params, (reply) => this.#begin(reply));
  }

  #begin(reply: Json): void {
    const [found, lastTransaction, updates] = isArray(reply) ? reply : [];
    if (found !== true) this.#tables = new Map();
    this.#lastTransaction = typeof lastTransaction === 'string' ? lastTransaction : zeroUuid;
    this.#apply(updates ?? {});
  }

  #monitorRequests(): OutJson {
    const requests: { [table: string]: OutJson } = {};
    for (const [name, columns] of Object.entries(this.#options.tables)) {
      const table = this.#schema?.tables.get(name);
      if (table !== undefined) requests[name] = [{ columns: columns.filter((column) => table.columns.has(column)) }];
    }
    return requests;
  }

  #notified(notification: Notification): void {
    try {
      this.#take(notification);
    } catch (error) {
      // What it holds is no longer what the server has: it begins anew.
      this.#lastTransaction = zeroUuid;
      this.#client?.peer.close(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #take({ method, params }: Notification): void {
    if (method === 'update3') {
      const [, transaction, updates] = params;
      this.#lastTransaction = typeof transaction === 'string' ? transaction : zeroUuid;
      this.#apply(updates ?? {});
      if (this.#isSilent(updates ?? {})) return;
    } else if (method === 'locked' || method === 'stolen') {
      this.#locked = method === 'locked' && params[0] === this.#options.lock;
    }
    if (this.#synced) this.#options.changed();
  }

  /** Whether `<table-updates2>` do nothing but modify silent columns. */
  #isSilent(updates: Json): boolean {
    const silent = new Map(Object.entries(this.#options.silent ?? {}));
    const isSilentRow = (update: Json, columns: readonly string[]): boolean =>
      isObject(update) &&
      Object.entries(update).every(
        ([kind, value]) =>
          kind === 'modify' && isObject(value) && Object.keys(value).every((column) => columns.includes(column)),
      );
    return (
      isObject(updates) &&
      Object.entries(updates).every(
        ([table, rows]) =>
          isObject(rows) && Object.values(rows).every((row) => isSilentRow(row, silent.get(table) ?? [])),
      )
    );
  }

  /** Applies `<table-updates2>` (ovsdb-server(7), section 4.1.14). */
  #apply(updates: Json): void {
    if (!isObject(updates)) return;
    for (const [tableName, rowUpdates] of Object.entries(updates)) {
      const table = this.#schema?.tables.get(tableName);
      if (table === undefined || !isObject(rowUpdates)) continue;
      const rows = this.#tables.get(tableName) ?? new Map<string, Row>();
      this.#tables.set(tableName, rows);
      for (const [uuid, update] of Object.entries(rowUpdates)) applyRowUpdate(rows, table, uuid, update);
    }
  }
}

const insert: RowUpdate = (rows, table, uuid, value) => {
  rows.set(uuid, Row.create(table, uuid, zeroUuid, parseColumns(table, value)));
};
const modify: RowUpdate = (rows, table, uuid, value) => {
  const row = rows.get(uuid);
  if (row === undefined) throw new Error(`the server modified row ${uuid} of ${table.name}, which it never sent`);
  const changes = new Map<Column, Datum>();
  for (const [column, diff] of parseColumns(table, value)) {
    changes.set(column, patchDatum(column.type, row.get(column), diff));
  }
  rows.set(uuid, row.with(changes));
};
const rowUpdates: ReadonlyMap<string, RowUpdate> = new Map([
  ['initial', insert],
  ['insert', insert],
  ['modify', modify],
  ['delete', (rows, _table, uuid) => rows.delete(uuid)],
] satisfies [string, RowUpdate][]);

const applyRowUpdate = (rows: Rows, table: TableSchema, uuid: string, update: Json): void => {
  if (!isObject(update)) return;
  for (const [kind, value] of Object.entries(update)) rowUpdates.get(kind)?.(rows, table, uuid, value);
};

const parseColumns = (table: TableSchema, json: Json): Map<Column, Datum> => {
  const columns = new Map<Column, Datum>();
  if (!isObject(json)) return columns;
  for (const [name, value] of Object.entries(json)) {
    const column = table.column(name);
    columns.set(column, parseDatum(column.type, value, { anySize: true }));
  }
  return columns;
};

import type { Client } from '../rpc/client.ts';
import { RpcError } from '../rpc/peer.ts';
import {
  isArray,
  isObject,
  type Json,
  type JsonObject,
  member,
  type OutJson,
  type OutJsonObject,
} from '../schema/json.ts';
import { type Column, type TableSchema, uuidColumn } from '../schema/schema.ts';
import { zeroUuid } from '../schema/uuid.ts';
import { type Facts, type Request, selectedRows, selectOperation, wholeTables } from './facts.ts';
import { CommandFailure } from './failure.ts';
import { Disconnected, type Remotes, reachServer, type Surroundings, UnfitServer } from './remotes.ts';
import { lostRace } from './transaction.ts';
import { isUnknownName, Upgrade } from './upgrade.ts';

/**
 * A server that has no indexes looks at every row for each lookup. Where there are this many to make, a sample shows
 * whether it is one; then it is quicker to read the tables whole.
 */
const many = 128;
const sample = 32;
/** Milliseconds for one lookup. */
const slow = 0.5;
const isByValue = ({ query }: Request): boolean => query.clauses.every((clause) => clause.function === '==');
const isNotByValue = (request: Request): boolean => !isByValue(request);

/** The rows of a table in a monitor's first update. */
function* initialRows(updates: JsonObject, { query }: Request): Generator<[string, JsonObject]> {
  const rows = member(updates, query.table.name);
  if (!isObject(rows)) return;
  for (const [uuid, update] of Object.entries(rows)) {
    const row = isObject(update) ? update.initial : undefined;
    if (isObject(row)) yield [uuid, row];
  }
}

/** The connection of one run to the database. */
export class Session {
  readonly #client: Client;
  readonly #database: string;
  #changed: () => void = () => {};
  #monitors = 0;
  /** Whether whole tables can be read as a monitor's first update. */
  #monitorsRead = true;
  /** Set once the server turned out to be of an older schema. */
  #upgrade: Upgrade | undefined;

  private constructor(client: Client, database: string, onUpdate: (notify: () => void) => void) {
    this.#client = client;
    this.#database = database;
    onUpdate(() => this.#changed());
  }

  /** @throws as reachServer does */
  static async connect(remotes: Remotes, surroundings: Omit<Surroundings, 'notification'>): Promise<Session> {
    let notify = () => {};
    const client = await reachServer(remotes, { ...surroundings, notification: () => notify() });
    return new Session(client, remotes.database, (session) => {
      notify = session;
    });
  }

  /** Reads everything that has been asked of `facts`, in one request. */
  async fetch(facts: Facts, warn: (message: string) => void): Promise<void> {
    let requests = facts.takeRequests();
    if (requests.length > many && this.#upgrade === undefined) {
      const start = performance.now();
      await this.#read(requests.slice(0, sample), facts, warn);
      const each = (performance.now() - start) / sample;
      requests = requests.slice(sample);
      if (each > slow) requests = [...requests.filter(isNotByValue), ...wholeTables(requests.filter(isByValue))];
    }
    await this.#read(requests, facts, warn);
  }

  async #read(requests: readonly Request[], facts: Facts, warn: (message: string) => void): Promise<void> {
    const whole = this.#monitorsRead ? requests.filter(({ query }) => query.clauses.length === 0) : [];
    const others = requests.filter((request) => !whole.includes(request));
    const [updates] = await Promise.all([this.#readTables(whole), this.#select(others, facts, warn)]);
    if (updates === undefined) return this.#select(whole, facts, warn);
    for (const request of whole) facts.learn(request, initialRows(updates, request));
  }

  /**
   * Reads whole tables as a monitor's first update, which leaves out what is at its default, and which servers make in
   * much less time than the result of a `select`.
   * @returns undefined if the server does not know the method, or lacks a table or column
   */
  async #readTables(requests: readonly Request[]): Promise<JsonObject | undefined> {
    if (requests.length === 0) return {};
    const tables: { [table: string]: OutJson } = {};
    for (const { query, columns } of requests) {
      const names = [...columns].filter((column) => column !== uuidColumn).map(({ name }) => name);
      tables[query.table.name] = [{ columns: names }];
    }
    const id = this.#monitors++;
    try {
      const reply = await this.#request('monitor_cond_since', [this.#database, id, tables, zeroUuid]);
      this.#cancel(id);
      const [, , updates] = isArray(reply) ? reply : [];
      return isObject(updates) ? updates : undefined;
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      this.#monitorsRead = false;
      return undefined;
    }
  }

  async #select(requests: readonly Request[], facts: Facts, warn: (message: string) => void): Promise<void> {
    if (requests.length === 0) return;
    if (this.#upgrade !== undefined) return this.#selectFromOlder(this.#upgrade, requests, facts, warn);
    const results = await this.transact(requests.map(selectOperation));
    if (results.some(isUnknownName)) {
      this.#upgrade = new Upgrade(await this.#client.getSchema(this.#database));
      return this.#selectFromOlder(this.#upgrade, requests, facts, warn);
    }
    lostRace(results, warn);
    for (const [i, request] of requests.entries()) facts.learn(request, selectedRows(results[i]));
  }

  /** Reads from a server whose schema lacks some of what is asked for: that is as if it had never been set. */
  async #selectFromOlder(
    upgrade: Upgrade,
    requests: readonly Request[],
    facts: Facts,
    warn: (message: string) => void,
  ): Promise<void> {
    const known = requests.map((request) => upgrade.known(request, warn));
    const asked = known.filter((request) => request !== undefined);
    const results = await this.transact(asked.map(selectOperation));
    lostRace(results, warn);
    const byRequest = new Map(asked.map((request, i) => [request, results[i]]));
    for (const [i, request] of requests.entries()) {
      const own = known[i];
      facts.learn(request, selectedRows(own && byRequest.get(own)));
    }
  }

  async transact(operations: readonly OutJsonObject[]): Promise<readonly Json[]> {
    const results = await this.#request('transact', [this.#database, ...operations]).catch((error: unknown) => {
      // It does not have the database.
      throw error instanceof RpcError ? new UnfitServer(error.message) : error;
    });
    if (!isArray(results))
      throw new CommandFailure('the server answered a transaction with something else than an array');
    return results;
  }

  /** Resolves when next one of these columns changes, or a row comes or goes. Call it before reading them. */
  async watch(
    columns: ReadonlyMap<TableSchema, Iterable<Column>>,
  ): Promise<{ readonly change: Promise<void>; stop(): void }> {
    const change = new Promise<void>((resolve) => {
      this.#changed = resolve;
    });
    const id = this.#monitors++;
    const requests: { [table: string]: OutJson } = {};
    for (const [table, each] of columns) {
      requests[table.name] = [{ columns: [...each].map(({ name }) => name), select: { initial: false } }];
    }
    await this.#request('monitor', [this.#database, id, requests]);
    const watched = Promise.race([change, this.#disconnection()]);
    // Nobody may be waiting any more when the connection ends.
    watched.catch(() => {});
    return { change: watched, stop: () => this.#cancel(id) };
  }

  /** @throws RpcError, Disconnected */
  async #request(method: string, params: OutJson): Promise<Json> {
    try {
      return await this.#client.peer.request(method, params);
    } catch (error) {
      throw error instanceof RpcError ? error : new Disconnected();
    }
  }

  /** @throws Disconnected when the connection ends */
  async #disconnection(): Promise<never> {
    await this.#client.peer.ended;
    throw new Disconnected();
  }

  /** The answer matters to nobody, and may not come before the program ends. */
  #cancel(id: number): void {
    this.#client.peer.request('monitor_cancel', [id]).catch(() => {});
  }

  close(): void {
    this.#client.close();
  }
}

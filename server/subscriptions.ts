import type { Peer } from '../rpc/peer.ts';
import { syntaxError } from '../schema/error.ts';
import { formatJson, type Json, JsonText, type OutJson } from '../schema/json.ts';
import { isUuid, zeroUuid } from '../schema/uuid.ts';
import type { Database } from './database.ts';
import type { Monitor } from './monitor.ts';
import { type MonitorVersion, parseConditionChange, parseMonitorRequests } from './monitor-request.ts';
import { MethodError } from './refusal.ts';
import { Subscription } from './subscription.ts';

/** What one session watches: its monitors, whose ids may be any value (RFC 7047 section 4.1.5, ovsdb-server(7)). */
export class Subscriptions {
  readonly #peer: Peer;
  /** By the JSON text of their ids. */
  readonly #byId = new Map<string, Subscription>();

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  get size(): number {
    return this.#byId.size;
  }

  /**
   * Begins to watch a database; returns what the client is to know at first.
   * @throws OvsdbError
   */
  add(database: Database, params: readonly Json[], version: MonitorVersion): OutJson {
    const [, id, requests] = params;
    if (id === undefined || requests === undefined || params.length > mostParameters[version]) {
      throw syntaxError('invalid parameters', params);
    }
    const key = formatJson(id);
    if (this.#byId.has(key)) throw syntaxError('duplicate monitor ID', id);
    const last = version === 3 ? lastTransaction(params) : zeroUuid;
    database.flush();
    const monitor = database.monitors.get(version, parseMonitorRequests(database.schema, requests, version));
    this.#byId.set(key, new Subscription(this.#peer, database, monitor, id));
    if (version === 3) return resume(database, monitor, last);
    return monitor.initial(database.tables);
  }

  /** @throws OvsdbError */
  change(params: readonly Json[]): OutJson {
    const [id = null, newId, requests] = params;
    if (newId === undefined || requests === undefined) throw syntaxError('invalid parameters', params);
    const subscription = this.#byId.get(formatJson(id));
    if (subscription === undefined) throw syntaxError('unknown monitor session', id);
    const newKey = formatJson(newId);
    if (newKey !== formatJson(id) && this.#byId.has(newKey)) throw syntaxError('duplicate monitor ID', newId);
    const { database, monitor } = subscription;
    database.flush();
    const tables = parseConditionChange(database.schema, monitor.tables, requests);
    // The conditions of a plain monitor mean nothing, as in Open vSwitch.
    const newer = monitor.version === 1 ? monitor : database.monitors.get(monitor.version, tables);
    this.#byId.delete(formatJson(id));
    this.#byId.set(newKey, subscription);
    subscription.change(newer, newId);
    return {};
  }

  /** @throws MethodError */
  remove(params: readonly Json[]): OutJson {
    if (params.length !== 1) throw new MethodError('invalid parameters');
    const key = formatJson(params[0] ?? null);
    const subscription = this.#byId.get(key);
    if (subscription === undefined) throw new MethodError('unknown monitor');
    subscription.cancel();
    this.#byId.delete(key);
    return {};
  }

  /** The client takes again what is sent to it. */
  catchUp(): void {
    for (const subscription of this.#byId.values()) subscription.catchUp();
  }

  /** The database goes away: its monitors end, and the client is told. */
  forget(database: Database): void {
    for (const [key, subscription] of this.#byId) {
      if (subscription.database !== database) continue;
      subscription.cancel();
      this.#byId.delete(key);
      this.#peer.notify('monitor_canceled', [subscription.id]);
    }
  }

  /** The session ends. */
  cancel(): void {
    for (const subscription of this.#byId.values()) subscription.cancel();
  }
}

/** What a client that knows the database as of transaction `last` misses, or all of it if that is too long ago. */
const resume = ({ history, tables }: Database, monitor: Monitor, last: string): OutJson => {
  const missed = history.since(last);
  if (missed === undefined || (missed.restored && monitor.watchesEphemeral)) {
    return [false, history.last, monitor.initial(tables)];
  }
  return [true, history.last, new JsonText(monitor.updates(missed.changes) ?? '{}')];
};

/** Of the methods that make monitors; what follows those of the oldest one is passed over. */
const mostParameters: { readonly [version in MonitorVersion]: number } = { 1: Infinity, 2: 3, 3: 4 };

const lastTransaction = (params: readonly Json[]): string => {
  const last = params[3];
  if (last === undefined) throw syntaxError('invalid parameters', params);
  if (typeof last !== 'string') throw syntaxError('last-txn-id must be string', last);
  if (!isUuid(last)) throw syntaxError('last-txn-id must be UUID format.', last);
  return last;
};

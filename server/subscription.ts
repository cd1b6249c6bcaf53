import type { Peer } from '../rpc/peer.ts';
import { type Json, JsonText } from '../schema/json.ts';
import { ChangeSet } from './change-set.ts';
import type { Database } from './database.ts';
import type { Monitor, Subscriber } from './monitor.ts';

/**
 * A session's use of a monitor. While the client does not take what was sent to it, what changes is put together, row by
 * row, so that a client that is slow gets fewer updates, not more and more of them.
 */
export class Subscription {
  readonly database: Database;
  readonly #peer: Peer;
  #id: Json;
  #monitor: Monitor;
  #pending: ChangeSet | undefined;
  #pendingTransaction = '';

  constructor(peer: Peer, database: Database, monitor: Monitor, id: Json) {
    this.#peer = peer;
    this.database = database;
    this.#monitor = monitor;
    this.#id = id;
    database.monitors.subscribe(monitor, this.#subscriber);
  }

  get id(): Json {
    return this.#id;
  }
  get monitor(): Monitor {
    return this.#monitor;
  }

  readonly #subscriber: Subscriber = (updates, transaction, changes) => {
    if (this.#pending === undefined && !this.#peer.congested) {
      this.#send(updates, transaction);
      return;
    }
    this.#pending ??= new ChangeSet();
    this.#pending.add(changes.filter(({ table }) => this.#monitor.watches(table)));
    this.#pendingTransaction = transaction;
  };

  /** Sends what was held back. */
  catchUp(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    const updates = this.#monitor.updates(pending.changes);
    if (updates !== undefined) this.#send(updates, this.#pendingTransaction);
  }

  /** Uses another monitor from now on, and sends what is missing to that. */
  change(monitor: Monitor, id: Json): void {
    this.catchUp();
    const missing = this.#monitor.transition(monitor, this.database.tables);
    if (monitor !== this.#monitor) {
      this.database.monitors.subscribe(monitor, this.#subscriber);
      this.database.monitors.unsubscribe(this.#monitor, this.#subscriber);
    }
    this.#monitor = monitor;
    this.#id = id;
    if (missing !== undefined) this.#send(missing, this.database.history.last);
  }

  cancel(): void {
    this.database.monitors.unsubscribe(this.#monitor, this.#subscriber);
  }

  #send(updates: string, transaction: string): void {
    const { version } = this.#monitor;
    const params = version === 3 ? [this.#id, transaction] : [this.#id];
    this.#peer.notify(version === 1 ? 'update' : `update${version}`, [...params, new JsonText(updates)]);
  }
}

import type { Credentials } from '../rpc/credentials.ts';
import { logFor } from '../rpc/log.ts';
import { type Notification, type Peer, RpcError } from '../rpc/peer.ts';
import { splitTargets } from '../rpc/target.ts';
import type { OvsdbError } from '../schema/error.ts';
import { formatJson } from '../schema/json.ts';
import { isSameSchema } from '../schema/schema.ts';
import { Database, type Forwarder, type Request } from './database.ts';
import { Feed, type News } from './feed.ts';
import { applyUpdates, type RowUpdates, replaceRows } from './row-updates.ts';
import { Source, type SourceSettings } from './source.ts';
import { SourceState } from './source-state.ts';
import type { Clock } from './transact.ts';

const log = logFor('relay', { perMinute: 1, burst: 5 });

/** A source that is away for no longer than that is not called disconnected yet, in ms: it may just be restarting. */
const grace = 30_000;

export interface RelayOptions {
  /** Its name. */
  readonly database: string;
  /** Where the source is: one or more targets, separated by commas. */
  readonly source: string;
  readonly settings: SourceSettings;
  readonly credentials: Credentials;
  readonly clock: Clock;
  /** There is a database of another schema than before: it takes the place of the one there was, if there was one. */
  readonly replaced: (database: Database) => void;
  /** Whether the source is there has changed. */
  readonly connectedChanged: (connected: boolean) => void;
}

/**
 * A database of another server, the source, served by this one (ovsdb(7), "Relay Service Model"): its rows are held in
 * memory and follow the source's, so that reading and monitoring cost the source nothing; what would change it is
 * forwarded.
 *
 * A transaction that is to be forwarded while there is no source waits for one. One that was forwarded when the connection
 * broke is answered `canceled`: nobody knows whether it was carried out.
 */
export class Relay implements Forwarder {
  readonly #options: RelayOptions;
  readonly #feed: Feed;
  readonly #state: SourceState;
  readonly #source: Source;
  #database: Database | undefined;
  /** Under the source's new schema, until its rows are there. */
  #next: Database | undefined;
  /** The source, while the rows follow it. */
  #online: Peer | undefined;
  #queue: Request[] = [];
  readonly #sent = new Set<Request>();
  #connected = false;
  #disconnecting: NodeJS.Timeout | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#feed = new Feed(options.database, { take: (updates, news) => this.#take(updates, news) });
    this.#state = new SourceState(options.database);
    this.#source = new Source({
      targets: splitTargets(options.source),
      credentials: options.credentials,
      settings: options.settings,
      connected: (peer) => this.#begin(peer),
      notified: (notification, peer) => this.#notified(notification, peer),
      lost: () => this.#lost(),
    });
    log.dbg(`added database: ${options.database}, ${options.source}`);
  }

  get source(): string {
    return this.#options.source;
  }

  /** What is configured for the connection to the source. */
  get settings(): SourceSettings {
    return this.#source.settings;
  }
  set settings(settings: SourceSettings) {
    this.#source.settings = settings;
  }

  async #begin(peer: Peer): Promise<void> {
    // A server of long ago does not know the method, and disconnects when the schema changes.
    peer.request('set_db_change_aware', [true]).catch(() => {});
    await this.#state.watch(peer);
    await this.#follow(peer);
  }

  async #follow(peer: Peer): Promise<void> {
    const schema = await this.#feed.schema(peer);
    this.#next = undefined;
    if (this.#database === undefined || !isSameSchema(schema, this.#database.schema)) {
      log.dbg(`database ${this.#options.database} schema changed.`);
      this.#next = new Database(schema, this.#options.clock, undefined, this);
      this.#feed.reset();
    }
    await this.#feed.monitor(peer, schema.tables.keys());
    if (peer.closed) return;
    this.#online = peer;
    this.#setConnected(true);
    for (const request of this.#queue.splice(0)) this.#send(peer, request);
  }

  #notified(notification: Notification, peer: Peer): void {
    this.#state.notified(notification);
    if (this.#feed.notified(notification)) return;
    if (!this.#feed.isCanceledBy(notification)) return;
    this.#online = undefined;
    // A source that ends says the same, and then closes the connection: that is to be seen first.
    setImmediate(() => {
      if (!peer.closed) this.#follow(peer).catch((error) => peer.close(error));
    });
  }

  #take(updates: RowUpdates, { complete, transaction }: News): void {
    const database = this.#next ?? this.#database;
    if (database === undefined) return;
    const { tables } = database;
    let problem: OvsdbError | undefined;
    database.apply({
      id: transaction,
      failed: (error) => {
        problem = error;
      },
      edit: (under) =>
        complete ? replaceRows(tables, tables.keys(), under, updates) : applyUpdates(tables, under, updates),
    });
    if (problem !== undefined) {
      // What is here is not what the source has: all of it is to be read anew.
      log.warn(problem.message);
      this.#feed.reset();
      throw problem;
    }
    if (this.#next !== undefined) this.#replace(this.#next);
  }

  #replace(database: Database): void {
    database.flush();
    this.#database = database;
    this.#next = undefined;
    this.#options.replaced(database);
  }

  #lost(): void {
    this.#online = undefined;
    this.#next = undefined;
    if (!this.#connected || this.#disconnecting !== undefined) return;
    this.#disconnecting = setTimeout(() => this.#setConnected(false), grace).unref();
  }

  #setConnected(connected: boolean): void {
    clearTimeout(this.#disconnecting);
    this.#disconnecting = undefined;
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#options.connectedChanged(connected);
  }

  forward(request: Request): void {
    if (this.#online === undefined) this.#queue.push(request);
    else this.#send(this.#online, request);
  }

  withdraw(request: Request): boolean {
    const at = this.#queue.indexOf(request);
    if (at >= 0) this.#queue.splice(at, 1);
    return at >= 0 || this.#sent.delete(request);
  }

  /** What the transaction changed came before its answer, and is to be told before it. */
  #send(peer: Peer, request: Request): void {
    this.#sent.add(request);
    const { database } = this.#options;
    peer
      .requestInOrder('transact', [database, ...request.operations], (results) => {
        if (!this.#sent.delete(request)) return;
        this.#database?.flush();
        request.done(formatJson(results));
      })
      .catch((error) => {
        if (this.#sent.delete(request)) request.refused?.(error instanceof RpcError ? error.error : 'canceled');
      });
  }

  async close(): Promise<void> {
    clearTimeout(this.#disconnecting);
    await this.#source.close();
    log.dbg(`removed database: ${this.#options.database}`);
  }
}

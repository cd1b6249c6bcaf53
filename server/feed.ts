import { type Notification, type Peer, RpcError } from '../rpc/peer.ts';
import { formatJson, isArray, type Json } from '../schema/json.ts';
import { type DatabaseSchema, parseSchema } from '../schema/schema.ts';
import { zeroUuid } from '../schema/uuid.ts';
import type { MonitorVersion } from './monitor-request.ts';
import type { RowUpdates } from './row-updates.ts';

/** What a feed brings. */
export interface Follower {
  /** All rows of the tables, or what changed in them. */
  take(updates: RowUpdates, news: News): void;
}

export interface News {
  /** The updates are all there is, not what changed. */
  readonly complete: boolean;
  /** The transaction they are of, or up to; undefined from a server that does not tell. */
  readonly transaction: string | undefined;
}

/** The best first; servers of long ago only know the last. */
const methods: readonly (readonly [method: string, version: MonitorVersion])[] = [
  ['monitor_cond_since', 3],
  ['monitor_cond', 2],
  ['monitor', 1],
];
const versions: ReadonlyMap<string, MonitorVersion> = new Map([
  ['update', 1],
  ['update2', 2],
  ['update3', 3],
]);

/**
 * A database of another server, followed over one connection after the other: after a pause only what changed meanwhile
 * is asked for.
 */
export class Feed {
  readonly database: string;
  readonly #follower: Follower;
  readonly #id: readonly ['monid', string];
  #last = zeroUuid;

  constructor(database: string, follower: Follower) {
    this.database = database;
    this.#follower = follower;
    this.#id = ['monid', database];
  }

  /** @throws RpcError unknown database, or one that is not there yet; OvsdbError when it cannot be understood */
  async schema(peer: Peer): Promise<DatabaseSchema> {
    return parseSchema(await peer.request('get_schema', [this.database]));
  }

  /** The next monitor is to begin with all rows. */
  reset(): void {
    this.#last = zeroUuid;
  }

  /**
   * Has all columns of these tables watched; resolves when the follower has taken the rows.
   * @throws RpcError; what the follower throws
   */
  async monitor(peer: Peer, tables: Iterable<string>): Promise<void> {
    const requests = Object.fromEntries([...tables].map((name) => [name, [{}]]));
    for (const [method, version] of methods) {
      const params = [this.database, this.#id, requests, ...(version === 3 ? [this.#last] : [])];
      try {
        return await peer.requestInOrder(method, params, (result) => this.#begin(result, version));
      } catch (error) {
        if (!(error instanceof RpcError) || version === 1) throw error;
      }
    }
  }

  #begin(result: Json, version: MonitorVersion): void {
    if (version !== 3) {
      this.#follower.take({ json: result, version }, { complete: true, transaction: undefined });
      return;
    }
    const [found, transaction, json = {}] = isArray(result) ? result : [];
    this.#take({ json, version }, found !== true, transaction);
  }

  /** Takes what a notification brings; false when it is none for this feed. */
  notified({ method, params }: Notification): boolean {
    const version = versions.get(method);
    const [id = null, ...rest] = params;
    if (version === undefined || formatJson(id) !== formatJson(this.#id)) return false;
    const [transaction, json = {}] = version === 3 ? rest : [undefined, ...rest];
    this.#take({ json, version }, false, transaction);
    return true;
  }

  /** Whether a notification says that the database is not what it was: gone, or of another schema. */
  isCanceledBy({ method, params }: Notification): boolean {
    return method === 'monitor_canceled' && formatJson(params[0] ?? null) === formatJson(this.#id);
  }

  #take(updates: RowUpdates, complete: boolean, id: Json | undefined): void {
    const transaction = typeof id === 'string' && id !== zeroUuid ? id : undefined;
    this.#last = transaction ?? zeroUuid;
    this.#follower.take(updates, { complete, transaction });
  }
}

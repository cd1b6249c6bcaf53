import type { Credentials } from '../rpc/credentials.ts';
import { logFor } from '../rpc/log.ts';
import type { Peer } from '../rpc/peer.ts';
import { OvsdbError } from '../schema/error.ts';
import { isArray } from '../schema/json.ts';
import { isSameSchema } from '../schema/schema.ts';
import { isUuid } from '../schema/uuid.ts';
import type { Database } from './database.ts';
import type { ExcludedTables } from './excluded-tables.ts';
import { Feed, type News } from './feed.ts';
import { isReplicable } from './replicable.ts';
import { applyUpdates, type RowUpdates, replaceRows } from './row-updates.ts';
import { Source, type SourceSettings } from './source.ts';

const log = logFor('replication');
const errorLog = logFor('ovsdb_error');

export interface ReplicationOptions {
  /** The active server. */
  readonly target: string;
  readonly excluded: ExcludedTables;
  readonly settings: SourceSettings;
  readonly credentials: Credentials;
  /** This server's: it is not to follow itself. */
  readonly serverId: string;
  /** The databases to copy, by name. */
  readonly databases: ReadonlyMap<string, Database>;
  /** It cannot go on, ever. */
  readonly failed: () => void;
}

/** A database that both servers have. */
interface Copied {
  readonly feed: Feed;
  readonly database: Database;
  /** The tables that are followed. */
  tables: readonly string[];
  /** It becomes all that the active server has: a client of one can go on at the other. */
  whole: boolean;
}

/** The active server, or what it holds, is such that trying again would be of no use. */
const refusal = (tag: 'Server ID check failed' | 'get_server_id failed', details: string): OvsdbError =>
  new OvsdbError(tag, details);

/**
 * Makes databases copies of those of another server, the active one, and keeps them so (ovsdb(7), "Active-Backup Database
 * Service Model"). Tables that are excluded stay as they are.
 */
export class Replication {
  readonly #options: ReplicationOptions;
  readonly #source: Source;
  readonly #copied = new Map<string, Copied>();
  #peer: Peer | undefined;
  #state: 'connecting' | 'replicating' | 'failed' = 'connecting';

  constructor(options: ReplicationOptions) {
    this.#options = options;
    for (const [name, database] of options.databases) {
      const feed = new Feed(name, { take: (updates, news) => this.#take(name, updates, news) });
      this.#copied.set(name, { feed, database, tables: [], whole: false });
    }
    this.#source = new Source({
      targets: [options.target],
      credentials: options.credentials,
      settings: options.settings,
      connected: (peer) => this.#begin(peer).catch((error) => this.#stopOn(error)),
      notified: (notification) => {
        for (const { feed } of this.#copied.values()) if (feed.notified(notification)) return;
      },
      lost: () => {
        this.#peer = undefined;
      },
    });
  }

  set settings(settings: SourceSettings) {
    this.#source.settings = settings;
  }

  /** In the words of `ovs-appctl ovsdb-server/sync-status`. */
  get status(): string {
    const { target, excluded } = this.#options;
    if (this.#state !== 'replicating') return `connecting: ${target}\n`;
    const names = [...this.#copied.values()].filter(({ tables }) => tables.length > 0).map(({ feed }) => feed.database);
    const text = excluded.toString();
    return `replicating: ${target}\ndatabase: ${names.sort().join(', ')}\n${text === '' ? '' : `exclude: ${text}\n`}`;
  }

  async #begin(peer: Peer): Promise<void> {
    this.#peer = peer;
    this.#state = 'connecting';
    log.dbg('send server ID request.');
    const id = await peer.request('get_server_id', []);
    if (typeof id !== 'string' || !isUuid(id)) throw refusal('get_server_id failed', 'Server ID is not valid UUID');
    if (id === this.#options.serverId) throw refusal('Server ID check failed', 'Self replicating is not allowed');
    const names = await peer.request('list_dbs', []);
    log.dbg('Send schema requests');
    const shared = [...this.#copied.values()].filter(({ feed }) => isArray(names) && names.includes(feed.database));
    for (const each of this.#copied.values()) each.tables = [];
    for (const each of shared) await this.#prepare(each, peer);
    await this.#follow(shared, peer);
  }

  /** Finds out what to follow: no tables, when the database cannot be copied. */
  async #prepare(copied: Copied, peer: Peer): Promise<void> {
    const { excluded } = this.#options;
    const { feed, database } = copied;
    const schema = await feed.schema(peer);
    if (!isReplicable(schema, database.schema, excluded)) return;
    copied.tables = [...schema.tables.keys()].filter((table) => !excluded.has(schema.name, table));
    copied.whole = copied.tables.length === schema.tables.size && isSameSchema(schema, database.schema);
  }

  async #follow(shared: readonly Copied[], peer: Peer): Promise<void> {
    const replicable = shared.filter(({ tables }) => tables.length > 0);
    if (replicable.length === 0) {
      log.warn('Nothing to replicate.');
      // Databases that are not there may come; those that do not fit will not.
      if (shared.length > 0) this.#fail();
      return;
    }
    for (const { feed, tables } of replicable) {
      log.dbg('Send monitor requests');
      await feed.monitor(peer, tables);
    }
    log.dbg('Listening to monitor updates');
    this.#state = 'replicating';
  }

  #take(name: string, updates: RowUpdates, { complete, transaction }: News): void {
    const copied = this.#copied.get(name);
    if (copied === undefined || this.#state === 'failed') return;
    const { database, tables, whole } = copied;
    if (complete) log.info('Monitor request received. Resetting the database');
    database.apply({
      id: whole ? transaction : undefined,
      failed: (error) => this.#notApplied(copied, error),
      edit: (under) =>
        complete ? replaceRows(database.tables, tables, under, updates) : applyUpdates(database.tables, under, updates),
    });
  }

  /** What could not be stored, or was missed, is got by reading everything anew; what breaks a rule will do so again. */
  #notApplied({ feed }: Copied, error: OvsdbError): void {
    feed.reset();
    if (error.tag === 'I/O error' || error.tag === 'consistency violation') {
      log.warn(`${feed.database}: ${error.message}; reading it anew`);
      this.#peer?.close(error);
    } else {
      this.#stopOn(error);
    }
  }

  /** @throws what is no reason to stop */
  #stopOn(error: unknown): void {
    if (!(error instanceof OvsdbError)) throw error;
    errorLog.err(`unexpected ovsdb error: ${error.message}`);
    this.#fail();
  }

  #fail(): void {
    if (this.#state === 'failed') return;
    this.#state = 'failed';
    this.#options.failed();
  }

  async close(): Promise<void> {
    this.#state = 'failed';
    await this.#source.close();
  }
}

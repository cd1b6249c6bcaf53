import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { logFor } from '../rpc/log.ts';
import type { DatabaseSchema } from '../schema/schema.ts';
import { Database } from './database.ts';
import { Locks } from './lock.ts';
import { convertLogFile } from './log-conversion.ts';
import { Remotes, type RemotesOptions } from './remotes.ts';
import { builtInSchema, createServerDatabase } from './server-database.ts';
import type { SessionHost } from './session.ts';
import { SqliteStorage } from './storage.ts';
import type { Clock } from './transact.ts';

const log = logFor('ovsdb_server');

const systemClock: Clock = { now: () => performance.now(), newUuid: randomUUID };

export interface ServerOptions {
  /** Database files; one that does not exist is made, of the vswitch schema. */
  readonly databases: readonly string[];
  /** Where clients connect, or are to be called: targets (ovsdb(7)), or columns that hold them (db:DB,TABLE,COLUMN). */
  readonly remotes: readonly string[];
  readonly connections?: RemotesOptions;
}

/** A running server. */
export class Server {
  readonly #host: SessionHost;
  readonly #remotes: Remotes;

  private constructor(host: SessionHost, connections: RemotesOptions | undefined) {
    this.#host = host;
    this.#remotes = new Remotes(host, connections);
  }

  /**
   * Opens the databases and listens. A remote that cannot be had now is logged and tried again.
   * @throws StorageError, RemoteError, TargetError; nothing is left open then
   */
  static async start({ databases, remotes, connections }: ServerOptions): Promise<Server> {
    const opened = new Map<string, Database>();
    try {
      for (const path of databases) {
        const database = openDatabase(path, systemClock);
        opened.set(database.schema.name, database);
      }
      const schemas: DatabaseSchema[] = [...opened.values()].map(({ schema }) => schema);
      opened.set('_Server', createServerDatabase(systemClock, schemas));
    } catch (error) {
      for (const database of opened.values()) database.close();
      throw error;
    }
    const server = new Server({ serverId: randomUUID(), databases: opened, locks: new Locks() }, connections);
    try {
      await server.#remotes.add(...remotes);
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /**
   * Adds a remote, for as long as the server runs.
   * @throws RemoteError, TargetError
   */
  addRemote(remote: string): Promise<void> {
    return this.#remotes.add(remote);
  }

  /** @throws RemoteError when there is no such remote */
  removeRemote(remote: string): Promise<void> {
    return this.#remotes.remove(remote);
  }

  /** The remotes as they were given, in order. */
  listRemotes(): string[] {
    return this.#remotes.names;
  }

  /** Makes all clients connect anew. */
  reconnect(): void {
    this.#remotes.disconnect();
  }

  /** Stops listening, ends all connections and closes the databases; everything acknowledged is stored. */
  async close(): Promise<void> {
    await this.#remotes.close();
    for (const database of this.#host.databases.values()) database.close();
  }
}

/**
 * Opens a database file; one that does not exist is made, of the vswitch schema.
 * @throws StorageError
 */
const openDatabase = (path: string, clock: Clock): Database => {
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true });
    SqliteStorage.create(path, builtInSchema('vswitch'));
    log.info(`${path}: created`);
  }
  convertLogFile(path, clock.newUuid);
  const storage = SqliteStorage.open(path);
  return new Database(storage.schema, clock, storage);
};

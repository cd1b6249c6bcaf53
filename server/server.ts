import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import type { Server as Listener, Socket } from 'node:net';
import { dirname } from 'node:path';
import { logFor } from '../rpc/log.ts';
import { listen, listeningPort } from '../rpc/target.ts';
import type { DatabaseSchema } from '../schema/schema.ts';
import { Database } from './database.ts';
import { Locks } from './lock.ts';
import { convertLogFile } from './log-conversion.ts';
import { builtInSchema, createServerDatabase } from './server-database.ts';
import { Session, type SessionHost } from './session.ts';
import { SqliteStorage } from './storage.ts';
import type { Clock } from './transact.ts';

const log = logFor('ovsdb_server');

const systemClock: Clock = { now: () => performance.now(), newUuid: randomUUID };

export interface ServerOptions {
  /** Database files; one that does not exist is made, of the vswitch schema. */
  readonly databases: readonly string[];
  /** Where to listen: punix:FILE, ptcp:[PORT][:HOST]. */
  readonly remotes: readonly string[];
}

/** A running server. */
export class Server {
  readonly #host: SessionHost;
  readonly #sessions = new Set<Session>();
  readonly #listeners: Listener[] = [];
  #accepted = 0;

  private constructor(host: SessionHost) {
    this.#host = host;
  }

  /**
   * Opens the databases and listens.
   * @throws StorageError, TargetError, or the system's error; nothing is left open then
   */
  static async start({ databases, remotes }: ServerOptions): Promise<Server> {
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
    const server = new Server({ serverId: randomUUID(), databases: opened, locks: new Locks() });
    try {
      for (const remote of remotes) await server.#listen(remote);
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  async #listen(remote: string): Promise<void> {
    if (remote.startsWith('punix:')) mkdirSync(dirname(remote.slice('punix:'.length)), { recursive: true });
    const listener = await listen(remote, (socket) => this.#accept(remote, socket));
    this.#listeners.push(listener);
    const port = listeningPort(listener);
    if (port !== undefined) log.info(`${remote}: listening on port ${port}`);
  }

  #accept(remote: string, socket: Socket): void {
    const name = `${remote.slice(1, remote.indexOf(':'))}#${this.#accepted++}`;
    const session: Session = new Session(this.#host, name, socket, () => this.#sessions.delete(session));
    this.#sessions.add(session);
  }

  /** Stops listening, ends all connections and closes the databases; everything acknowledged is stored. */
  async close(): Promise<void> {
    const closed = this.#listeners.map((listener) => new Promise<void>((resolve) => listener.close(() => resolve())));
    for (const session of this.#sessions) session.close();
    await Promise.all(closed);
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

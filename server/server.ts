import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { directories, makeFolder } from '../rpc/directories.ts';
import { logFor } from '../rpc/log.ts';
import { OvsdbError } from '../schema/error.ts';
import type { Json } from '../schema/json.ts';
import { type DatabaseSchema, parseSchema } from '../schema/schema.ts';
import { ActiveBackup } from './active-backup.ts';
import { Database } from './database.ts';
import { Locks } from './lock.ts';
import { convertLogFile } from './log-conversion.ts';
import { Relay } from './relay.ts';
import type { RemoteSettings } from './remote-settings.ts';
import { Remotes, type RemotesOptions } from './remotes.ts';
import {
  announceConnected,
  announceDatabase,
  announceRelay,
  announceSchema,
  builtInSchema,
  createServerDatabase,
  withdrawDatabase,
} from './server-database.ts';
import type { Session, SessionHost } from './session.ts';
import type { SourceSettings } from './source.ts';
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

/** What the server is asked to do with its databases cannot be done; the message is for the user. */
export class ServerError extends Error {}

/** A running server. */
export class Server {
  readonly #databases = new Map<string, Database>();
  /** The paths of the databases that have one, by name. */
  readonly #files = new Map<string, string>();
  readonly #relays = new Map<string, Relay>();
  readonly #pairs = new Set<ActiveBackup>();
  readonly #host: SessionHost & { conditionalMonitors: boolean };
  readonly #remotes: Remotes;
  readonly #clock: Clock;
  readonly #serverDatabase: Database;

  constructor(connections?: RemotesOptions, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#serverDatabase = createServerDatabase(clock);
    this.#databases.set(this.#serverDatabase.schema.name, this.#serverDatabase);
    this.#host = {
      serverId: clock.newUuid(),
      databases: this.#databases,
      relays: this.#relays,
      locks: new Locks(),
      conditionalMonitors: true,
      convert: (database, schema) => this.#convertDatabase(database, schema),
    };
    this.#remotes = new Remotes(this.#host, connections);
  }

  /**
   * Opens the databases and listens. A remote that cannot be had now is logged and tried again.
   * @throws StorageError, ServerError, RemoteError, TargetError; nothing is left open then
   */
  static async start({ databases, remotes, connections }: ServerOptions): Promise<Server> {
    const server = new Server(connections);
    try {
      for (const path of databases) {
        if (!existsSync(path)) server.createDatabase(path);
        await server.addDatabase(path);
      }
      await server.#remotes.add(...remotes);
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** By name. */
  get databases(): ReadonlyMap<string, Database> {
    return this.#databases;
  }

  /** By the name of the database, the path it was given as. */
  get files(): ReadonlyMap<string, string> {
    return this.#files;
  }

  /** By the name of the database that is another server's. */
  get relays(): ReadonlyMap<string, Relay> {
    return this.#relays;
  }

  /** The sessions of the clients that are connected. */
  get clients(): readonly Session[] {
    return this.#remotes.clients;
  }

  /**
   * Adds remotes, for as long as the server runs.
   * @throws RemoteError, TargetError
   */
  addRemote(...remotes: readonly string[]): Promise<void> {
    return this.#remotes.add(...remotes);
  }

  /** As Remotes.replace. */
  replaceRemotes(remotes: ReadonlyMap<string, Partial<RemoteSettings>>): Promise<string[]> {
    return this.#remotes.replace(remotes);
  }

  /** @throws RemoteError when there is no such remote */
  removeRemote(remote: string): Promise<void> {
    return this.#remotes.remove(remote);
  }

  /** The remotes as they were given, in order. */
  listRemotes(): string[] {
    return this.#remotes.names;
  }

  /**
   * Makes a database file for a virtual switch.
   * @throws StorageError; ServerError when a database of that name is served already
   */
  createDatabase(path: string): void {
    const schema = builtInSchema('vswitch');
    this.#checkName(schema.name);
    // A machine that never had a database lacks their folder too; any other may be mistyped.
    if (dirname(path) === directories().db) makeFolder(dirname(path));
    SqliteStorage.create(path, schema);
    log.info(`${path}: created`);
  }

  /**
   * Serves another database file, from now on.
   * @throws StorageError, ServerError; OvsdbError when the file's schema cannot be understood
   */
  async addDatabase(path: string): Promise<void> {
    if (this.#isOpen(path)) throw new ServerError(`ovsdb error: ${path}: already open`);
    if (!existsSync(path)) throw new ServerError(`I/O error: ${path}: open failed (No such file or directory)`);
    const database = openDatabase(path, this.#clock, ({ name }) => this.#checkName(name));
    const { name } = database.schema;
    this.#disconnectUnaware(`adding ${name} database`);
    this.#databases.set(name, database);
    this.#files.set(name, path);
    announceDatabase(this.#serverDatabase, database.schema);
    await this.#databasesChanged();
  }

  /**
   * Serves a database of another server (ovsdb(7), "Relay Service Model"), as soon as that can be reached.
   * @param source one or more targets, separated by commas
   * @throws ServerError
   */
  async addRelay(name: string, source: string, settings: SourceSettings): Promise<void> {
    // Then the certificates are known by which the source is called.
    await this.#remotes.look();
    this.#checkName(name);
    this.#disconnectUnaware(`adding ${name} database`);
    announceRelay(this.#serverDatabase, name);
    const relay = new Relay({
      database: name,
      source,
      settings,
      credentials: this.#remotes.credentials,
      clock: this.#clock,
      replaced: (database) => this.#replaceRelayed(name, database),
      connectedChanged: (connected) => announceConnected(this.#serverDatabase, name, connected),
    });
    this.#relays.set(name, relay);
    await this.#remotes.look();
  }

  #replaceRelayed(name: string, database: Database): void {
    const old = this.#databases.get(name);
    if (old !== undefined) for (const session of this.clients) session.forget(old);
    this.#databases.set(name, database);
    announceSchema(this.#serverDatabase, database.schema);
    this.#disconnectUnaware(`database ${name} ${old === undefined ? 'connected to storage' : 'schema changed'}`);
    old?.close();
    this.#remotes.look().catch((error) => log.warn(`remotes: ${error}`));
  }

  /**
   * The server's part in an active-backup pair; at first it is active.
   * @param includes whether the pair shares the database of that name
   */
  addPair(includes: (name: string) => boolean): ActiveBackup {
    const pair = new ActiveBackup({
      serverId: this.#host.serverId,
      credentials: this.#remotes.credentials,
      replicated: () => new Map([...this.#databases].filter(([name]) => this.#files.has(name) && includes(name))),
    });
    this.#pairs.add(pair);
    return pair;
  }

  /** The databases of the pair are served as any. */
  removePair(pair: ActiveBackup): void {
    pair.disconnect();
    this.#pairs.delete(pair);
  }

  async #databasesChanged(): Promise<void> {
    for (const pair of this.#pairs) pair.restart();
    await this.#remotes.look();
  }

  /** @throws ServerError when no database of that name can be added */
  #checkName(name: string): void {
    if (name.startsWith('_')) throw new ServerError(`ovsdb error: ${name}: names beginning with "_" are reserved`);
    if (!this.#databases.has(name) && !this.#relays.has(name)) return;
    throw new ServerError(`ovsdb error: ${name}: duplicate database name`);
  }

  #isOpen(path: string): boolean {
    const file = statSync(path, { throwIfNoEntry: false });
    return [...this.#files.values()].some((other) => {
      const open = statSync(other, { throwIfNoEntry: false });
      return file !== undefined && open !== undefined && open.dev === file.dev && open.ino === file.ino;
    });
  }

  /**
   * Serves a database no longer. Clients that asked to be told keep their connection, others lose it (ovsdb-server(7)).
   * @param comment why, for the log
   * @throws ServerError
   */
  async removeDatabase(name: string, comment: string): Promise<void> {
    const database = this.#databases.get(name);
    const relay = this.#relays.get(name);
    if (database === undefined && relay === undefined) throw new ServerError('Failed to find the database.');
    if (name.startsWith('_')) throw new ServerError('Cannot remove reserved database.');
    database?.flush();
    if (database !== undefined) for (const session of this.clients) session.forget(database);
    this.#databases.delete(name);
    this.#files.delete(name);
    this.#relays.delete(name);
    this.#disconnectUnaware(comment);
    withdrawDatabase(this.#serverDatabase, name);
    const closed = relay?.close();
    for (const pair of this.#pairs) pair.restart();
    database?.close();
    await closed;
    await this.#remotes.look();
  }

  /**
   * Puts a database under another schema, with its rows. Clients are told as when it is removed.
   * @returns what is to be done once the client that asked has its answer
   * @throws OvsdbError; then nothing has changed
   */
  #convertDatabase(old: Database, json: Json): () => void {
    const schema = parseSchema(json);
    const { name } = old.schema;
    if (schema.name !== name) {
      const details = `new schema name (${schema.name}) does not match database name (${name})`;
      throw new OvsdbError('invalid parameters', details);
    }
    const database = old.convert(schema);
    for (const session of this.clients) session.forget(old);
    this.#databases.set(name, database);
    announceSchema(this.#serverDatabase, schema);
    return () => {
      this.#disconnectUnaware(`database ${name} schema conversion`);
      this.#databasesChanged().catch((error) => log.warn(`remotes: ${error}`));
    };
  }

  /** Makes all clients connect anew. */
  reconnect(comment: string): void {
    for (const session of this.clients) session.close(comment);
  }

  #disconnectUnaware(comment: string): void {
    for (const session of this.clients) if (!session.changeAware) session.close(comment);
  }

  /** Clients see a server that does not know `monitor_cond`, from their next connection on. */
  disableConditionalMonitors(): void {
    this.#host.conditionalMonitors = false;
    this.reconnect('user ran ovsdb-server/disable-monitor-cond');
  }

  /** Stops listening, ends all connections and closes the databases; everything acknowledged is stored. */
  async close(): Promise<void> {
    const sources = [...this.#relays.values(), ...this.#pairs].map((each) => each.close());
    for (const database of this.#databases.values()) database.flush();
    await this.#remotes.close();
    await Promise.all(sources);
    for (const database of this.#databases.values()) database.close();
  }
}

/** @throws StorageError; OvsdbError when the file's schema cannot be understood */
const openDatabase = (path: string, clock: Clock, check: (schema: DatabaseSchema) => void): Database => {
  convertLogFile(path, clock.newUuid, check);
  const storage = SqliteStorage.open(path);
  try {
    check(storage.schema);
    return new Database(storage.schema, clock, storage);
  } catch (error) {
    storage.close();
    throw error;
  }
};

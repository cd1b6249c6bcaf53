import { Credentials, type TlsFiles } from '../rpc/credentials.ts';
import { logFor } from '../rpc/log.ts';
import { type ConnectionLimits, defaultConnectionLimits } from '../rpc/peer.ts';
import { checkTarget } from '../rpc/target.ts';
import type { Database } from './database.ts';
import { DatabaseColumn, databaseNamed, isInDatabase, RemoteError } from './database-column.ts';
import { openRemote, type Remote, type RemoteHost } from './remote.ts';
import { type Configuration, type RemoteSettings, readConfiguration } from './remote-settings.ts';
import { writeStatus } from './remote-status.ts';
import type { Session, SessionHost } from './session.ts';
import type { Table } from './table.ts';
import { readTlsFiles } from './tls-settings.ts';
import type { RowChange } from './transaction.ts';

const log = logFor('ovsdb_server');
const connectionLog = logFor('ovsdb_jsonrpc_server');

/** How often the state of remotes is written into their rows, in ms. */
const statusInterval = 2500;

export interface ServerLimits extends ConnectionLimits {
  /** Clients at a time. */
  readonly maxConnections: number;
}
export const defaultServerLimits: ServerLimits = { ...defaultConnectionLimits, maxConnections: 10_000 };

export interface RemotesOptions {
  /** The first three may be columns: db:DB,TABLE,COLUMN. */
  readonly tls?: TlsFiles | undefined;
  readonly limits?: ServerLimits | undefined;
  /** The web pages that may connect to a WebSocket, by origin; "*" for all. */
  readonly origins?: readonly string[] | undefined;
}

/**
 * The server's remotes. What is configured, on the command line and in databases, is compared with what is there:
 * whatever changed only says that it is time to look.
 */
export class Remotes implements RemoteHost {
  readonly sessions: SessionHost;
  readonly credentials = new Credentials();
  readonly limits: ServerLimits;
  readonly origins: readonly string[];
  readonly #tls: TlsFiles;
  /** With what was said about them. */
  readonly #names = new Map<string, Partial<RemoteSettings>>();
  readonly #open = new Map<string, Remote>();
  readonly #watched = new Set<Database>();
  readonly #statusTimer: NodeJS.Timeout;
  /** The rows that remotes come from, and the tables whose changes may change the remotes. */
  #rows: Configuration['rows'] = new Map();
  #tables: ReadonlySet<Table> = new Set();
  #problems = '';
  #connections = 0;
  #full = false;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #closed = false;

  constructor(sessions: SessionHost, { tls = {}, limits = defaultServerLimits, origins = [] }: RemotesOptions = {}) {
    this.sessions = sessions;
    this.limits = limits;
    this.origins = origins;
    this.#tls = tls;
    this.#statusTimer = setInterval(() => this.#writeStatus(), statusInterval).unref();
  }

  /** The names of the remotes, as they were added, in order. */
  get names(): string[] {
    return [...this.#names.keys()].sort();
  }

  /**
   * Adds remotes: targets, or columns that hold them. Resolves when each has been tried once; those that cannot be had
   * now are tried again.
   * @throws RemoteError, TargetError for one that can never work; then none is added
   */
  async add(...names: readonly string[]): Promise<void> {
    for (const name of names) this.#check(name);
    for (const name of names) if (!this.#names.has(name)) this.#names.set(name, {});
    await this.look();
  }

  /**
   * Puts these remotes in place of all that were added. Resolves as `add` does.
   * @returns what is wrong with those that can never work, which are left out
   */
  async replace(remotes: ReadonlyMap<string, Partial<RemoteSettings>>): Promise<string[]> {
    const problems: string[] = [];
    this.#names.clear();
    for (const [name, settings] of remotes) {
      try {
        this.#check(name);
        this.#names.set(name, settings);
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    await this.look();
    return problems;
  }

  /** Whether it is to be read from another server's database which could not be reached yet. */
  #isAwaited(setting: string): boolean {
    const { databases, relays } = this.sessions;
    const name = databaseNamed(setting);
    return relays.has(name) && !databases.has(name);
  }

  #check(name: string): void {
    if (this.#isAwaited(name)) return;
    if (isInDatabase(name)) void new DatabaseColumn(name, this.sessions.databases);
    else checkTarget(name);
  }

  /** @throws RemoteError */
  async remove(name: string): Promise<void> {
    if (!this.#names.delete(name)) throw new RemoteError('no such remote');
    await this.look();
  }

  /** The sessions of all clients. */
  get clients(): Session[] {
    return [...this.#open.values()].flatMap(({ clients }) => [...clients]);
  }

  /** Makes the remotes what they are configured to be. To be called when databases come, go or are converted. */
  async look(): Promise<void> {
    this.#lookAgain = true;
    this.#looking ??= this.#lookWhileNeeded();
    await this.#looking;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#statusTimer);
    for (const database of this.#watched) database.watchers.delete(this.#watcher);
    await this.#looking;
    await Promise.all([...this.#open.values()].map((remote) => remote.close()));
  }

  admits(name: string): boolean {
    if (this.#connections < this.limits.maxConnections) return true;
    if (!this.#full) {
      connectionLog.warn(`${name}: refused, ${this.#connections} clients are connected (see --max-connections)`);
    }
    this.#full = true;
    return false;
  }

  counted(change: 1 | -1): void {
    this.#connections += change;
    if (change < 0) this.#full = false;
  }

  readonly #watcher = (changes: readonly RowChange[]): void => {
    if (changes.some(({ table }) => this.#tables.has(table))) void this.look();
  };

  async #lookWhileNeeded(): Promise<void> {
    // Transactions of one turn of the event loop are looked at together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#lookAgain && !this.#closed) {
      this.#lookAgain = false;
      await this.#reconcile();
    }
    this.#looking = undefined;
  }

  async #reconcile(): Promise<void> {
    const { databases } = this.sessions;
    const names = new Map([...this.#names].filter(([name]) => !this.#isAwaited(name)));
    const tls = readTlsFiles(this.#tls, databases, (setting) => this.#isAwaited(setting));
    const { targets, rows, tables, problems } = readConfiguration(names, databases);
    this.credentials.configure(tls.files);
    this.#rows = rows;
    this.#tables = new Set([...tables, ...tls.tables]);
    this.#report([...tls.problems, ...problems].join('\n'));
    this.#watch(new Set(databases.values()));
    const closed = await this.#closeOthers(targets);
    const opened = await this.#openMissing(targets);
    if (closed || opened) this.#writeStatus();
  }

  async #closeOthers(targets: Configuration['targets']): Promise<boolean> {
    const others = [...this.#open].filter(([target]) => !targets.has(target));
    for (const [target, remote] of others) {
      connectionLog.info(`${target}: remote deconfigured`);
      this.#open.delete(target);
      await remote.close();
    }
    return others.length > 0;
  }

  async #openMissing(targets: Configuration['targets']): Promise<boolean> {
    let opened = false;
    for (const [target, settings] of targets) {
      const remote = this.#open.get(target);
      remote?.configure(settings);
      if (remote !== undefined) continue;
      this.#open.set(target, await openRemote(target, settings, this));
      opened = true;
    }
    return opened;
  }

  #writeStatus(): void {
    const remotes = [...this.#open].flatMap(([target, { status }]) =>
      (this.#rows.get(target) ?? []).map((row) => [row, status] as const),
    );
    writeStatus(remotes);
  }

  /** Says what is wrong, once for as long as it is. */
  #report(problems: string): void {
    if (problems !== '' && problems !== this.#problems) log.warn(problems);
    this.#problems = problems;
  }

  #watch(databases: ReadonlySet<Database>): void {
    for (const database of this.#watched) if (!databases.has(database)) database.watchers.delete(this.#watcher);
    this.#watched.clear();
    for (const database of databases) {
      this.#watched.add(database);
      database.watchers.add(this.#watcher);
    }
  }
}

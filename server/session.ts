import type { Duplex } from 'node:stream';
import { logFor } from '../rpc/log.ts';
import { type ConnectionLimits, type Notification, Peer, type Request } from '../rpc/peer.ts';
import type { Transport } from '../rpc/transport.ts';
import { OvsdbError, syntaxError } from '../schema/error.ts';
import { formatJson, type Json, JsonText, type OutJson } from '../schema/json.ts';
import { schemaToJson } from '../schema/schema.ts';
import { isId, isUuid, zeroUuid } from '../schema/uuid.ts';
import type { Database } from './database.ts';
import type { LockOwner, Locks } from './lock.ts';
import type { Monitor } from './monitor.ts';
import { type MonitorVersion, parseConditionChange, parseMonitorRequests } from './monitor-request.ts';
import type { RemoteSettings } from './remote-settings.ts';
import { Role } from './role.ts';
import { Subscription } from './subscription.ts';

const log = logFor('ovsdb_jsonrpc_server');

/** What a session serves. */
export interface SessionHost {
  readonly serverId: string;
  readonly databases: ReadonlyMap<string, Database>;
  /** The databases that are other servers', by name: one that could not be reached yet is not among `databases`. */
  readonly relays: ReadonlyMap<string, unknown>;
  readonly locks: Locks;
  /** Whether clients may use `monitor_cond` and what came with it (ovs-appctl, ovsdb-server/disable-monitor-cond). */
  readonly conditionalMonitors: boolean;
  /**
   * Puts a database under another schema.
   * @returns what is to be done once that is answered
   * @throws OvsdbError
   */
  readonly convert: (database: Database, schema: Json) => () => void;
}

/** A transaction that is not answered yet. */
interface PendingTransaction {
  readonly id: Json;
  readonly database: Database;
  /** False when it is too late. */
  readonly withdraw: () => boolean;
}

/** The connection that a session serves. */
export interface SessionOptions {
  readonly carrier: Duplex | Transport;
  /** As the log calls it. */
  readonly name: string;
  /** The name in its certificate. */
  readonly clientId: string | undefined;
  /** What its remote allows: always as it is now. */
  readonly policy: RemoteSettings;
  readonly limits?: ConnectionLimits | undefined;
  readonly closed?: (reason: Error | undefined) => void;
}

/** A method's answer; undefined when it is sent later. */
type Method = (session: Session, params: readonly Json[], request: Request) => OutJson | undefined;

/** A refusal that the protocol words as a mere string. */
class MethodError extends Error {}

/** One client: what it watches, what it waits for and the locks it asked for (RFC 7047 section 4.1). */
export class Session implements LockOwner {
  readonly #host: SessionHost;
  readonly #name: string;
  readonly #peer: Peer;
  /** By the JSON text of their ids, which may be any value. */
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #transactions = new Map<string, PendingTransaction>();
  /** How it asked for them. */
  readonly #locks = new Map<string, 'lock' | 'steal'>();
  readonly #clientId: string | undefined;
  readonly #policy: RemoteSettings;
  #changeAware = false;

  constructor(host: SessionHost, { carrier, name, clientId, policy, limits, closed }: SessionOptions) {
    this.#host = host;
    this.#clientId = clientId;
    this.#policy = policy;
    this.#name = name;
    this.#peer = new Peer(
      carrier,
      {
        request: (request) => this.#request(request),
        notification: (notification) => this.#notification(notification),
        drained: () => {
          for (const subscription of this.#subscriptions.values()) subscription.catchUp();
        },
        closed: (reason) => {
          this.#cleanUp();
          closed?.(reason);
        },
      },
      { name, probeInterval: policy.probeInterval, ...(limits !== undefined && { limits }) },
    );
  }

  /** Resolves once the connection has ended, to what broke it, if anything did. */
  get ended(): Promise<Error | undefined> {
    return this.#peer.ended;
  }

  /** Whether the client was silent, and has not answered the probe yet. */
  get idle(): boolean {
    return this.#peer.idle;
  }

  /** The policy of its remote has changed. */
  policyChanged(): void {
    this.#peer.probeInterval = this.#policy.probeInterval;
  }

  /** The locks it asked for: those it holds, those it waits for, and those that were taken from it. */
  lockNames(): { readonly [state in 'held' | 'waiting' | 'lost']: readonly string[] } {
    const names = { held: [] as string[], waiting: [] as string[], lost: [] as string[] };
    for (const [name, request] of this.#locks) {
      if (this.#host.locks.holds(name, this)) names.held.push(name);
      else names[request === 'lock' ? 'waiting' : 'lost'].push(name);
    }
    return names;
  }

  /** @param comment why, for the log */
  close(comment?: string): void {
    if (comment !== undefined) log.info(`${this.#name}: disconnecting (${comment})`);
    this.#peer.close();
  }

  get monitors(): number {
    return this.#subscriptions.size;
  }

  /** Whether the client keeps its connection when databases come and go (`set_db_change_aware`, ovsdb-server(7)). */
  get changeAware(): boolean {
    return this.#changeAware;
  }

  /** The database goes away: its monitors end, and what is not answered is answered `canceled`. */
  forget(database: Database): void {
    for (const [key, subscription] of this.#subscriptions) {
      if (subscription.database !== database) continue;
      subscription.cancel();
      this.#subscriptions.delete(key);
      this.#peer.notify('monitor_canceled', [subscription.id]);
    }
    for (const transaction of this.#transactions.values())
      if (transaction.database === database) this.#cancel(transaction);
  }

  locked(name: string): void {
    this.#peer.notify('locked', [name]);
  }
  stolen(name: string): void {
    this.#peer.notify('stolen', [name]);
  }
  readonly #holdsLock = (name: string): boolean => this.#locks.has(name) && this.#host.locks.holds(name, this);

  #request(request: Request): void {
    try {
      const method = this.#method(request.method);
      if (method === undefined) throw new MethodError('unknown method');
      const result = method(this, request.params, request);
      if (result !== undefined) this.#peer.reply(request.id, result);
    } catch (error) {
      this.flush();
      this.#peer.replyError(request.id, errorJson(error));
    }
  }

  #notification({ method, params }: Notification): void {
    if (method !== 'cancel') return;
    const transaction = this.#transactions.get(formatJson(params[0] ?? null));
    if (transaction !== undefined) this.#cancel(transaction);
  }

  #cancel({ id, withdraw }: PendingTransaction): void {
    if (!withdraw()) return;
    this.#transactions.delete(formatJson(id));
    this.#peer.replyError(id, 'canceled');
  }

  #method(name: string): Method | undefined {
    return !this.#host.conditionalMonitors && conditionalMethods.has(name) ? undefined : methods.get(name);
  }

  #cleanUp(): void {
    for (const { withdraw } of this.#transactions.values()) withdraw();
    for (const subscription of this.#subscriptions.values()) subscription.cancel();
    for (const name of this.#locks.keys()) this.#host.locks.unlock(name, this);
  }

  /** The database that the first parameter names. */
  #database(params: readonly Json[], method: string): Database {
    const [name] = params;
    if (typeof name !== 'string') {
      throw syntaxError(`${method} request params must begin with <db-name>`, params);
    }
    const database = this.#host.databases.get(name);
    if (database !== undefined) return database;
    if (!this.#host.relays.has(name)) {
      throw new OvsdbError('unknown database', `${method} request specifies unknown database ${name}`, params);
    }
    // The words are about clusters: it is by them that clients know the case.
    const reason = 'which is not yet available because it has not completed joining its cluster';
    throw new OvsdbError('database not available', `${method} request specifies database ${name} ${reason}`);
  }

  /** The server's own comes last. */
  listDatabases(): OutJson {
    const names = new Set([...this.#host.databases.keys(), ...this.#host.relays.keys()]);
    return [...names].sort((a, b) => Number(a.startsWith('_')) - Number(b.startsWith('_')));
  }

  getSchema(params: readonly Json[]): OutJson {
    return schemaToJson(this.#database(params, 'get_schema').schema);
  }

  serverId(): OutJson {
    return this.#host.serverId;
  }

  transact(params: readonly Json[], { id }: Request): undefined {
    const database = this.#database(params, 'transact');
    const key = formatJson(id);
    if (this.#transactions.has(key)) throw syntaxError('transact: duplicate request ID', params);
    let answered = false;
    const answer = (send: () => void) => {
      answered = true;
      this.#transactions.delete(key);
      send();
    };
    const done = (results: string) => answer(() => this.#peer.reply(id, new JsonText(results)));
    const refused = (error: Json) => answer(() => this.#peer.replyError(id, error));
    const requester = {
      refusal: refusalOf(database.schema.name, this.#policy.readOnly || database.readOnly),
      holdsLock: this.#holdsLock,
      role: this.#role,
    };
    const withdraw = database.submit({ operations: params.slice(1), requester, done, refused });
    if (!answered) this.#transactions.set(key, { id, database, withdraw });
  }

  monitor(params: readonly Json[], version: MonitorVersion, method: string): OutJson {
    const database = this.#database(params, method);
    const [, id, requests] = params;
    if (id === undefined || requests === undefined || params.length > mostParameters[version]) {
      throw syntaxError('invalid parameters', params);
    }
    const key = formatJson(id);
    if (this.#subscriptions.has(key)) throw syntaxError('duplicate monitor ID', id);
    const last = version === 3 ? lastTransaction(params) : zeroUuid;
    database.flush();
    const monitor = database.monitors.get(version, parseMonitorRequests(database.schema, requests, version));
    this.#subscriptions.set(key, new Subscription(this.#peer, database, monitor, id));
    if (version === 3) return this.#resume(database, monitor, last);
    return new JsonText(monitor.initial(database.tables));
  }

  /** What a client that knows the database as of transaction `last` misses, or all of it if that is too long ago. */
  #resume({ history, tables }: Database, monitor: Monitor, last: string): OutJson {
    const missed = history.since(last);
    if (missed === undefined || (missed.restored && monitor.watchesEphemeral)) {
      return [false, history.last, new JsonText(monitor.initial(tables))];
    }
    return [true, history.last, new JsonText(monitor.updates(missed.changes) ?? '{}')];
  }

  /** ovsdb-server(7), section 4.1.22 */
  convert(params: readonly Json[], { id }: Request): undefined {
    const database = this.#database(params, 'convert');
    const [, schema, ...rest] = params;
    if (schema === undefined || rest.length > 0) throw syntaxError('array expected', params);
    const onlyRoot = '(only the root role may convert databases)';
    if (this.#role !== undefined) {
      throw this.#role.refuse(`"convert" of database ${database.schema.name} ${onlyRoot}`);
    }
    const refused = refusalOf(database.schema.name, this.#policy.readOnly)('convert');
    if (refused !== undefined) throw new OvsdbError('not allowed', refused);
    const finish = this.#host.convert(database, schema);
    this.#peer.reply(id, {});
    finish();
  }

  changeConditions(params: readonly Json[]): OutJson {
    const [id = null, newId, requests] = params;
    if (newId === undefined || requests === undefined) throw syntaxError('invalid parameters', params);
    const subscription = this.#subscriptions.get(formatJson(id));
    if (subscription === undefined) throw syntaxError('unknown monitor session', id);
    const newKey = formatJson(newId);
    if (newKey !== formatJson(id) && this.#subscriptions.has(newKey)) throw syntaxError('duplicate monitor ID', newId);
    const { database, monitor } = subscription;
    database.flush();
    const tables = parseConditionChange(database.schema, monitor.tables, requests);
    // The conditions of a plain monitor mean nothing, as in Open vSwitch.
    const newer = monitor.version === 1 ? monitor : database.monitors.get(monitor.version, tables);
    this.#subscriptions.delete(formatJson(id));
    this.#subscriptions.set(newKey, subscription);
    subscription.change(newer, newId);
    return {};
  }

  cancelMonitor(params: readonly Json[]): OutJson {
    if (params.length !== 1) throw new MethodError('invalid parameters');
    const key = formatJson(params[0] ?? null);
    const subscription = this.#subscriptions.get(key);
    if (subscription === undefined) throw new MethodError('unknown monitor');
    subscription.cancel();
    this.#subscriptions.delete(key);
    return {};
  }

  lock(params: readonly Json[], steal: boolean): OutJson {
    this.#mayLock();
    const name = lockName(params, steal ? 'steal' : 'lock');
    if (this.#locks.has(name)) {
      throw syntaxError(`must issue "unlock" before new "${steal ? 'steal' : 'lock'}"`, params);
    }
    this.#locks.set(name, steal ? 'steal' : 'lock');
    if (!steal) return { locked: this.#host.locks.lock(name, this) };
    this.#host.locks.steal(name, this);
    return { locked: true };
  }

  unlock(params: readonly Json[]): OutJson {
    this.#mayLock();
    const name = lockName(params, 'unlock');
    if (!this.#locks.delete(name)) throw syntaxError('unlock: "unlock" without "lock" or "steal"', params);
    this.#host.locks.unlock(name, this);
    return {};
  }

  get #role(): Role | undefined {
    const { role } = this.#policy;
    return role === '' ? undefined : new Role(role, this.#clientId);
  }

  #mayLock(): void {
    const isBackup = [...this.#host.databases.values()].some(({ readOnly }) => readOnly);
    if (!isBackup && !this.#policy.readOnly) return;
    throw new MethodError('lock and unlock methods not allowed, DB server is read only.');
  }

  setChangeAware(params: readonly Json[]): OutJson {
    if (params.length !== 1 || typeof params[0] !== 'boolean') {
      throw syntaxError('set_db_change_aware: true or false parameter expected', params);
    }
    this.#changeAware = params[0];
    return {};
  }

  /** Answers in the order of the requests: transactions that have run are stored and answered first. */
  flush(): void {
    for (const database of this.#host.databases.values()) database.flush();
  }
}

/** Why a session may not run an operation, if it may not. */
const refusalOf =
  (database: string, readOnly: boolean) =>
  (operation: string): string | undefined => {
    if (readOnly) return `${operation} operation not allowed when database server is in read only mode`;
    if (!isReserved(database)) return undefined;
    return `${operation} operation not allowed on table in reserved database ${database}`;
  };

const lockName = (params: readonly Json[], method: string): string => {
  const [name] = params;
  if (params.length !== 1 || typeof name !== 'string' || !isId(name)) {
    throw syntaxError(`${method} request params must be <id>`, params);
  }
  return name;
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

const errorJson = (error: unknown): OutJson => {
  if (error instanceof MethodError) return error.message;
  if (error instanceof OvsdbError) return error.toJson();
  log.err(`internal error: ${error instanceof Error ? error.stack : error}`);
  return { error: 'internal error', details: error instanceof Error ? error.message : String(error) };
};

/** Names that begin with an underscore are the server's own (ovsdb-server(5)). */
const isReserved = (database: string): boolean => database.startsWith('_');

/** Methods that a server of long ago did not have. */
const conditionalMethods: ReadonlySet<string> = new Set(['monitor_cond', 'monitor_cond_since']);

/** Methods other than transact first let what was asked before be answered. */
const inOrder =
  (method: Method): Method =>
  (session, params, request) => {
    session.flush();
    return method(session, params, request);
  };

/** The methods of RFC 7047 section 4.1 and ovsdb-server(7). */
const methods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['transact', (session, params, request) => session.transact(params, request)],
  ['list_dbs', inOrder((session) => session.listDatabases())],
  ['get_schema', inOrder((session, params) => session.getSchema(params))],
  ['get_server_id', inOrder((session) => session.serverId())],
  ['monitor', inOrder((session, params) => session.monitor(params, 1, 'monitor'))],
  ['monitor_cond', inOrder((session, params) => session.monitor(params, 2, 'monitor_cond'))],
  ['monitor_cond_since', inOrder((session, params) => session.monitor(params, 3, 'monitor_cond_since'))],
  ['monitor_cond_change', inOrder((session, params) => session.changeConditions(params))],
  ['monitor_cancel', inOrder((session, params) => session.cancelMonitor(params))],
  ['convert', inOrder((session, params, request) => session.convert(params, request))],
  ['lock', inOrder((session, params) => session.lock(params, false))],
  ['steal', inOrder((session, params) => session.lock(params, true))],
  ['unlock', inOrder((session, params) => session.unlock(params))],
  ['set_db_change_aware', inOrder((session, params) => session.setChangeAware(params))],
  ['echo', inOrder((_session, params) => params)],
]);

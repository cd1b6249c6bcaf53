import type { Duplex } from 'node:stream';
import { logFor } from '../rpc/log.ts';
import { type ConnectionLimits, type Notification, Peer, type Request } from '../rpc/peer.ts';
import type { Transport } from '../rpc/transport.ts';
import { OvsdbError, syntaxError } from '../schema/error.ts';
import { formatJson, type Json, JsonText, type OutJson } from '../schema/json.ts';
import { schemaText } from '../schema/schema.ts';
import type { Database } from './database.ts';
import type { Locks } from './lock.ts';
import type { MonitorVersion } from './monitor-request.ts';
import { errorJson, MethodError, refusalOf } from './refusal.ts';
import type { RemoteSettings } from './remote-settings.ts';
import { Role } from './role.ts';
import { SessionLocks } from './session-locks.ts';
import { Subscriptions } from './subscriptions.ts';

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

/** One client: what it watches, what it waits for and the locks it asked for (RFC 7047 section 4.1). */
export class Session {
  readonly #host: SessionHost;
  readonly #name: string;
  readonly #peer: Peer;
  readonly #subscriptions: Subscriptions;
  readonly #transactions = new Map<string, PendingTransaction>();
  readonly #locks: SessionLocks;
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
        drained: () => this.#subscriptions.catchUp(),
        closed: (reason) => {
          this.#cleanUp();
          closed?.(reason);
        },
      },
      { name, probeInterval: policy.probeInterval, ...(limits !== undefined && { limits }) },
    );
    this.#subscriptions = new Subscriptions(this.#peer);
    this.#locks = new SessionLocks(this.#peer, host.locks);
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

  get locks(): SessionLocks {
    return this.#locks;
  }
  get subscriptions(): Subscriptions {
    return this.#subscriptions;
  }

  /** @param comment why, for the log */
  close(comment?: string): void {
    if (comment !== undefined) log.info(`${this.#name}: disconnecting (${comment})`);
    this.#peer.close();
  }

  /** Whether the client keeps its connection when databases come and go (`set_db_change_aware`, ovsdb-server(7)). */
  get changeAware(): boolean {
    return this.#changeAware;
  }

  /** The database goes away: its monitors end, and what is not answered is answered `canceled`. */
  forget(database: Database): void {
    this.#subscriptions.forget(database);
    for (const transaction of this.#transactions.values())
      if (transaction.database === database) this.#cancel(transaction);
  }

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
    this.#subscriptions.cancel();
    this.#locks.release();
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
    return schemaText(this.#database(params, 'get_schema').schema);
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
      holdsLock: this.#locks.holds,
      role: this.#role,
    };
    const withdraw = database.submit({ operations: params.slice(1), requester, done, refused });
    if (!answered) this.#transactions.set(key, { id, database, withdraw });
  }

  monitor(params: readonly Json[], version: MonitorVersion, method: string): OutJson {
    return this.#subscriptions.add(this.#database(params, method), params, version);
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

  lock(params: readonly Json[], method: 'lock' | 'steal'): OutJson {
    this.#mayLock();
    return this.#locks.lock(params, method);
  }

  unlock(params: readonly Json[]): OutJson {
    this.#mayLock();
    return this.#locks.unlock(params);
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
  ['monitor_cond_change', inOrder((session, params) => session.subscriptions.change(params))],
  ['monitor_cancel', inOrder((session, params) => session.subscriptions.remove(params))],
  ['convert', inOrder((session, params, request) => session.convert(params, request))],
  ['lock', inOrder((session, params) => session.lock(params, 'lock'))],
  ['steal', inOrder((session, params) => session.lock(params, 'steal'))],
  ['unlock', inOrder((session, params) => session.unlock(params))],
  ['set_db_change_aware', inOrder((session, params) => session.setChangeAware(params))],
  ['echo', inOrder((_session, params) => params)],
]);

import { Credentials } from '../rpc/credentials.ts';
import { defaultSocket } from '../rpc/directories.ts';
import { logFor } from '../rpc/log.ts';
import { type Notification, Peer, RpcError } from '../rpc/peer.ts';
import { systemMessage } from '../rpc/system-error.ts';
import { dial, isPassive, listen, splitTargets } from '../rpc/target.ts';
import { StreamTransport, type Transport } from '../rpc/transport.ts';
import { formatJson, isArray, type Json, type OutJson } from '../schema/json.ts';
import { prettyJson } from '../schema/pretty-json.ts';
import { type DatabaseSchema, parseSchema } from '../schema/schema.ts';
import { Failure } from './failure.ts';
import type { Settings } from './settings.ts';

const log = logFor('ovsdb_client');
const reconnectLog = logFor('reconnect');

/** JSON as this program prints it: names sorted. */
export const printJson = (json: Json, { style }: Settings): string =>
  style.pretty ? prettyJson(json) : formatJson(json, true);

/** The connection to the server; its requests fail in Open vSwitch's words. */
export class Connection {
  /** What the user calls the server. */
  readonly server: string;
  readonly #transport: Transport;
  readonly #settings: Settings;
  readonly #peer: Peer;
  #notified: ((notification: Notification) => void) | undefined;
  /** What came before there was anyone to tell. */
  readonly #early: Notification[] = [];

  private constructor(server: string, transport: Transport, settings: Settings) {
    this.server = server;
    this.#transport = transport;
    this.#settings = settings;
    this.#peer = new Peer(transport, {
      request: ({ method, params, id }) => {
        if (method === 'echo') this.#peer.reply(id, params);
      },
      notification: (notification) => {
        if (this.#notified === undefined) this.#early.push(notification);
        else this.#notified(notification);
      },
    });
  }

  /**
   * Connects to a server. A passive one is waited for.
   * @throws Failure, whose cause is the system's error
   */
  static async open(server: string, settings: Settings): Promise<Connection> {
    const stream = isPassive(server) ? await accept(server, settings) : await connect(server, settings);
    return new Connection(server, stream, settings);
  }

  /** Resolves when the connection has ended: "End of file", or what broke it. */
  async ended(): Promise<string> {
    const reason = await this.#peer.ended;
    return reason === undefined ? 'End of file' : systemMessage(reason);
  }

  /** @throws Failure when the connection ends first; RpcError when the server answers with an error */
  async attempt(method: string, params: OutJson): Promise<Json> {
    try {
      return await this.#peer.request(method, params);
    } catch (error) {
      if (error instanceof RpcError) throw error;
      throw new Failure(`transaction failed (${await this.ended()})`, { cause: error });
    }
  }

  /** @throws Failure */
  async request(method: string, params: OutJson): Promise<Json> {
    try {
      return await this.attempt(method, params);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      throw new Failure(`transaction returned error: ${printJson(error.error, this.#settings)}`, { cause: error });
    }
  }

  /** The names of the server's databases, sorted. */
  async listDatabases(): Promise<string[]> {
    const names = await this.request('list_dbs', []);
    if (!isArray(names)) throw new Failure('list_dbs response is not array');
    return names
      .map((name, i) => {
        if (typeof name !== 'string') throw new Failure(`list_dbs response ${i} is not string`);
        return name;
      })
      .sort();
  }

  /** @throws Failure; OvsdbError when the schema cannot be understood */
  async getSchema(database: string): Promise<DatabaseSchema> {
    return parseSchema(await this.request('get_schema', [database]));
  }

  /** Asks the server to keep the connection when a database is removed or changes its schema. */
  async becomeChangeAware(): Promise<void> {
    const { changeAware } = this.#settings;
    if (changeAware === 'no') return;
    try {
      await this.attempt('set_db_change_aware', [true]);
    } catch (error) {
      if (!(error instanceof RpcError) || changeAware !== 'required') {
        if (error instanceof RpcError) return;
        throw error;
      }
      throw new Failure(`${this.server}: set_db_change_aware failed (${formatJson(error.error)})`, { cause: error });
    }
  }

  /** Tells of notifications from now on, and first of those that came so far. */
  onNotification(notified: (notification: Notification) => void): void {
    for (const notification of this.#early.splice(0)) notified(notification);
    this.#notified = notified;
  }

  /** Stops and goes on reading what the server sends. */
  pause(): void {
    this.#transport.pause();
  }
  resume(): void {
    this.#transport.resume();
  }

  close(): void {
    this.#peer.close();
  }
}

const connect = async (server: string, { tls }: Settings): Promise<Transport> => {
  try {
    return new StreamTransport(await dial(server, { credentials: new Credentials(tls) }));
  } catch (error) {
    throw connectFailure(server, error);
  }
};

/** That a server cannot be reached, in Open vSwitch's words. */
export const connectFailure = (server: string, error: unknown): Failure => {
  const message = systemMessage(error);
  const verb = message.startsWith('Address family') ? 'connect or listen' : 'connect';
  return new Failure(`failed to ${verb} to "${server}" (${message})`, { cause: error });
};

/**
 * Connects to the first of several servers that answers and, if a database is named, serves it.
 * @throws Failure when there is none
 */
const openFirst = async (
  servers: readonly string[],
  settings: Settings,
  database: string | undefined,
): Promise<Connection> => {
  for (const server of servers) {
    reconnectLog.info(`${server}: connecting...`);
    try {
      const connection = await Connection.open(server, settings);
      reconnectLog.info(`${server}: connected`);
      if (database === undefined || (await connection.listDatabases()).includes(database)) return connection;
      connection.close();
      // Open vSwitch's words for any that it gives up.
      reconnectLog.info(`${server}: connection attempt timed out`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      reconnectLog.info(`${server}: connection attempt failed (${systemMessage(error.cause ?? error)})`);
    }
  }
  throw new Failure('no servers were available');
};

/** Waits for the server to connect. */
const accept = (server: string, { tls }: Settings): Promise<Transport> =>
  new Promise((resolve, reject) => {
    const listening = listen(server, {
      credentials: new Credentials(tls),
      accept: ({ carrier }) => {
        listening.then((listener) => listener.close());
        resolve('probe' in carrier ? carrier : new StreamTransport(carrier));
      },
    });
    listening.then(
      () => log.info(`${server}: waiting for connection...`),
      (error) => reject(new Failure(`failed to connect or listen to "${server}" (${systemMessage(error)})`)),
    );
  });

const looksLikeServer = (argument: string | undefined): argument is string =>
  argument !== undefined && /^[A-Za-z]/.test(argument) && argument.includes(':');

/** What a command takes from the front of its arguments, and how many are its own. */
export interface Place {
  readonly needs: 'server' | 'database';
  readonly min: number;
}

/**
 * Takes the server, or several separated by commas, from the front of the arguments, if there are more than a command
 * needs; connects.
 * @returns the connection and the other arguments
 * @throws Failure
 */
export const openServer = async (
  args: readonly string[],
  { needs, min }: Place,
  settings: Settings,
): Promise<{ connection: Connection; rest: readonly string[] }> => {
  const [first, ...others] = args;
  const named = args.length > min && looksLikeServer(first);
  const rest = named ? others : args;
  const [server = '', ...more] = splitTargets(named ? first : `unix:${defaultSocket()}`);
  if (more.length === 0) return { connection: await Connection.open(server, settings), rest };
  if (needs === 'database' && rest.length <= min) {
    throw new Failure('database name is required with multiple remotes');
  }
  const database = needs === 'database' ? rest[0] : undefined;
  return { connection: await openFirst([server, ...more], settings, database), rest };
};

/**
 * Takes the database from the front of the arguments, or chooses one: Open_vSwitch, or the only one that is not the
 * server's own.
 * @throws Failure when there is no saying which
 */
export const chooseDatabase = async (
  connection: Connection,
  args: readonly string[],
  min: number,
): Promise<{ database: string; rest: readonly string[] }> => {
  const names = await connection.listDatabases();
  const [first, ...others] = args;
  if (args.length > min && first !== undefined && names.includes(first)) return { database: first, rest: others };
  if (names.includes('Open_vSwitch')) return { database: 'Open_vSwitch', rest: args };
  const [only, ...more] = names.filter((name) => !name.startsWith('_'));
  if (only === undefined || more.length > 0) {
    throw new Failure('could not find a default database, please specify a database name');
  }
  return { database: only, rest: args };
};

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
   * Connects to the first of the servers (separated by commas) that answers. A passive one is waited for.
   * @throws Failure
   */
  static async open(servers: string, settings: Settings): Promise<Connection> {
    const [server = '', ...others] = splitTargets(servers);
    try {
      const stream = isPassive(server) ? await accept(server, settings) : await connect(server, settings);
      return new Connection(server, stream, settings);
    } catch (error) {
      if (others.length === 0 || !(error instanceof Failure)) throw error;
      return Connection.open(others.join(), settings);
    }
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
    const message = systemMessage(error);
    const verb = message.startsWith('Address family') ? 'connect or listen' : 'connect';
    throw new Failure(`failed to ${verb} to "${server}" (${message})`, { cause: error });
  }
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

/**
 * Takes the server from the front of the arguments, if there are more than a command needs; connects.
 * @returns the connection and the other arguments
 */
export const openServer = async (
  args: readonly string[],
  min: number,
  settings: Settings,
): Promise<{ connection: Connection; rest: readonly string[] }> => {
  const [first, ...others] = args;
  const named = args.length > min && looksLikeServer(first);
  const connection = await Connection.open(named ? first : `unix:${defaultSocket()}`, settings);
  return { connection, rest: named ? others : args };
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

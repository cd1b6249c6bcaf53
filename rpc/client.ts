import type { Duplex } from 'node:stream';
import { isArray, isObject, type JsonObject, member, type OutJson } from '../schema/json.ts';
import { type DatabaseSchema, parseSchema } from '../schema/schema.ts';
import type { Credentials } from './credentials.ts';
import { type Notification, Peer } from './peer.ts';
import { dial, needsProbes, splitTargets } from './target.ts';
import type { Transport } from './transport.ts';

/** One operation's failure in a transaction, as the server told it (RFC 7047 section 4.1.3). */
export class TransactionError extends Error {
  readonly tag: string;
  readonly details: string | undefined;
  constructor(error: JsonObject) {
    const tag = String(member(error, 'error'));
    const details = member(error, 'details');
    super(typeof details === 'string' ? `${tag}: ${details}` : tag);
    this.tag = tag;
    this.details = typeof details === 'string' ? details : undefined;
  }
}

export interface ClientOptions {
  readonly notification?: (notification: Notification) => void;
  readonly signal?: AbortSignal;
  /** For servers reached over ssl:. */
  readonly credentials?: Credentials | undefined;
  /** Silence after which the server is probed, in ms; by default 5000, and never on a unix socket. 0: never. */
  readonly probeInterval?: number | undefined;
}

/** Open vSwitch's: silence after which a peer beyond this machine is probed, in ms. */
export const defaultProbeInterval = 5000;

/** A connection to an OVSDB server, with the methods of RFC 7047 section 4.1. */
export class Client {
  readonly peer: Peer;

  private constructor(peer: Peer) {
    this.peer = peer;
  }

  /**
   * Connects to the first of the targets (separated by commas) that answers.
   * @throws TargetError; SystemError, or the system's error of the last target
   */
  static async connect(targets: string, options: ClientOptions = {}): Promise<Client> {
    const [first = '', ...others] = splitTargets(targets);
    try {
      return await Client.#connectTo(first, options);
    } catch (error) {
      if (others.length === 0 || options.signal?.aborted) throw error;
      return Client.connect(others.join(), options);
    }
  }

  static async #connectTo(target: string, options: ClientOptions): Promise<Client> {
    const { signal, credentials, probeInterval } = options;
    const carrier = await dial(target, { signal, credentials });
    const usual = needsProbes(target) ? defaultProbeInterval : 0;
    return Client.over(carrier, { ...options, name: target, probeInterval: probeInterval ?? usual });
  }

  /** A client on a connection that is there: also one that the server made (ovsdb(7), "Passive"). */
  static over(
    carrier: Duplex | Transport,
    { notification = () => {}, name, probeInterval = 0 }: ClientOptions & { readonly name?: string } = {},
  ): Client {
    const peer: Peer = new Peer(
      carrier,
      {
        request: ({ method, params, id }) =>
          method === 'echo' ? peer.reply(id, params) : peer.replyError(id, 'unknown method'),
        notification,
      },
      { probeInterval, ...(name !== undefined && { name }) },
    );
    return new Client(peer);
  }

  async listDatabases(): Promise<string[]> {
    const names = await this.peer.request('list_dbs', []);
    return isArray(names) ? names.map(String) : [];
  }

  /** @throws RpcError unknown database; OvsdbError when the schema cannot be understood */
  async getSchema(database: string): Promise<DatabaseSchema> {
    return parseSchema(await this.peer.request('get_schema', [database]));
  }

  /**
   * Runs the operations as one transaction. The results stand in the order of the operations.
   * @throws TransactionError for the first that failed
   */
  async transact(database: string, operations: readonly OutJson[]): Promise<JsonObject[]> {
    const results = await this.peer.request('transact', [database, ...operations]);
    if (!isArray(results)) throw new Error('the server answered a transaction with something else than an array');
    return results.map((result) => {
      if (isObject(result) && member(result, 'error') !== undefined) throw new TransactionError(result);
      return isObject(result) ? result : {};
    });
  }

  close(): void {
    this.peer.close();
  }
}

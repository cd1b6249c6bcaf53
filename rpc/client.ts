import { isArray, isObject, type JsonObject, member, type OutJson } from '../schema/json.ts';
import { type DatabaseSchema, parseSchema } from '../schema/schema.ts';
import { type Notification, Peer } from './peer.ts';
import { dial } from './target.ts';

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

export interface ClientHandlers {
  readonly notification?: (notification: Notification) => void;
}

/** A connection to an OVSDB server, with the methods of RFC 7047 section 4.1. */
export class Client {
  readonly peer: Peer;

  private constructor(peer: Peer) {
    this.peer = peer;
  }

  /** @throws TargetError, or the system's error */
  static async connect(target: string, handlers: ClientHandlers = {}, signal?: AbortSignal): Promise<Client> {
    const stream = await dial(target, signal);
    const peer: Peer = new Peer(stream, {
      request: ({ method, params, id }) =>
        method === 'echo' ? peer.reply(id, params) : peer.replyError(id, 'unknown method'),
      notification: handlers.notification ?? (() => {}),
    });
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

import { type Notification, type Peer, RpcError } from '../rpc/peer.ts';
import { formatJson, isObject, type Json, member } from '../schema/json.ts';

/** Why a database cannot be had from a source whose model is such when it is not connected itself. */
const disconnected: ReadonlyMap<Json, string> = new Map([
  ['relay', 'relay database server is disconnected from the relay source'],
  ['clustered', 'clustered database server is disconnected from cluster'],
]);

/** What a server tells of one of its databases in its own database `_Server` (ovsdb-server(5)). */
export class SourceState {
  readonly #database: string;
  readonly #id: readonly ['monid', '_Server'] = ['monid', '_Server'];
  #known: ReadonlyMap<string, Json> = new Map();

  constructor(database: string) {
    this.#database = database;
  }

  /**
   * Looks and watches. A server of long ago, which has no `_Server`, is taken as it is.
   * @throws Error that says why the database cannot be had there now
   */
  async watch(peer: Peer): Promise<void> {
    this.#known = new Map();
    const where = [['name', '==', this.#database]];
    const requests = { Database: [{ columns: ['name', 'model', 'connected'], where }] };
    try {
      await peer.requestInOrder('monitor_cond', ['_Server', this.#id, requests], (updates) => this.#take(updates));
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
    }
  }

  /** @throws as `watch` */
  notified({ method, params }: Notification): void {
    const [id = null, updates = null] = params;
    if (method === 'update2' && formatJson(id) === formatJson(this.#id)) this.#take(updates);
  }

  #take(updates: Json): void {
    const rows = isObject(updates) ? (member(updates, 'Database') ?? null) : null;
    for (const update of isObject(rows) ? Object.values(rows) : []) this.#takeRow(update);
    const problem = this.#problem;
    if (problem !== undefined) throw new Error(problem);
  }

  /** Its columns are scalars, so that a difference is the new value. */
  #takeRow(update: Json): void {
    for (const [kind, columns] of isObject(update) ? Object.entries(update) : []) {
      const before = kind === 'modify' ? this.#known : new Map<string, Json>();
      this.#known = isObject(columns) ? new Map([...before, ...Object.entries(columns)]) : new Map();
    }
  }

  get #problem(): string | undefined {
    if (this.#known.size === 0) return `server does not have ${this.#database} database`;
    if (this.#known.get('connected') === true) return undefined;
    return disconnected.get(this.#known.get('model') ?? '');
  }
}

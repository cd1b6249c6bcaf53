import { Client } from '../rpc/client.ts';
import type { Credentials } from '../rpc/credentials.ts';
import { isArray, type Json, type OutJson, type OutJsonObject } from '../schema/json.ts';
import type { Column, TableSchema } from '../schema/schema.ts';
import { type Facts, type Request, selectOperation, wholeTables } from './facts.ts';
import { CommandFailure } from './failure.ts';
import { lostRace } from './transaction.ts';
import { isUnknownName, Upgrade } from './upgrade.ts';

/**
 * A server that has no indexes looks at every row for each lookup. Where there are this many to make, a sample shows
 * whether it is one; then it is quicker to read the tables whole.
 */
const many = 128;
const sample = 32;
/** Milliseconds for one lookup. */
const slow = 0.5;
const isByValue = ({ query }: Request): boolean => query.clauses.every((clause) => clause.function === '==');
const isNotByValue = (request: Request): boolean => !isByValue(request);

/** The connection of one run to the database. */
export class Session {
  readonly #client: Client;
  readonly #database: string;
  #changed: () => void = () => {};
  #monitors = 0;
  /** Set once the server turned out to be of an older schema. */
  #upgrade: Upgrade | undefined;

  private constructor(client: Client, database: string, onUpdate: (notify: () => void) => void) {
    this.#client = client;
    this.#database = database;
    onUpdate(() => this.#changed());
  }

  /** @throws TargetError, or the system's error */
  static async connect(target: string, database: string, credentials: Credentials | undefined): Promise<Session> {
    let notify = () => {};
    const client = await Client.connect(target, { notification: () => notify(), credentials });
    return new Session(client, database, (session) => {
      notify = session;
    });
  }

  /** Reads everything that has been asked of `facts`, in one request. */
  async fetch(facts: Facts, warn: (message: string) => void): Promise<void> {
    let requests = facts.takeRequests();
    if (requests.length > many && this.#upgrade === undefined) {
      const start = performance.now();
      await this.#read(requests.slice(0, sample), facts, warn);
      const each = (performance.now() - start) / sample;
      requests = requests.slice(sample);
      if (each > slow) requests = [...requests.filter(isNotByValue), ...wholeTables(requests.filter(isByValue))];
    }
    await this.#read(requests, facts, warn);
  }

  async #read(requests: readonly Request[], facts: Facts, warn: (message: string) => void): Promise<void> {
    if (this.#upgrade !== undefined) return this.#fetchFromOlder(this.#upgrade, requests, facts, warn);
    const results = await this.transact(requests.map(selectOperation));
    if (results.some(isUnknownName)) {
      this.#upgrade = new Upgrade(await this.#client.getSchema(this.#database));
      return this.#fetchFromOlder(this.#upgrade, requests, facts, warn);
    }
    lostRace(results, warn);
    for (const [i, request] of requests.entries()) facts.learn(request, results[i]);
  }

  /** Reads from a server whose schema lacks some of what is asked for: that is as if it had never been set. */
  async #fetchFromOlder(
    upgrade: Upgrade,
    requests: readonly Request[],
    facts: Facts,
    warn: (message: string) => void,
  ): Promise<void> {
    const known = requests.map((request) => upgrade.known(request, warn));
    const asked = known.filter((request) => request !== undefined);
    const results = await this.transact(asked.map(selectOperation));
    lostRace(results, warn);
    const byRequest = new Map(asked.map((request, i) => [request, results[i]]));
    for (const [i, request] of requests.entries()) {
      const own = known[i];
      facts.learn(request, own && byRequest.get(own));
    }
  }

  async transact(operations: readonly OutJsonObject[]): Promise<readonly Json[]> {
    const results = await this.#client.peer.request('transact', [this.#database, ...operations]);
    if (!isArray(results))
      throw new CommandFailure('the server answered a transaction with something else than an array');
    return results;
  }

  /** Resolves when next one of these columns changes, or a row comes or goes. Call it before reading them. */
  async watch(
    columns: ReadonlyMap<TableSchema, Iterable<Column>>,
  ): Promise<{ readonly change: Promise<void>; stop(): void }> {
    const change = new Promise<void>((resolve) => {
      this.#changed = resolve;
    });
    const id = this.#monitors++;
    const requests: { [table: string]: OutJson } = {};
    for (const [table, each] of columns) {
      requests[table.name] = [{ columns: [...each].map(({ name }) => name), select: { initial: false } }];
    }
    await this.#client.peer.request('monitor', [this.#database, id, requests]);
    // Its answer matters to nobody, and may not come before the program ends.
    const stop = () => void this.#client.peer.request('monitor_cancel', [id]).catch(() => {});
    return { change, stop };
  }

  close(): void {
    this.#client.close();
  }
}

import { logFor } from '../rpc/log.ts';
import { OvsdbError } from '../schema/error.ts';
import { formatJson, type Json } from '../schema/json.ts';
import type { DatabaseSchema } from '../schema/schema.ts';
import { inTotal } from './change-set.ts';
import { checkTransaction } from './commit.ts';
import { convertTables } from './convert.ts';
import { History, rowAtoms, type StoredTransaction } from './history.ts';
import { MonitorHub } from './monitor-hub.ts';
import { countAllReferences, type Tables } from './references.ts';
import { Table } from './table.ts';
import { type Clock, type Done, type Requester, rehearse, transact } from './transact.ts';
import { type RowChange, Transaction } from './transaction.ts';
import { WaitList } from './wait-list.ts';

const log = logFor('database');

/** Of the history, so many atoms outlast the program: to read more would take longer than clients gain by it. */
const atomsToKeep = 20_000;

/** Where a database's transactions are kept. */
export interface Storage {
  /** Puts all rows into the tables, each as a new version. */
  load(tables: Tables, newUuid: () => string): void;
  /** The last transactions, oldest first, given the tables as they were loaded. */
  loadHistory(tables: Tables): StoredTransaction[];
  saveHistory(transactions: readonly StoredTransaction[]): void;
  /**
   * Puts another schema in place with the rows of these tables, all or nothing.
   * @throws when that cannot be stored
   */
  convert(schema: DatabaseSchema, tables: Tables): void;
  /**
   * Stores changes in their order, all or nothing; they are safe from a crash of this program when that returns, and
   * from one of the machine when `durable`.
   * @throws when they cannot be stored
   */
  write(changes: readonly RowChange[], durable: boolean): void;
  /** Gives the space of what was deleted back. @throws when it cannot */
  compact(): void;
  close(): void;
}

/** A transaction as a client asked for it. */
export interface Request {
  readonly operations: readonly Json[];
  readonly requester: Requester;
  /** Called once, with the array of results as text, when they are stored. */
  readonly done: (results: string) => void;
  /** Called instead when the server that it was forwarded to refused it as a whole, or went away: with the error. */
  readonly refused?: (error: Json) => void;
  /** Changes rows here although the database is another server's: for what this server itself notes in them. */
  readonly local?: boolean;
}

/** Carries out, elsewhere, the transactions that would change a database which is another server's. */
export interface Forwarder {
  forward(request: Request): void;
  /** Its answer is not wanted any more; false when it was never forwarded, or has been answered. */
  withdraw(request: Request): boolean;
}

/** What another server's database did. */
export interface Change {
  /** @throws OvsdbError */
  readonly edit: (transaction: Transaction) => void;
  /** The transaction's id there; undefined when that is not known. */
  readonly id: string | undefined;
  /** Called instead of changing anything when the rows would break a rule of the schema, or cannot be stored. */
  readonly failed: (error: OvsdbError) => void;
}

interface Executed {
  readonly outcome: Done;
  /** By which the transaction is known to clients that come back; empty when it changed nothing. */
  readonly id: string;
  readonly done: (results: string) => void;
  readonly failed: (error: OvsdbError) => void;
  /** Runs it once more, after it was undone. */
  readonly again: () => void;
}

/**
 * One database: its tables, where they are stored, and who watches them. Transactions run one after the other, each
 * without a pause; those that come in one turn of the event loop are stored together, and only then told and answered.
 */
export class Database {
  readonly schema: DatabaseSchema;
  readonly tables: ReadonlyMap<string, Table>;
  readonly monitors = new MonitorHub();
  /** Called after each transaction that changed something; for what the server itself reads from the database. */
  readonly watchers = new Set<(changes: readonly RowChange[]) => void>();
  readonly history: History;
  /** Clients may not change it: it is the backup of another server's. */
  readOnly = false;
  readonly #storage: Storage | undefined;
  readonly #forwarder: Forwarder | undefined;
  readonly #clock: Clock;
  readonly #waiting: WaitList;
  #group: Executed[] = [];
  #storageProblem: string | undefined;

  /**
   * @param storage without it the database lives in memory only
   * @param forwarder for a database that is another server's
   */
  constructor(schema: DatabaseSchema, clock: Clock, storage?: Storage, forwarder?: Forwarder) {
    this.schema = schema;
    this.tables = new Map([...schema.tables].map(([name, table]) => [name, new Table(table)]));
    this.#clock = clock;
    this.#storage = storage;
    this.#forwarder = forwarder;
    storage?.load(this.tables, clock.newUuid);
    countAllReferences(this.tables);
    this.history = new History(countAtoms(this.tables));
    this.history.restore(storage?.loadHistory(this.tables) ?? []);
    this.#waiting = new WaitList(clock, (request, waited) => this.#execute(request, waited));
  }

  /**
   * Runs a transaction. It is answered when what it did is stored, which is at the end of this turn of the event loop at
   * the latest, unless it waits for something.
   * @returns withdraws the transaction if it is still waiting, and says whether it was
   */
  submit(request: Request): () => boolean {
    this.#execute(request, 0);
    return () => this.#waiting.withdraw(request) || this.#forwarder?.withdraw(request) === true;
  }

  /** Does what another server's database did. It is stored and told with the transactions of this turn. */
  apply(change: Change): void {
    const { edit, id = this.#clock.newUuid(), failed } = change;
    const transaction = new Transaction(this.#clock.newUuid);
    try {
      edit(transaction);
      const outcome: Done = {
        kind: 'done',
        results: '',
        changes: checkTransaction(this.tables, transaction),
        transaction,
      };
      this.#enqueue({ outcome, id, done: () => {}, failed, again: () => this.apply(change) });
    } catch (error) {
      transaction.undo();
      if (!(error instanceof OvsdbError)) throw error;
      failed(error);
    }
  }

  #execute(request: Request, waited: number): void {
    const outcome = this.#run(request, waited);
    if (outcome === undefined) return;
    if (outcome.kind === 'blocked') {
      this.#waiting.add(request, outcome.transaction.reads, outcome.timeout, waited);
      return;
    }
    if (outcome.kind === 'rehearsed') {
      this.#forwarder?.forward(request);
      return;
    }
    const { operations, done } = request;
    this.#enqueue({
      outcome,
      id: outcome.changes.length === 0 ? '' : this.#clock.newUuid(),
      done,
      failed: (error) => done(failure(operations, error)),
      again: () => this.#execute(request, 0),
    });
  }

  #enqueue(executed: Executed): void {
    if (this.#group.length === 0) setImmediate(() => this.flush());
    this.#group.push(executed);
  }

  /** Undefined after a fault of ours, which the client is told of. */
  #run(request: Request, waited: number): ReturnType<typeof rehearse> | undefined {
    const { operations, requester, done } = request;
    try {
      const runHere = this.#forwarder === undefined || request.local === true ? transact : rehearse;
      return runHere(this.tables, operations, requester, this.#clock.newUuid, waited);
    } catch (error) {
      log.err(`internal error: ${error instanceof Error ? error.stack : error}`);
      done(failure(operations, new OvsdbError('internal error', String(error))));
      return undefined;
    }
  }

  /** Stores, tells and answers what has run so far. To be called before the tables are read from outside. */
  flush(): void {
    while (this.#group.length > 0) {
      const group = this.#group;
      this.#group = [];
      try {
        this.#store(group);
        this.#storageProblem = undefined;
      } catch (error) {
        this.#storageProblem = error instanceof Error ? error.message : String(error);
        this.#recover(group, error);
        continue;
      }
      for (const executed of group) this.#publish(executed);
    }
  }

  #store(group: readonly Executed[]): void {
    const changed = group.filter(({ outcome }) => outcome.changes.length > 0);
    const durable = changed.some(({ outcome }) => outcome.transaction.durable);
    if (changed.length === 0) return;
    const changes = changed.flatMap(({ outcome }) => outcome.changes);
    // A row that many changed is written once. Not where that may leave nothing to write, and so to sync: what stands in
    // the row again may have been stored without a sync before.
    this.#storage?.write(durable || changed.length === 1 ? changes : inTotal(changes), durable);
  }

  #publish({ outcome, id, done }: Executed): void {
    if (outcome.changes.length > 0) {
      this.history.add({ id, changes: outcome.changes });
      this.monitors.publish(outcome.changes, id);
      for (const watcher of this.watchers) watcher(outcome.changes);
    }
    done(outcome.results);
    this.#waiting.changed(outcome.changes);
  }

  /**
   * Nothing of the group was stored. What it did is undone; then each runs again alone, so that only a transaction that
   * itself cannot be stored fails, and one that only read says what is true.
   */
  #recover(group: readonly Executed[], error: unknown): void {
    for (const { outcome } of group.toReversed()) outcome.transaction.undo();
    const [only] = group;
    if (group.length === 1 && only !== undefined) {
      const details = error instanceof Error ? error.message : String(error);
      only.failed(new OvsdbError('I/O error', details));
      return;
    }
    for (const { again } of group) {
      again();
      this.flush();
    }
  }

  /**
   * The database under another schema, which takes this one's place. What still waits here is to be withdrawn.
   * @throws OvsdbError when the rows do not fit the schema, or it cannot be stored; then nothing has changed
   */
  convert(schema: DatabaseSchema): Database {
    if (this.#forwarder !== undefined) {
      throw new OvsdbError('not allowed', `database ${this.schema.name} is a relay: convert it at its source`);
    }
    this.flush();
    const tables = convertTables(this.tables, schema, this.#clock.newUuid);
    try {
      this.#storage?.convert(schema, tables);
    } catch (error) {
      throw new OvsdbError('I/O error', error instanceof Error ? error.message : String(error));
    }
    const converted = new Database(schema, this.#clock, this.#storage ?? heldIn(tables));
    converted.readOnly = this.readOnly;
    return converted;
  }

  /** Why the last transaction could not be stored; undefined when it was. */
  get storageProblem(): string | undefined {
    return this.#storageProblem;
  }

  /** @throws StorageError */
  compact(): void {
    this.flush();
    this.#storage?.compact();
  }

  close(): void {
    this.flush();
    this.#waiting.close();
    try {
      this.#storage?.saveHistory(this.history.newest(atomsToKeep));
    } catch (error) {
      log.warn(`the transaction history is not kept, clients will read everything anew: ${error}`);
    }
    this.#storage?.close();
  }
}

/** As a transaction that failed as a whole is answered (RFC 7047 section 4.1.3): the error behind all results. */
const failure = (operations: readonly Json[], error: OvsdbError): string =>
  formatJson([...operations.map(() => null), error.toJson()]);

/** Gives a database in memory its first rows. */
const heldIn = (source: Tables): Storage => ({
  load(tables) {
    for (const [name, table] of tables) for (const row of source.get(name)?.rows() ?? []) table.put(row.uuid, row);
  },
  loadHistory: () => [],
  saveHistory() {},
  convert() {},
  compact() {},
  write() {},
  close() {},
});

const countAtoms = (tables: Tables): number => {
  let atoms = 0;
  for (const table of tables.values()) for (const row of table.rows()) atoms += rowAtoms(row);
  return atoms;
};

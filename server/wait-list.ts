import { longestDelay } from '../rpc/delay.ts';
import type { Request } from './database.ts';
import type { Table } from './table.ts';
import type { Clock } from './transact.ts';
import type { Reads, RowChange } from './transaction.ts';

interface Waiting {
  readonly request: Request;
  readonly since: number;
  readonly reads: Reads;
  readonly timer: NodeJS.Timeout | undefined;
}

/**
 * Transactions that a `wait` holds up (RFC 7047 section 5.2.6). One is tried again when a transaction changed something
 * that it looked at, and when its time is over; others do not concern it.
 */
export class WaitList {
  readonly #clock: Clock;
  readonly #retry: (request: Request, waited: number) => void;
  readonly #waiting = new Map<Request, Waiting>();
  readonly #byRow = new Map<Table, Map<string, Set<Request>>>();
  readonly #byTable = new Map<Table, Set<Request>>();

  constructor(clock: Clock, retry: (request: Request, waited: number) => void) {
    this.#clock = clock;
    this.#retry = retry;
  }

  /** @param waited how long it has waited already, in ms */
  add(request: Request, reads: Reads, timeout: number, waited: number): void {
    const timer =
      timeout === Number.POSITIVE_INFINITY
        ? undefined
        : setTimeout(() => this.#wake(request), Math.min(timeout - waited, longestDelay));
    this.#waiting.set(request, { request, since: this.#clock.now() - waited, reads, timer });
    for (const [table, rows] of reads) {
      if (rows === 'all') entry(this.#byTable, table, () => new Set()).add(request);
      else
        for (const uuid of rows)
          entry(
            entry(this.#byRow, table, () => new Map()),
            uuid,
            () => new Set(),
          ).add(request);
    }
  }

  /** A transaction changed these rows. */
  changed(changes: readonly RowChange[]): void {
    if (this.#waiting.size === 0) return;
    const woken = new Set<Request>();
    for (const { table, uuid } of changes) {
      for (const request of this.#byTable.get(table) ?? []) woken.add(request);
      for (const request of this.#byRow.get(table)?.get(uuid) ?? []) woken.add(request);
    }
    for (const request of woken) this.#wake(request);
  }

  /** Forgets a transaction; false when it was not waiting. */
  withdraw(request: Request): boolean {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined) return false;
    clearTimeout(waiting.timer);
    this.#waiting.delete(request);
    for (const [table, rows] of waiting.reads) {
      this.#byTable.get(table)?.delete(request);
      if (rows === 'all') continue;
      const byUuid = this.#byRow.get(table);
      for (const uuid of rows) {
        const requests = byUuid?.get(uuid);
        requests?.delete(request);
        if (requests?.size === 0) byUuid?.delete(uuid);
      }
    }
    return true;
  }

  close(): void {
    for (const request of [...this.#waiting.keys()]) this.withdraw(request);
  }

  #wake(request: Request): void {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined || !this.withdraw(request)) return;
    this.#retry(request, this.#clock.now() - waiting.since);
  }
}

const entry = <K, V>(map: Map<K, V>, key: K, create: () => V): V => {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
};

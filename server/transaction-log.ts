import { logFor } from '../rpc/log.ts';
import { printDatum } from '../schema/print.ts';
import type { Row } from '../schema/row.ts';
import type { Database } from './database.ts';
import type { Subscriber } from './monitor.ts';
import { parseMonitorRequests } from './monitor-request.ts';
import type { RowChange } from './transaction.ts';

const log = logFor('transaction');

/** Logs what transactions do to chosen tables (ovs-appctl, ovsdb-server/tlog-set). */
export class TransactionLog {
  /** What ends the logging, by database and name of the table. */
  readonly #logged = new Map<Database, Map<string, () => void>>();

  isLogged(database: Database, table: string): boolean {
    return this.#logged.get(database)?.has(table) ?? false;
  }

  start(database: Database, table: string): void {
    if (this.isLogged(database, table)) return;
    const request = parseMonitorRequests(database.schema, { [table]: {} }, 2);
    const monitor = database.monitors.get(2, request);
    const subscriber: Subscriber = (_updates, _transaction, changes) => {
      for (const change of changes) if (change.table.schema.name === table) logChange(change);
    };
    database.monitors.subscribe(monitor, subscriber);
    const tables = this.#logged.get(database) ?? new Map<string, () => void>();
    this.#logged.set(
      database,
      tables.set(table, () => database.monitors.unsubscribe(monitor, subscriber)),
    );
  }

  stop(database: Database, table: string): void {
    this.#logged.get(database)?.get(table)?.();
    this.#logged.get(database)?.delete(table);
  }
}

const logChange = ({ table, old, new: row }: RowChange): void => {
  const shown = row ?? old;
  if (shown === undefined) return;
  const what = row === undefined ? 'deleted' : old === undefined ? 'inserted' : 'updated';
  log.info(`table:${table.schema.name},op:${what},${describe(shown)}`);
};

const describe = (row: Row): string =>
  [...row.table.columns.values()].map((column) => `${column.name}:${printDatum(row.get(column), column.type)}`).join();

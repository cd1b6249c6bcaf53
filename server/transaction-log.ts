import { logFor } from '../rpc/log.ts';
import { printDatum } from '../schema/print.ts';
import type { Row } from '../schema/row.ts';
import type { Database } from './database.ts';
import type { RowChange } from './transaction.ts';

const log = logFor('transaction');

interface LoggedTables {
  readonly names: Set<string>;
  readonly watcher: (changes: readonly RowChange[]) => void;
}

/** Logs what transactions do to chosen tables (ovs-appctl, ovsdb-server/tlog-set). */
export class TransactionLog {
  readonly #logged = new WeakMap<Database, LoggedTables>();

  isLogged(database: Database, table: string): boolean {
    return this.#logged.get(database)?.names.has(table) ?? false;
  }

  start(database: Database, table: string): void {
    const logged = this.#logged.get(database) ?? logTables();
    this.#logged.set(database, logged);
    logged.names.add(table);
    database.watchers.add(logged.watcher);
  }

  stop(database: Database, table: string): void {
    const logged = this.#logged.get(database);
    logged?.names.delete(table);
    if (logged?.names.size === 0) database.watchers.delete(logged.watcher);
  }
}

const logTables = (): LoggedTables => {
  const names = new Set<string>();
  const watcher = (changes: readonly RowChange[]): void => {
    for (const change of changes) if (names.has(change.table.schema.name)) logChange(change);
  };
  return { names, watcher };
};

const logChange = ({ table, old, new: row }: RowChange): void => {
  const shown = row ?? old;
  if (shown === undefined) return;
  const what = row === undefined ? 'deleted' : old === undefined ? 'inserted' : 'updated';
  log.info(`table:${table.schema.name},op:${what},${describe(shown)}`);
};

const describe = (row: Row): string =>
  [...row.table.columns.values()].map((column) => `${column.name}:${printDatum(row.get(column), column.type)}`).join();

import type { Database } from './database.ts';
import { rowAtoms } from './history.ts';
import { countWeakReferences } from './references.ts';
import type { Server } from './server.ts';

/** `_uuid` and `_version`, which every row has beside its own columns. */
const commonColumns = 2;

/** What takes memory, and how many there are of it (ovs-appctl(8), "memory/show"), in the order of their names. */
export const memoryUsage = (server: Server): ReadonlyMap<string, number> => {
  const { clients } = server;
  const usage = new Map([['monitors', clients.reduce((sum, { subscriptions }) => sum + subscriptions.size, 0)]]);
  const add = (name: string, count: number): unknown => usage.set(name, (usage.get(name) ?? 0) + count);
  if (clients.length > 0) add('sessions', clients.length);
  for (const database of server.databases.values()) {
    add('atoms', countAtoms(database));
    add('cells', countCells(database));
    add('n-weak-refs', countWeakReferences(database.tables));
    if (database.history.entries.length === 0) continue;
    add('txn-history', database.history.entries.length);
    add('txn-history-atoms', database.history.atoms);
  }
  return new Map([...usage].sort(([a], [b]) => (a < b ? -1 : 1)));
};

const countAtoms = ({ tables }: Database): number => {
  let atoms = 0;
  for (const table of tables.values()) for (const row of table.rows()) atoms += rowAtoms(row) + commonColumns;
  return atoms;
};

const countCells = ({ tables }: Database): number => {
  let cells = 0;
  for (const table of tables.values()) cells += table.size * (table.schema.ownColumns.length + commonColumns);
  return cells;
};

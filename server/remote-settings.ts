import { defaultProbeInterval } from '../rpc/client.ts';
import { probeIntervalOf } from '../rpc/probe.ts';
import { needsProbes } from '../rpc/target.ts';
import type { Row } from '../schema/row.ts';
import type { Database } from './database.ts';
import { DatabaseColumn, isInDatabase, RemoteError, scalarOf } from './database-column.ts';
import type { Table } from './table.ts';

/** What is configured for a remote, and holds for its clients. */
export interface RemoteSettings {
  /** Longest pause between attempts to connect, in ms. */
  readonly maxBackoff: number;
  /** Silence after which a client is probed, in ms; 0 for never. */
  readonly probeInterval: number;
  readonly readOnly: boolean;
  /** The role of its clients (RBAC_Role); '' is the role that may do anything. */
  readonly role: string;
}

const defaultMaxBackoff = 8000;

const defaultSettings = (target: string): RemoteSettings => ({
  maxBackoff: defaultMaxBackoff,
  probeInterval: needsProbes(target) ? defaultProbeInterval : 0,
  readOnly: false,
  role: '',
});

/** A row of a table like Manager: all columns but `target` are optional in the schema, and in the row. */
const settingsOf = (row: Row, target: string): RemoteSettings => {
  const defaults = defaultSettings(target);
  const number = (name: string, otherwise: number): number => {
    const value = scalarOf(row, name);
    return typeof value === 'number' ? value : otherwise;
  };
  const probeInterval = number('inactivity_probe', defaults.probeInterval);
  const role = scalarOf(row, 'role');
  return {
    maxBackoff: number('max_backoff', defaults.maxBackoff),
    probeInterval: probeIntervalOf(probeInterval),
    readOnly: scalarOf(row, 'read_only') === true,
    role: typeof role === 'string' ? role : '',
  };
};

/** Where the state of a remote is to be written. */
export interface StatusRow {
  readonly database: Database;
  readonly table: Table;
  readonly uuid: string;
}

/** What is configured: settings by target, and the rows they come from. */
export interface Configuration {
  readonly targets: ReadonlyMap<string, RemoteSettings>;
  readonly rows: ReadonlyMap<string, readonly StatusRow[]>;
  /** Whose changes may change it. */
  readonly tables: ReadonlySet<Table>;
  /** What could not be understood, in words. */
  readonly problems: readonly string[];
}

/**
 * Looks up what remotes of these names are: targets, or columns (db:DB,TABLE,COLUMN) that hold targets.
 * @param names with settings that are not at their defaults
 */
export const readConfiguration = (
  names: ReadonlyMap<string, Partial<RemoteSettings>>,
  databases: ReadonlyMap<string, Database>,
): Configuration => {
  const reader = new ConfigurationReader();
  for (const [name, settings] of names) {
    if (isInDatabase(name)) reader.addColumn(name, databases);
    else {
      const { probeInterval, ...others } = { ...defaultSettings(name), ...settings };
      reader.addTarget(name, { ...others, probeInterval: probeIntervalOf(probeInterval) });
    }
  }
  return reader;
};

class ConfigurationReader implements Configuration {
  readonly targets = new Map<string, RemoteSettings>();
  readonly rows = new Map<string, StatusRow[]>();
  readonly tables = new Set<Table>();
  readonly problems: string[] = [];

  /** Of several settings for a target the first ones count. */
  addTarget(target: string, settings: RemoteSettings): void {
    if (!this.targets.has(target)) this.targets.set(target, settings);
  }

  addColumn(name: string, databases: ReadonlyMap<string, Database>): void {
    try {
      const column = new DatabaseColumn(name, databases);
      this.tables.add(column.table);
      const table = column.referencedTable;
      if (table !== undefined) this.#addRows(column, table);
      else for (const target of column.strings()) this.addTarget(target, defaultSettings(target));
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      this.problems.push(error.message);
    }
  }

  #addRows(column: DatabaseColumn, table: Table): void {
    this.tables.add(table);
    for (const row of column.rowsOf(table)) {
      const target = scalarOf(row, 'target');
      if (typeof target !== 'string' || target === '') {
        this.problems.push(`Table \`${table.schema.name}' has missing or invalid \`target' column`);
        continue;
      }
      this.addTarget(target, settingsOf(row, target));
      this.rows.set(target, [...(this.rows.get(target) ?? []), { database: column.database, table, uuid: row.uuid }]);
    }
  }
}

import { switchLock } from '../datapath-linux/update.ts';
import { Client } from '../rpc/client.ts';
import type { Datum } from '../schema/datum.ts';
import { isArray, isObject, type JsonObject, member } from '../schema/json.ts';
import { parseRow } from '../schema/row.ts';
import type { DatabaseSchema } from '../schema/schema.ts';

const name = 'Open_vSwitch';

/** An interface as the database has it. */
export interface Interface {
  readonly name: string;
  readonly type: string;
  readonly error: string | undefined;
  /** 'up' or 'down', as the switch saw it last. */
  readonly adminState: string | undefined;
}

export interface Port {
  readonly name: string;
  readonly interfaces: readonly Interface[];
}

export interface Bridge {
  readonly name: string;
  readonly ports: readonly Port[];
}

/** One moment of a database and of who serves it. */
export interface Snapshot {
  readonly server: string;
  readonly bridges: readonly Bridge[];
  /** Whether a switch carries out what the database says. */
  readonly switchRunning: boolean;
}

const columns = {
  Open_vSwitch: ['bridges'],
  Bridge: ['_uuid', 'name', 'ports'],
  Port: ['_uuid', 'name', 'interfaces'],
  Interface: ['_uuid', 'name', 'type', 'error', 'admin_state'],
} as const;
type Table = keyof typeof columns;
const tables: readonly Table[] = ['Open_vSwitch', 'Bridge', 'Port', 'Interface'];

/** A row's columns by their names. */
type Columns = ReadonlyMap<string, Datum>;
type Rows = ReadonlyMap<string, Columns>;

/**
 * Reads all of it in one transaction.
 * @throws TargetError, RpcError, OvsdbError, or the system's error (code ENOENT, ECONNREFUSED, EACCES …)
 */
export const readSnapshot = async (server: string): Promise<Snapshot> => {
  const client = await Client.connect(server);
  try {
    const schema = await client.getSchema(name);
    const selects = tables.map((table) => ({ op: 'select', table, where: [], columns: columns[table] }));
    const results = await client.transact(name, selects);
    const rows = new Map(tables.map((table, i): [Table, Rows] => [table, readRows(schema, table, results[i] ?? {})]));
    return { server, bridges: bridgesOf(rows), switchRunning: await isLocked(client) };
  } finally {
    client.close();
  }
};

/** A switch holds the lock as long as it is connected. Nobody else waits for it for longer than this question takes. */
const isLocked = async ({ peer }: Client): Promise<boolean> => {
  const answer = await peer.request('lock', [switchLock]);
  await peer.request('unlock', [switchLock]);
  return isObject(answer) && member(answer, 'locked') === false;
};

const readRows = (schema: DatabaseSchema, table: Table, result: JsonObject): Rows => {
  const tableSchema = schema.tables.get(table);
  const rows = member(result, 'rows');
  if (tableSchema === undefined || !isArray(rows)) return new Map();
  return new Map(
    rows.map((json, i): [string, Columns] => {
      const row = new Map([...parseRow(tableSchema, json)].map(([column, datum]) => [column.name, datum]));
      return [text(row, '_uuid') ?? String(i), row];
    }),
  );
};

const text = (row: Columns, column: string): string | undefined => {
  const atom = row.get(column)?.first;
  return atom === undefined ? undefined : String(atom);
};

const bridgesOf = (rows: ReadonlyMap<Table, Rows>): Bridge[] => {
  const referenced = (row: Columns, column: string, table: Table): Columns[] =>
    [...(row.get(column)?.keys() ?? [])].flatMap((uuid) => rows.get(table)?.get(String(uuid)) ?? []);
  const portOf = (row: Columns): Port => ({
    name: text(row, 'name') ?? '',
    interfaces: referenced(row, 'interfaces', 'Interface').map(interfaceOf),
  });
  const roots = [...(rows.get('Open_vSwitch')?.values() ?? [])];
  return roots
    .flatMap((root) => referenced(root, 'bridges', 'Bridge'))
    .map((row) => ({ name: text(row, 'name') ?? '', ports: referenced(row, 'ports', 'Port').map(portOf).sort(byName) }))
    .sort(byName);
};

const interfaceOf = (row: Columns): Interface => ({
  name: text(row, 'name') ?? '',
  type: text(row, 'type') ?? '',
  error: text(row, 'error'),
  adminState: text(row, 'admin_state'),
});

const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1);

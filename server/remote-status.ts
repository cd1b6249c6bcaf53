import { logFor } from '../rpc/log.ts';
import { Datum } from '../schema/datum.ts';
import { isArray, isObject, type JsonObject, member, parseJson } from '../schema/json.ts';
import type { Column } from '../schema/schema.ts';
import { isMap } from '../schema/type.ts';
import type { Database, Request } from './database.ts';
import type { RemoteStatus } from './remote.ts';
import type { StatusRow } from './remote-settings.ts';

const log = logFor('ovsdb_server');

const requester: Request['requester'] = { refusal: () => undefined, holdsLock: () => false };

/**
 * Writes the state of remotes into the rows that configure them, as far as these have columns for it and say
 * something else.
 */
export const writeStatus = (remotes: Iterable<readonly [StatusRow, RemoteStatus]>): void => {
  const operations = new Map<Database, JsonObject[]>();
  for (const [row, status] of remotes) {
    const operation = updateFor(row, status);
    if (operation === undefined) continue;
    const others = operations.get(row.database) ?? [];
    others.push(operation);
    operations.set(row.database, others);
  }
  for (const [database, list] of operations) {
    database.submit({ operations: list, requester, done: logFailure, local: true });
  }
};

const updateFor = ({ table, uuid }: StatusRow, { isConnected, status }: RemoteStatus): JsonObject | undefined => {
  const row = table.get(uuid);
  if (row === undefined) return undefined;
  const changes: { [column: string]: boolean | ['map', [string, string][]] } = {};
  const { columns } = table.schema;
  const connectedColumn = columns.get('is_connected');
  if (isBoolean(connectedColumn) && row.get(connectedColumn).first !== isConnected) changes.is_connected = isConnected;
  const statusColumn = columns.get('status');
  if (isStringMap(statusColumn) && !row.get(statusColumn).equals(Datum.fromElements([...status]))) {
    changes.status = ['map', [...status]];
  }
  if (Object.keys(changes).length === 0) return undefined;
  return { op: 'update', table: table.schema.name, where: [['_uuid', '==', ['uuid', uuid]]], row: changes };
};

const isBoolean = (column: Column | undefined): column is Column => column?.type.key.type === 'boolean';
const isStringMap = (column: Column | undefined): column is Column =>
  column !== undefined &&
  isMap(column.type) &&
  column.type.key.type === 'string' &&
  column.type.value?.type === 'string';

const logFailure = (results: string): void => {
  const parsed = parseJson(results);
  const failed = isArray(parsed) && parsed.some((each) => isObject(each) && member(each, 'error') !== undefined);
  if (failed) log.err(`Failed to update remote status: ${results}`);
};

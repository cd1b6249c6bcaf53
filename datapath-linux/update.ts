/** Updates of rows: only the columns that differ from what the database holds. Pure. */
import type { Datum } from '../schema/datum.ts';
import { JsonText, type OutJson } from '../schema/json.ts';
import type { Row } from '../schema/row.ts';
import type { Columns } from './status.ts';

/** The name of the database lock that a switch holds while it acts, the same as the C daemon's. */
export const switchLock = 'ovs_vswitchd';

/**
 * The operation that brings the row to these values, or undefined when it has them already. Columns that the server's
 * schema lacks are left out. `unmonitored` columns are written whatever the row seems to hold.
 */
export function updateRow(row: Row, columns: Columns, unmonitored: Columns = new Map()): OutJson | undefined {
  const changed: Record<string, OutJson> = {};
  const take = (name: string, value: Datum, isMonitored: boolean): void => {
    const column = row.table.columns.get(name);
    if (!column || (isMonitored && row.get(column).equals(value))) return;
    changed[name] = new JsonText(value.text(column.type));
  };
  for (const [name, value] of columns) take(name, value, true);
  for (const [name, value] of unmonitored) take(name, value, false);
  if (Object.keys(changed).length === 0) return undefined;
  return { op: 'update', table: row.table.name, where: [['_uuid', '==', ['uuid', row.uuid]]], row: changed };
}

/** The transaction fails, and changes nothing, once another switch has taken over. */
export const whileLocked = (operations: readonly OutJson[]): OutJson[] => [
  ...operations,
  { op: 'assert', lock: switchLock },
];

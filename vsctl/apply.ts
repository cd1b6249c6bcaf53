import { isArray, isObject, member } from '../schema/json.ts';
import type { DatabaseSchema } from '../schema/schema.ts';
import { isUuid } from '../schema/uuid.ts';
import { Facts } from './facts.ts';
import type { Session } from './session.ts';

/** Resolves once the switch has applied that configuration. */
export const untilApplied = async (
  session: Session,
  schema: DatabaseSchema,
  configuration: number | bigint,
): Promise<void> => {
  const table = schema.tables.get('Open_vSwitch');
  const current = table?.columns.get('cur_cfg');
  if (table === undefined || current === undefined) return;
  for (;;) {
    const watch = await session.watch(new Map([[table, [current]]]));
    const [result] = await session.transact([{ op: 'select', table: table.name, where: [], columns: [current.name] }]);
    const rows = isObject(result) ? member(result, 'rows') : undefined;
    const values = isArray(rows) ? rows.map((row) => (isObject(row) ? member(row, current.name) : undefined)) : [];
    const applied = values.some(
      (value) => (typeof value === 'number' || typeof value === 'bigint') && value >= configuration,
    );
    if (!applied) await watch.change;
    watch.stop();
    if (applied) return;
  }
};

/** What the switch reports of new interfaces that it could not set up, a sentence for each. */
export const setupErrors = async (
  session: Session,
  schema: DatabaseSchema,
  uuids: readonly string[],
): Promise<string[]> => {
  const table = schema.tables.get('Interface');
  if (table === undefined || uuids.length === 0) return [];
  const columns = ['name', 'ofport', 'error'].map((name) => table.column(name));
  const facts = new Facts();
  for (const uuid of uuids) if (isUuid(uuid)) facts.wantData(table, uuid, columns);
  await session.fetch(facts, () => {});
  const errors: string[] = [];
  for (const uuid of uuids) {
    const [name, ofport, error] = columns.map((column) => facts.known(table, uuid, column)?.first);
    if (name === undefined || (ofport !== undefined && ofport !== -1)) continue;
    const reason = error === undefined || error === '' ? '' : `: ${error}`;
    errors.push(`Error detected while setting up '${name}'${reason}.  See ovs-vswitchd log for details.`);
  }
  return errors;
};

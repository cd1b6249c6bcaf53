import { logFor } from '../rpc/log.ts';
import { formatJson } from '../schema/json.ts';
import { type DatabaseSchema, isSameSchema } from '../schema/schema.ts';
import { typeToJson } from '../schema/type.ts';
import type { ExcludedTables } from './excluded-tables.ts';

const log = logFor('replication');

/** Whether what a database of one schema holds fits in one of another: the log says why not, in the C server's words. */
export const isReplicable = (source: DatabaseSchema, local: DatabaseSchema, excluded: ExcludedTables): boolean => {
  if (isSameSchema(source, local)) return true;
  log.info(`Schema version mismatch, checking if ${source.name} can still be replicated or not.`);
  const problem = firstProblem(source, local, excluded);
  if (problem !== undefined) log.info(problem);
  log.info(`${source.name} ${problem === undefined ? 'can' : 'cannot'} be replicated.`);
  return problem === undefined;
};

const firstProblem = (source: DatabaseSchema, local: DatabaseSchema, excluded: ExcludedTables): string | undefined => {
  for (const { name, ownColumns } of source.tables.values()) {
    if (excluded.has(source.name, name)) continue;
    const table = local.tables.get(name);
    if (table === undefined) return `Table ${name} not present in the local db schema`;
    for (const column of ownColumns) {
      const own = table.columns.get(column.name);
      if (own === undefined) return `Column ${column.name} not present in the local db schema table ${name}.`;
      if (formatJson(typeToJson(own.type), true) !== formatJson(typeToJson(column.type), true)) {
        return `Column ${column.name} mismatch in local db schema table ${name}.`;
      }
    }
  }
  return undefined;
};

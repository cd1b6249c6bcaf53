import { isObject, type Json, type JsonObject, member } from '../schema/json.ts';
import { isSqlite, openLog } from './database-file.ts';
import { Failure } from './failure.ts';

/**
 * A member of a clustered database's header, which tells who the server is that the file belongs to.
 * @throws OvsdbError; Failure when it is no clustered database
 */
export const clusterMember = (path: string, name: string): string | undefined => {
  const value = member(clusterHeader(path), name);
  return typeof value === 'string' ? value : undefined;
};

const clusterHeader = (path: string): JsonObject => {
  const log = isSqlite(path) ? undefined : openLog(path);
  const header: Json | undefined = log?.kind === 'clustered' ? log.next() : undefined;
  if (!isObject(header)) throw new Failure(`${path}: not a clustered database`);
  return header;
};

/** What this program does not do. */
export const refuseCluster = (): never => {
  throw new Failure(
    "clustered databases are not supported: use Open vSwitch's own ovsdb-tool, whose cluster-to-standalone makes a database that this one reads",
  );
};

import { randomUUID } from 'node:crypto';
import { checkDatabase } from '../../server/check.ts';
import { Database } from '../../server/database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import type { ServerProcess } from './server-process.ts';

/** What is wrong with a database file that no server has open. */
export const auditFile = (path: string): string[] => {
  const storage = SqliteStorage.open(path);
  const database = new Database(storage.schema, { now: () => 0, newUuid: randomUUID }, storage);
  try {
    return checkDatabase(database.tables, storage);
  } finally {
    database.close();
  }
};

/** Stops our server; what is wrong with what it leaves behind, and with what it said. */
export const audit = async (server: ServerProcess): Promise<string[]> => {
  await server.stop();
  const faults = server.log.split('\n').filter((line) => /internal error|\|ERR\||\|EMER\|/.test(line));
  return [...auditFile(server.database), ...faults];
};

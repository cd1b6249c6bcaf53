import type { TlsFiles } from '../rpc/credentials.ts';
import type { Database } from './database.ts';
import { DatabaseColumn, isInDatabase, RemoteError } from './database-column.ts';
import type { Table } from './table.ts';

/** The settings that may stand in a database. */
const movable = ['privateKey', 'certificate', 'caCertificate'] as const;

export interface ReadTlsFiles {
  readonly files: TlsFiles;
  /** Whose changes may change the files. */
  readonly tables: ReadonlySet<Table>;
  readonly problems: readonly string[];
}

/**
 * Replaces columns (db:DB,TABLE,COLUMN) by the first string that stands in them; where there is none, by nothing.
 * @param isAwaited whether a setting's database is expected, so that it is no problem that it is not there
 */
export const readTlsFiles = (
  settings: TlsFiles,
  databases: ReadonlyMap<string, Database>,
  isAwaited: (setting: string) => boolean,
): ReadTlsFiles => {
  const files: { -readonly [name in keyof TlsFiles]: TlsFiles[name] } = { ...settings };
  const tables = new Set<Table>();
  const problems: string[] = [];
  for (const name of movable) {
    const setting = settings[name];
    if (setting === undefined || !isInDatabase(setting)) continue;
    delete files[name];
    if (isAwaited(setting)) continue;
    try {
      const column = new DatabaseColumn(setting, databases);
      tables.add(column.table);
      const file = column.strings().find((text) => text !== '');
      if (file !== undefined) files[name] = file;
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      problems.push(error.message);
    }
  }
  return { files, tables, problems };
};

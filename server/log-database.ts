import { OvsdbError } from '../schema/error.ts';
import { type DatabaseSchema, parseSchema } from '../schema/schema.ts';
import type { LogFile } from './log-file.ts';
import { applyRecord, RefusedRecord } from './log-record.ts';
import type { Tables } from './references.ts';
import { Table } from './table.ts';

/** What is in a log file. */
export interface LogDatabase {
  readonly schema: DatabaseSchema;
  readonly tables: Tables;
  /** Why it was not read to its end; undefined when it was. */
  readonly fault?: LogFault;
}

export interface LogFault {
  readonly error: OvsdbError | RefusedRecord;
  /** What was not read, in bytes. */
  readonly unread: number;
}

export const emptyTables = (schema: DatabaseSchema): Map<string, Table> =>
  new Map([...schema.tables].map(([name, table]) => [name, new Table(table)]));

/**
 * The schema, which is a log file's first record.
 * @throws OvsdbError
 */
export const readLogSchema = (log: LogFile): DatabaseSchema => {
  if (log.kind === 'clustered') {
    throw new OvsdbError('ovsdb error', `${log.path}: cannot apply this operation to clustered database file`);
  }
  const json = log.next();
  if (json === undefined) throw new OvsdbError('I/O error', `${log.path}: database file contains no schema`);
  return parseSchema(json);
};

/**
 * Reads a log file, from its start, up to the first record that is damaged, cannot be understood or breaks the schema's
 * rules.
 * @throws OvsdbError when not even the schema can be read
 */
export const readLogDatabase = (log: LogFile, newUuid: () => string): LogDatabase => {
  const schema = readLogSchema(log);
  const tables = emptyTables(schema);
  for (;;) {
    const unread = log.rest;
    try {
      const record = log.next();
      if (record === undefined) return { schema, tables };
      applyRecord(tables, record, { newUuid });
    } catch (error) {
      if (!(error instanceof OvsdbError || error instanceof RefusedRecord)) throw error;
      return { schema, tables, fault: { error, unread } };
    }
  }
};

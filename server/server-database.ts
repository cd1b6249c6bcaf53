import { readFileSync } from 'node:fs';
import { formatJson, parseJson } from '../schema/json.ts';
import { type DatabaseSchema, parseSchema, schemaToJson } from '../schema/schema.ts';
import { Database } from './database.ts';
import type { Clock } from './transact.ts';

/**
 * A schema that comes with the program: `vswitch`, or `_Server`.
 * @throws SyntaxError, OvsdbError
 */
export const builtInSchema = (name: string): DatabaseSchema =>
  readSchema(new URL(`../../schema/${name}.ovsschema`, import.meta.url));

/** @throws SyntaxError, OvsdbError; the system's error when the file cannot be read */
export const readSchema = (path: string | URL): DatabaseSchema => parseSchema(parseJson(readFileSync(path, 'utf8')));

/**
 * The database `_Server`, which tells clients about the others (ovsdb-server(5)). It lives in memory; clients may only
 * read it, which is why its own writer is given here.
 */
export const createServerDatabase = (clock: Clock, served: readonly DatabaseSchema[]): Database => {
  const schema = builtInSchema('_Server');
  const database = new Database(schema, clock);
  const operations = [...served, schema].map((each) => ({
    op: 'insert',
    table: 'Database',
    row: {
      name: each.name,
      model: 'standalone',
      connected: true,
      leader: true,
      schema: formatJson(schemaToJson(each), true),
    },
  }));
  database.submit({ operations, requester: { refusal: () => undefined, holdsLock: () => false }, done: () => {} });
  database.flush();
  return database;
};

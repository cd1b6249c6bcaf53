import { readFileSync } from 'node:fs';
import { formatJson, type JsonObject, parseJson } from '../schema/json.ts';
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
export const createServerDatabase = (clock: Clock): Database => {
  const database = new Database(builtInSchema('_Server'), clock);
  announceDatabase(database, database.schema);
  return database;
};

/** Notes in `_Server` that a database is served. */
export const announceDatabase = (server: Database, schema: DatabaseSchema): void => {
  const row = {
    name: schema.name,
    model: 'standalone',
    connected: true,
    leader: true,
    schema: formatJson(schemaToJson(schema), true),
  };
  write(server, { op: 'insert', table: 'Database', row });
};

/** Notes in `_Server` that a database is served whose rows are another server's; its schema is not known yet. */
export const announceRelay = (server: Database, name: string): void =>
  write(server, { op: 'insert', table: 'Database', row: { name, model: 'relay', connected: false, leader: false } });

/** Notes in `_Server` whether the source of a relay is there. */
export const announceConnected = (server: Database, name: string, connected: boolean): void =>
  write(server, { op: 'update', table: 'Database', where: [['name', '==', name]], row: { connected } });

/** Notes in `_Server` that a database has another schema. */
export const announceSchema = (server: Database, schema: DatabaseSchema): void => {
  const row = { schema: formatJson(schemaToJson(schema), true) };
  write(server, { op: 'update', table: 'Database', where: [['name', '==', schema.name]], row });
};

/** Notes in `_Server` that a database is not served any more. */
export const withdrawDatabase = (server: Database, name: string): void =>
  write(server, { op: 'delete', table: 'Database', where: [['name', '==', name]] });

const write = (server: Database, operation: JsonObject): void => {
  const requester = { refusal: () => undefined, holdsLock: () => false };
  server.submit({ operations: [operation], requester, done: () => {} });
  server.flush();
};

import { logFor } from '../rpc/log.ts';
import { OvsdbError } from '../schema/error.ts';
import type { OutJson } from '../schema/json.ts';

const log = logFor('ovsdb_jsonrpc_server');

/** A refusal that the protocol words as a mere string. */
export class MethodError extends Error {}

/** How a method that threw is answered. What is none of the client's fault is logged. */
export const errorJson = (error: unknown): OutJson => {
  if (error instanceof MethodError) return error.message;
  if (error instanceof OvsdbError) return error.toJson();
  log.err(`internal error: ${error instanceof Error ? error.stack : error}`);
  return { error: 'internal error', details: error instanceof Error ? error.message : String(error) };
};

/** Why a session may not run an operation, if it may not. */
export const refusalOf =
  (database: string, readOnly: boolean) =>
  (operation: string): string | undefined => {
    if (readOnly) return `${operation} operation not allowed when database server is in read only mode`;
    if (!isReserved(database)) return undefined;
    return `${operation} operation not allowed on table in reserved database ${database}`;
  };

/** Names that begin with an underscore are the server's own (ovsdb-server(5)). */
const isReserved = (database: string): boolean => database.startsWith('_');

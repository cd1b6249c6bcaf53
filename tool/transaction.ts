import { randomUUID } from 'node:crypto';
import { OvsdbError, syntaxError } from '../schema/error.ts';
import { formatJson, isArray, type Json, type OutJson, parseJson } from '../schema/json.ts';
import { Role } from '../server/role.ts';
import { type Requester, transact } from '../server/transact.ts';
import type { Content, Written } from './database-file.ts';

/** A file has no sessions: nobody holds a lock in it, and who has a role has no name. */
const requester = (role: string | undefined): Requester => ({
  refusal: () => undefined,
  holdsLock: () => false,
  role: role === undefined ? undefined : new Role(role, undefined),
});

const nothing: Written = { changes: [], comments: [] };

/**
 * Runs a transaction: the params of a `transact` request, the database's name and the operations.
 * @param role as whose it is run, by the database's role-based access control
 * @returns what the server would answer, names sorted; and what is to be stored
 */
export const runTransaction = (
  { schema, tables }: Content,
  params: Json,
  role: string | undefined,
): { answer: string; written: Written } => {
  const refused = (error: OvsdbError) => ({ answer: formatJson(error.toJson(), true), written: nothing });
  if (!isArray(params)) return refused(syntaxError('array expected', params));
  const [name, ...operations] = params;
  if (name !== schema.name) return refused(syntaxError('database name expected as first parameter', params));
  const outcome = transact(tables, operations, requester(role), randomUUID, 0);
  if (outcome.kind === 'blocked') {
    return { answer: formatJson(cannotWait(outcome.results, operations.length), true), written: nothing };
  }
  const { changes, results, transaction } = outcome;
  return { answer: formatJson(parseJson(results), true), written: { changes, comments: transaction.comments } };
};

/** Nobody else changes the file meanwhile, so what a `wait` waits for cannot come. */
const cannotWait = (results: readonly OutJson[], count: number): OutJson => {
  const error = new OvsdbError('not supported', 'triggers not supported');
  const nulls = Array.from({ length: count - results.length - 1 }, () => null);
  return [...results, error.toJson(), ...nulls];
};

import { OvsdbError } from '../schema/error.ts';
import { formatJson, isObject, type Json, member, type OutJson } from '../schema/json.ts';
import { ObjectParser } from '../schema/parser.ts';
import { SymbolTable } from '../schema/symbol.ts';
import { checkTransaction } from './commit.ts';
import { Blocked, type OperationContext, operations } from './operations.ts';
import type { Tables } from './references.ts';
import type { Role } from './role.ts';
import { type RowChange, Transaction } from './transaction.ts';

/** Who asks, and what that allows. */
export interface Requester {
  /** Why an operation that can change rows is refused; undefined when it is not. */
  readonly refusal: (operation: string) => string | undefined;
  readonly holdsLock: (name: string) => boolean;
  /** What its role allows; without a role, anything. */
  readonly role?: Role | undefined;
}

export interface Clock {
  /** Milliseconds, from any start. */
  readonly now: () => number;
  readonly newUuid: () => string;
}

export interface Done {
  readonly kind: 'done';
  /** The result of each operation, as text; null for those after one that failed. */
  readonly results: string;
  /** What is to be stored and told; empty when the transaction failed. */
  readonly changes: readonly RowChange[];
  readonly transaction: Transaction;
}

/** A `wait` does not hold yet; nothing was changed. */
interface BlockedOutcome {
  readonly kind: 'blocked';
  readonly timeout: number;
  /** The results of the operations before the `wait`. */
  readonly results: readonly OutJson[];
  readonly transaction: Transaction;
}

export type Outcome = Done | BlockedOutcome;

/** It can be run where the database is; nothing was changed. */
interface Rehearsed {
  readonly kind: 'rehearsed';
}

/** What to run, and for whom. */
type Arguments = readonly [
  tables: Tables,
  list: readonly Json[],
  requester: Requester,
  newUuid: () => string,
  /** How long the transaction was blocked before, in ms. */
  waited: number,
];

/**
 * Runs the operations of one transaction against the tables, up to the point where it is to be stored: rows in memory
 * are changed, and can be changed back by `transaction.undo()`. A transaction that failed has changed nothing.
 */
export const transact = (...args: Arguments): Outcome => {
  const [tables] = args;
  return run(args, (transaction, results): Done => {
    const changes = checkTransaction(tables, transaction);
    return { kind: 'done', results: formatJson(results), changes, transaction };
  });
};

/**
 * Runs the operations of a transaction on a database that is another server's. One that only reads is done; of one that
 * can change rows it is only seen whether its operations are possible: the rules of the schema are the other's to check.
 */
export const rehearse = (...args: Arguments): Outcome | Rehearsed => {
  const [, list] = args;
  return run(args, (transaction, results): Done | Rehearsed => {
    if (!list.some(canWrite)) return { kind: 'done', results: formatJson(results), changes: [], transaction };
    transaction.undo();
    return { kind: 'rehearsed' };
  });
};

const canWrite = (json: Json): boolean => {
  const op = isObject(json) ? member(json, 'op') : undefined;
  return typeof op === 'string' && operations.get(op)?.writes === true;
};

/** @param finish what is left to do when all operations have succeeded; it may throw an OvsdbError */
const run = <Result>(
  [tables, list, requester, newUuid, waited]: Arguments,
  finish: (transaction: Transaction, results: readonly OutJson[]) => Result,
): Result | Outcome => {
  const transaction = new Transaction(newUuid);
  const symbols = new SymbolTable(newUuid);
  const { holdsLock, role } = requester;
  const context: OperationContext = { tables, transaction, symbols, waited, holdsLock, role };
  const results: OutJson[] = [];
  try {
    for (const [i, json] of list.entries()) {
      results.push(runOperation(json, `ovsdb operation ${i + 1} of ${list.length}`, context, requester));
    }
    return finish(transaction, results);
  } catch (error) {
    transaction.undo();
    if (error instanceof Blocked) return { kind: 'blocked', timeout: error.timeout, results, transaction };
    if (!(error instanceof OvsdbError)) throw error;
    return { kind: 'done', results: failedResults(results, error, list.length), changes: [], transaction };
  }
};

const runOperation = (json: Json, name: string, context: OperationContext, { refusal }: Requester): OutJson => {
  const parser = new ObjectParser(json, name);
  const op = parser.required('op', 'id');
  const operation = operations.get(op);
  if (operation === undefined) throw parser.error(`No operation "${op}"`);
  const refused = operation.writes ? refusal(op) : undefined;
  if (refused !== undefined) throw new OvsdbError('not allowed', refused);
  return operation.run(parser, context);
};

/** The error stands in place of the operation that failed, or behind them all when the whole transaction did. */
const failedResults = (results: readonly OutJson[], error: OvsdbError, count: number): string => {
  const nulls = Array.from({ length: Math.max(0, count - results.length - 1) }, () => null);
  return formatJson([...results, error.toJson(), ...nulls]);
};

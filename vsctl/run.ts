import { isArray, isObject, type Json, member, type OutJsonObject } from '../schema/json.ts';
import type { DatabaseSchema } from '../schema/schema.ts';
import type { ParsedCommand } from './argv.ts';
import { Context, type Output, type Warn } from './context.ts';
import type { RowRef } from './edit.ts';
import { Facts, Missing } from './facts.ts';
import { CommandFailure, Stale, TryAgain } from './failure.ts';
import type { Session } from './session.ts';
import { Symbols } from './symbols.ts';
import {
  changeOperations,
  guardOperations,
  hasDuplicate,
  incrementOperations,
  lostRace,
  refuseRawBytes,
  rowName,
} from './transaction.ts';
import { View } from './view.ts';

export interface RunOptions {
  readonly schema: DatabaseSchema;
  /** Whether the switch is to be told that there is something to apply. */
  readonly wait: boolean;
  readonly dryRun: boolean;
  /** What the database's log says of the transaction. */
  readonly comment: string;
  readonly newUuid: () => string;
  readonly warn: Warn;
}

/** What came of a run. */
export interface Outcome {
  readonly outputs: readonly Output[];
  /** The uuid that a row inserted by the run got. */
  readonly uuidOf: (row: RowRef) => string;
  /** The configuration for the switch to apply; undefined if nothing changed. */
  readonly nextConfiguration: number | bigint | undefined;
  readonly newInterfaces: readonly RowRef[];
}

/** All commands have run, on facts that were all known. */
interface Attempt {
  readonly context: Context;
  readonly outputs: readonly Output[];
}

/**
 * Runs the commands as one transaction: again and again, until what they rest on stands still for long enough.
 * @throws CommandFailure
 */
export const run = async (
  session: Session,
  commands: readonly ParsedCommand[],
  options: RunOptions,
): Promise<Outcome> => {
  let duplicates = 0;
  const gone = new Set<string>();
  for (;;) {
    const facts = new Facts();
    const attempt = await attemptUntilKnown(session, commands, facts, gone, options);
    if (attempt === 'stale') continue;
    if (attempt === 'try again') {
      await untilChanged(session, commands, facts, gone, options);
      continue;
    }
    const outcome = await commit(session, attempt, options, () => duplicates++ === 0);
    if (outcome !== undefined) return outcome;
  }
};

const attemptUntilKnown = async (
  session: Session,
  commands: readonly ParsedCommand[],
  facts: Facts,
  gone: Set<string>,
  options: RunOptions,
): Promise<Attempt | 'try again' | 'stale'> => {
  for (;;) {
    const attempt = attemptOnce(commands, facts, gone, options);
    if (attempt !== undefined) return attempt;
    await session.fetch(facts, (message) => options.warn('ovsdb_idl', message));
  }
};

/**
 * Runs the commands on what is known.
 * @returns undefined if something was missing: nothing that happened counts, for what was missing might change it
 */
const attemptOnce = (
  commands: readonly ParsedCommand[],
  facts: Facts,
  gone: Set<string>,
  { schema, newUuid, warn }: RunOptions,
): Attempt | 'try again' | 'stale' | undefined => {
  const warnings: [string, string][] = [];
  const context = new Context(new View(schema, facts, newUuid, gone), new Symbols(newUuid), (...warning) =>
    warnings.push(warning),
  );
  const outputs: Output[] = [];
  const steps = commands.map((each) => () => void outputs.push(runCommand(context, each)));
  let failure: Error | undefined;
  for (const step of [() => void context.root, ...steps]) {
    const error = outcomeOf(step);
    failure ??= error;
    if (error !== undefined && !facts.incomplete) break;
  }
  if (failure instanceof Stale) {
    gone.add(failure.uuid);
    return 'stale';
  }
  if (facts.incomplete) return undefined;
  if (failure instanceof TryAgain) return 'try again';
  for (const warning of warnings) warn(...warning);
  if (failure !== undefined) throw failure;
  for (const message of context.symbols.check()) warn('vsctl', message);
  return { context, outputs };
};

const runCommand = (context: Context, { command, invocation }: ParsedCommand): Output =>
  command.run(context, invocation);

const expected = [Missing, CommandFailure, Stale, TryAgain];

/** The failure of a step, if it is one that a missing fact or a mistake of the user's explains. */
const outcomeOf = (step: () => void): Error | undefined => {
  try {
    step();
    return undefined;
  } catch (error) {
    if (expected.some((kind) => error instanceof kind) && error instanceof Error) return error;
    throw error;
  }
};

/** Waits for a change to what the commands looked at. It may have come since: so they look again while watched. */
const untilChanged = async (
  session: Session,
  commands: readonly ParsedCommand[],
  looked: Facts,
  gone: Set<string>,
  options: RunOptions,
): Promise<void> => {
  const watch = await session.watch(looked.looked);
  const attempt = await attemptUntilKnown(session, commands, new Facts(), gone, options);
  if (attempt === 'try again') await watch.change;
  watch.stop();
};

/** @returns undefined if something that the changes rest on has changed meanwhile */
const commit = async (
  session: Session,
  attempt: Attempt,
  options: RunOptions,
  mayRetryDuplicate: () => boolean,
): Promise<Outcome | undefined> => {
  const { context, outputs } = attempt;
  const { view, root, newInterfaces } = context;
  const changes = changeOperations(view);
  const outcome = { outputs, newInterfaces };
  if (view.rawBytes !== undefined) refuseRawBytes(view.rawBytes, (message) => options.warn('ovsdb_idl', message));
  if (changes.length === 0) return { ...outcome, uuidOf: ({ uuid }) => uuid, nextConfiguration: undefined };
  const operations: OutJsonObject[] = [
    ...guardOperations(view),
    ...changes,
    ...(options.wait ? incrementOperations(view, root) : []),
    { op: 'comment', comment: options.comment },
    ...(options.dryRun ? [{ op: 'abort' }] : []),
  ];
  const results = await session.transact(operations);
  if (hasDuplicate(results) && mayRetryDuplicate()) return undefined;
  if (lostRace(results, (message) => options.warn('ovsdb_idl', message))) return undefined;
  const inserted = insertedUuids(operations, results);
  return {
    ...outcome,
    uuidOf: ({ uuid }) => inserted.get(rowName(uuid)) ?? uuid,
    nextConfiguration: nextConfiguration(operations, results),
  };
};

/** The uuid that the server gave each named row. */
const insertedUuids = (operations: readonly OutJsonObject[], results: readonly Json[]): Map<string, string> => {
  const uuids = new Map<string, string>();
  for (const [i, operation] of operations.entries()) {
    const result = results[i];
    const pair = isObject(result) ? member(result, 'uuid') : undefined;
    const name = operation['uuid-name'];
    if (typeof name === 'string' && isArray(pair)) uuids.set(name, String(pair[1]));
  }
  return uuids;
};

const nextConfiguration = (
  operations: readonly OutJsonObject[],
  results: readonly Json[],
): number | bigint | undefined => {
  const select = results[operations.findIndex(({ op }) => op === 'select')];
  const rows = isObject(select) ? member(select, 'rows') : undefined;
  const row = isArray(rows) ? rows[0] : undefined;
  const value = isObject(row) ? member(row, 'next_cfg') : undefined;
  return typeof value === 'number' || typeof value === 'bigint' ? value : undefined;
};

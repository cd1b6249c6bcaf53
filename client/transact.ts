import { isArray, isObject, type Json, member } from '../schema/json.ts';
import { readJson } from '../schema/json-check.ts';
import type { Context, Run } from './command.ts';
import { openServer, printJson } from './connection.ts';
import { Failure } from './failure.ts';

/** @throws Failure */
export const parseArgument = (text: string): Json => {
  try {
    return readJson(text);
  } catch (error) {
    throw error instanceof SyntaxError ? new Failure(`"${text}": ${error.message}`) : error;
  }
};

const execute = async ({ settings, daemon }: Context, args: readonly string[], transaction: Json): Promise<Json> => {
  if (!isArray(transaction) || typeof transaction[0] !== 'string') throw new Failure('not a valid OVSDB query');
  const { connection } = await openServer(args, { needs: 'server', min: 1 }, settings);
  if (settings.changeAware === 'required') await connection.becomeChangeAware();
  daemon.ready();
  return connection.request('transact', transaction);
};

export const transact: Run<Context> = async (context, args) => {
  const result = await execute(context, args, parseArgument(args.at(-1) ?? ''));
  context.print(`${printJson(result, context.settings)}\n`);
};

/** The transaction is made to fail at its end, so that it changes nothing. */
export const query: Run<Context> = async (context, args) => {
  const transaction = parseArgument(args.at(-1) ?? '');
  if (!isArray(transaction)) throw new Failure('not a valid OVSDB query');
  const result = await execute(context, args, [...transaction, { op: 'abort' }]);
  context.print(`${printJson(withoutAbort(result, transaction.length - 1), context.settings)}\n`);
};

const withoutAbort = (result: Json, count: number): Json => {
  if (!isArray(result) || result.length !== count + 1) return result;
  const last = result[count];
  return isObject(last) && member(last, 'error') === 'aborted' ? result.slice(0, count) : result;
};

import { Client } from '../rpc/client.ts';
import { Credentials } from '../rpc/credentials.ts';
import { defaultSocket } from '../rpc/directories.ts';
import { RpcError } from '../rpc/peer.ts';
import { Reconnect } from '../rpc/reconnect.ts';
import { checkTarget, splitTargets } from '../rpc/target.ts';
import { formatJson, isArray, isObject, type Json, member, type OutJson } from '../schema/json.ts';
import type { Context, Run } from './command.ts';
import { connectFailure } from './connection.ts';
import { Failure } from './failure.ts';

/** The rows and columns that the server's table of databases is to have, by the word for it. */
const states: ReadonlyMap<string, { readonly columns: readonly string[]; readonly rows: OutJson }> = new Map([
  ['added', { columns: [], rows: [{}] }],
  ['connected', { columns: ['connected'], rows: [{ connected: true }] }],
  ['removed', { columns: [], rows: [] }],
]);

/** Waits for a database to be served or gone, whatever becomes of the connection meanwhile. */
export const wait: Run<Context> = async ({ settings }, args) => {
  const [database, word = ''] = args.slice(-2);
  const state = states.get(word);
  if (state === undefined) throw new Failure(`${word}: unknown state`);
  const server = args.length > 2 ? (args[0] ?? '') : `unix:${defaultSocket()}`;
  const operation = { op: 'wait', table: 'Database', where: [['name', '==', database ?? '']], until: '==', ...state };
  for (const target of splitTargets(server)) checkServer(target);
  const credentials = new Credentials(settings.tls);
  await new Promise<void>((resolve, reject) => {
    const reconnect = new Reconnect({ targets: splitTargets(server) }, async (target, signal) => {
      const client = await Client.connect(target, { signal, credentials });
      ask(client, target, operation).then(
        (done) => done && finish(client, resolve),
        (error) => finish(client, () => reject(error)),
      );
      return client.peer;
    });
    const finish = (client: Client, settle: () => void) => {
      settle();
      void reconnect.stop();
      client.close();
    };
  });
};

/** @throws Failure for what is no server: none could come there that is waited for */
const checkServer = (target: string): void => {
  try {
    checkTarget(target);
  } catch (error) {
    throw connectFailure(target, error);
  }
};

/** False when the connection ended before the answer. */
const ask = async (client: Client, server: string, operation: OutJson): Promise<boolean> => {
  try {
    await client.peer.request('set_db_change_aware', [true]);
  } catch (error) {
    if (!(error instanceof RpcError)) return false;
    throw new Failure(`${server}: set_db_change_aware failed (${formatJson(error.error)})`, { cause: error });
  }
  let results: Json;
  try {
    results = await client.peer.request('transact', ['_Server', operation]);
  } catch (error) {
    if (!(error instanceof RpcError)) return false;
    throw new Failure(`server returned error reply: ${formatJson(error.error, true)}`, { cause: error });
  }
  checkResults(results);
  return true;
};

/**
 * Checks that every operation of a transaction succeeded.
 * @throws Failure
 */
export const checkResults = (results: Json): void => {
  if (!isArray(results)) throw new Failure('result is not array');
  for (const result of results) {
    if (!isObject(result)) throw new Failure('result array element is not object');
    if (member(result, 'error') !== undefined) {
      throw new Failure(`server returned error reply: ${formatJson(result, true)}`);
    }
  }
};

import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientOptions } from '../rpc/client.ts';
import { RpcError } from '../rpc/peer.ts';
import { isPassive, listen, splitTargets, TargetError } from '../rpc/target.ts';
import { isArray, isObject, type Json, type JsonObject, member } from '../schema/json.ts';

/** Where a database may be reached, and which of its servers will do. */
export interface Remotes {
  /** One or more connection methods, separated by commas. */
  readonly targets: string;
  readonly database: string;
  /** Whether only the leader of a cluster will do. */
  readonly leaderOnly: boolean;
  /** Whether the order in which they stand means nothing. */
  readonly shuffle: boolean;
  /** Whether to go on when none can be reached. */
  readonly retry: boolean;
}

/** What the search for a server takes from its surroundings. */
export interface Surroundings extends Pick<ClientOptions, 'credentials' | 'notification'> {
  /** From 0 to less than 1. */
  readonly random: () => number;
  readonly log: (message: string) => void;
}

/** A server was reached that will not do. */
export class UnfitServer extends Error {}

/** The connection ended before the server had answered. */
export class Disconnected extends Error {}

/** Milliseconds between rounds: from that to that. */
const backoffs = { first: 1000, last: 8000 };

/**
 * Connects to the first server that will do.
 * @throws UnfitServer, SystemError, or the system's error, of the last one; TargetError
 */
export const reachServer = async (remotes: Remotes, surroundings: Surroundings): Promise<Client> => {
  const given = splitTargets(remotes.targets);
  const targets = remotes.shuffle ? shuffled(given, surroundings.random) : given;
  for (let backoff = backoffs.first; ; backoff = Math.min(backoff * 2, backoffs.last)) {
    const result = await tryEach(targets, remotes, surroundings);
    if (result instanceof Client) return result;
    if (!remotes.retry || (result instanceof TargetError && targets.length === 1)) throw result;
    await delay(backoff);
  }
};

/** @returns a connection, or why there is none to the last of the targets */
const tryEach = async (
  targets: readonly string[],
  remotes: Remotes,
  surroundings: Surroundings,
): Promise<Client | Error> => {
  let failure = new Error('there is no remote');
  for (const target of targets) {
    try {
      return await reach(target, remotes, surroundings);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
  }
  return failure;
};

const reach = async (target: string, remotes: Remotes, surroundings: Surroundings): Promise<Client> => {
  const client = isPassive(target)
    ? await awaitServer(target, surroundings)
    : await Client.connect(target, surroundings);
  const objection = await objectionTo(client, remotes).catch((error: unknown) => {
    client.close();
    throw error;
  });
  if (objection === undefined) return client;
  client.close();
  surroundings.log(`${target}: ${objection}`);
  throw new UnfitServer(objection);
};

/** Passive methods wait for a server to connect (ovsdb(7), "Passive"); the first that does is the one. */
const awaitServer = async (target: string, { credentials, notification }: Surroundings): Promise<Client> => {
  let accepted: (client: Client) => void = () => {};
  const first = new Promise<Client>((resolve) => {
    accepted = resolve;
  });
  const listener = await listen(target, {
    credentials,
    accept: ({ carrier, name }) => accepted(Client.over(carrier, { ...(notification && { notification }), name })),
  });
  const client = await first;
  listener.close();
  return client;
};

/** What the server says of the database (ovsdb-server(7), "_Server"). One that knows nothing of that serves it alone. */
const objectionTo = async (client: Client, { database, leaderOnly }: Remotes): Promise<string | undefined> => {
  const row = await describe(client, database);
  if (row === undefined) return undefined;
  if (row === 'absent') return `server does not have ${database} database`;
  const objection = objectionToRole(row, leaderOnly);
  return objection && `${objection}; trying another server`;
};

const objectionToRole = (row: Description, leaderOnly: boolean): string | undefined => {
  const { connected, leader, hasSchema } = row;
  if (row.model === 'clustered') {
    if (!hasSchema) return 'clustered database server has not yet joined cluster';
    if (!connected) return 'clustered database server is disconnected from cluster';
    return leaderOnly && !leader ? 'clustered database server is not cluster leader' : undefined;
  }
  if (row.model !== 'relay') return undefined;
  if (!hasSchema) return 'relay database server has not yet connected to the relay source';
  if (!connected) return 'relay database server is disconnected from the relay source';
  return leaderOnly ? 'relay database server cannot be a leader' : undefined;
};

interface Description {
  readonly model: Json | undefined;
  readonly connected: boolean;
  readonly leader: boolean;
  readonly hasSchema: boolean;
}

/** @returns undefined if the server tells nothing about the database */
const describe = async (client: Client, database: string): Promise<Description | 'absent' | undefined> => {
  const isThat = ['name', '==', database];
  const select = { op: 'select', table: 'Database' };
  // The schema is a long text: it is enough to know whether there is one.
  const reply = await client.peer
    .request('transact', [
      '_Server',
      { ...select, where: [isThat], columns: ['model', 'connected', 'leader'] },
      { ...select, where: [isThat, ['schema', '!=', ['set', []]]], columns: ['name'] },
    ])
    .catch(ignoreRefusal);
  if (!isArray(reply)) return undefined;
  const [[row] = [], schemas = []] = reply.map(rowsOf);
  if (row === undefined) return 'absent';
  return {
    model: row.model,
    connected: row.connected === true,
    leader: row.leader === true,
    hasSchema: schemas.length > 0,
  };
};

/** Servers older than that table answer with an error; a connection that ended is another matter. */
const ignoreRefusal = (error: unknown): undefined => {
  if (!(error instanceof RpcError)) throw error;
};

const rowsOf = (result: Json): readonly JsonObject[] => {
  const rows = isObject(result) ? member(result, 'rows') : undefined;
  return isArray(rows) ? rows.filter(isObject) : [];
};

const shuffled = (targets: readonly string[], random: () => number): string[] =>
  targets
    .map((target) => ({ target, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ target }) => target);

import type { Message } from '../../rpc/message.ts';
import { formatJson, isArray, type Json, member } from '../../schema/json.ts';
import type { Case, Step } from './case-file.ts';
import { UuidNames } from './normalize-uuid.ts';
import type { Clearable } from './transact-corpus.ts';
import { Wire } from './wire.ts';

/** Runs cases one after the other; returns their answers by name. */
export const runMonitorFile = async (
  socket: string,
  cases: readonly Case[],
  subject: Clearable,
): Promise<Map<string, readonly Json[]>> => {
  const answers = new Map<string, readonly Json[]>();
  for (const each of cases) {
    answers.set(each.name, await runMonitorCase(socket, each));
    await subject.clear();
  }
  return answers;
};

/**
 * Runs a case of test/cases/monitor. Each step sends one request, on a connection that it may name; the answer is
 * every message that any of the case's connections gets until all is quiet, in order, by connection.
 */
const runMonitorCase = async (socket: string, { steps }: Case): Promise<Json[]> => {
  const names = new UuidNames(steps.map(({ ask }) => formatJson(ask)).join());
  const connections = new Map<string, Wire>();
  try {
    const answers: Json[] = [];
    for (const { ask } of steps) {
      const name = connectionName(ask);
      const wire = connections.get(name) ?? (await Wire.connect(socket));
      connections.set(name, wire);
      const [method, params] = requestOf(ask);
      const received = new Map<string, readonly Message[]>();
      try {
        received.set(name, await wire.request(method, names.restore(params)));
        await collect(connections, received);
        answers.push(names.normalize(toJson(received)));
      } catch (error) {
        if (!wire.ended) throw error;
        connections.delete(name);
        answers.push({ [name]: 'the server closed the connection' });
      }
    }
    return answers;
  } finally {
    for (const wire of connections.values()) wire.close();
  }
};

const connectionName = (ask: Step['ask']): string => {
  const name = member(ask, 'as');
  return typeof name === 'string' ? name : 'a';
};

const requestOf = (ask: Step['ask']): [string, Json] => {
  const send = member(ask, 'send');
  const [method, params] = isArray(send) ? send : [];
  if (typeof method !== 'string' || params === undefined) throw new Error('a step must have "send": [method, params]');
  return [method, params];
};

/** Adds what else each connection has to tell: all that comes before the answer to one more request. */
const collect = async (
  connections: ReadonlyMap<string, Wire>,
  received: Map<string, readonly Message[]>,
): Promise<void> => {
  for (const [name, wire] of connections) {
    const messages = (await wire.request('list_dbs', [])).slice(0, -1);
    received.set(name, [...(received.get(name) ?? []), ...messages]);
  }
};

const toJson = (received: ReadonlyMap<string, readonly Message[]>): Json =>
  Object.fromEntries(
    [...received]
      .filter(([, messages]) => messages.length > 0)
      .map(([name, messages]) => [name, sortUpdates(messages.map(messageToJson))]),
  );

const messageToJson = (message: Message): Json => {
  switch (message.kind) {
    case 'result':
      return { result: maskSince(message.result) };
    case 'error':
      return { error: message.error };
    case 'notification':
      return { method: message.method, params: message.method === 'update3' ? mask(message.params) : message.params };
    case 'request':
      return { method: message.method, params: message.params };
  }
};

const uuid = /^[0-9a-f-]{36}$/;
/** Transaction ids are new in each run. */
const mask = (values: readonly Json[]): Json[] =>
  values.map((value, i) => (i === 1 && typeof value === 'string' && uuid.test(value) ? '<transaction>' : value));
/** The reply to monitor_cond_since: [found, last transaction, updates]. */
const maskSince = (result: Json): Json =>
  isArray(result) && result.length === 3 && typeof result[0] === 'boolean' ? mask(result) : result;

/** Updates for several monitors of one connection come in no order. */
export const sortUpdates = (messages: readonly Json[]): Json[] => {
  const sorted: Json[] = [];
  let run: Json[] = [];
  const flush = () => {
    sorted.push(...run.toSorted((x, y) => (formatJson(x) < formatJson(y) ? -1 : 1)));
    run = [];
  };
  for (const message of messages) {
    if (formatJson(message).startsWith('{"method":"update')) run.push(message);
    else {
      flush();
      sorted.push(message);
    }
  }
  flush();
  return sorted;
};

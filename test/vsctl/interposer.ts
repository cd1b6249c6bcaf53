import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { JsonSplitter } from '../../rpc/json-splitter.ts';
import { isArray, isObject, type JsonObject, parseJson } from '../../schema/json.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** The operations of a request; none, if it is no transaction. */
export type Operations = readonly JsonObject[];

/**
 * Stands between clients and a server, and puts other words into what the server says.
 * @returns the connection method for the clients
 */
export const disguise = async (
  t: Pick<ExecutionContext, 'teardown'>,
  server: string,
  words: Readonly<Record<string, string>>,
): Promise<string> => {
  const path = `${temporaryFolder(t)}/disguised`;
  const proxy = createServer((client) => {
    const upstream = connect(server);
    const splitter = new JsonSplitter();
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      for (const text of splitter.push(chunk)) client.write(reworded(text, words));
    });
    endTogether(client, upstream);
  });
  proxy.listen(path);
  await once(proxy, 'listening');
  t.teardown(() => proxy.close());
  return `unix:${path}`;
};

const reworded = (text: string, words: Readonly<Record<string, string>>): string => {
  let result = text;
  for (const [word, other] of Object.entries(words)) result = result.replaceAll(word, other);
  return result;
};

/**
 * Stands between a client and a server, and holds each request of the client until `before` has seen it and is done;
 * if that fails, the connection is cut.
 * @returns the socket for the client to connect to
 */
export const interpose = async (
  t: Pick<ExecutionContext, 'teardown'>,
  server: string,
  before: (operations: Operations) => Promise<void>,
): Promise<string> => {
  const path = `${temporaryFolder(t)}/between`;
  const proxy = createServer((client) => join(client, connect(server), before));
  proxy.listen(path);
  await once(proxy, 'listening');
  t.teardown(() => proxy.close());
  return path;
};

const join = (client: Socket, upstream: Socket, before: (operations: Operations) => Promise<void>): void => {
  const splitter = new JsonSplitter();
  let done = Promise.resolve();
  client.on('data', (chunk: Buffer) => {
    for (const text of splitter.push(chunk)) {
      done = done
        .then(() => before(operationsOf(text)))
        .then(() => void upstream.write(text))
        .catch(() => void client.destroy());
    }
  });
  upstream.pipe(client);
  endTogether(client, upstream);
};

const endTogether = (client: Socket, upstream: Socket): void => {
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
};

const operationsOf = (text: string): Operations => {
  const message = parseJson(text);
  if (!isObject(message) || message.method !== 'transact' || !isArray(message.params)) return [];
  return message.params.filter(isObject);
};

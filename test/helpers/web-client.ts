import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { readMessage2 } from '../../rpc/json-rpc2.ts';
import type { Message } from '../../rpc/message.ts';
import { formatJson, isObject, type Json, member, type OutJson, parseJson } from '../../schema/json.ts';

/** A client of a WebSocket remote, which speaks JSON-RPC 2.0. It hides nothing. */
export class WebClient {
  readonly socket: WebSocket;
  readonly #messages: Json[] = [];
  #wake: () => void = () => {};
  #nextId = 0;
  #closed = false;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
    socket.on('message', (data) => {
      this.#messages.push(parseJson(String(data)));
      this.#wake();
    });
  }

  static async connect(
    t: Pick<ExecutionContext, 'teardown'>,
    port: number,
    options: object = {},
    scheme = 'ws',
  ): Promise<WebClient> {
    const client = new WebClient(new WebSocket(`${scheme}://127.0.0.1:${port}/`, options));
    t.teardown(() => client.socket.terminate());
    await once(client.socket, 'open');
    return client;
  }

  send(message: OutJson): void {
    this.socket.send(formatJson(message));
  }

  /** The next message. */
  async next(): Promise<Json> {
    while (this.#messages.length === 0) {
      if (this.#closed) throw new Error('the server closed the connection');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#messages.shift() ?? null;
  }

  async ask(method: string, params: OutJson, id: OutJson = 1): Promise<Json> {
    this.send({ jsonrpc: '2.0', id, method, params });
    return this.next();
  }

  /** As Wire.request: the messages up to the reply, in the terms that all clients share. */
  async request(method: string, params: OutJson): Promise<Message[]> {
    const id = this.#nextId++;
    this.send({ jsonrpc: '2.0', id, method, params });
    const messages: Message[] = [];
    for (;;) {
      const message = inCommonTerms(readMessage2(await this.next()));
      messages.push(message);
      if ((message.kind === 'result' || message.kind === 'error') && message.id === id) return messages;
    }
  }
}

/** OVSDB's own error is the data of one of JSON-RPC 2.0. */
const inCommonTerms = (message: Message): Message => {
  if (message.kind !== 'error' || !isObject(message.error)) return message;
  return { ...message, error: member(message.error, 'data') ?? null };
};

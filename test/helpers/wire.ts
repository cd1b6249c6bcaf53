import { connect, type Socket } from 'node:net';
import { JsonSplitter } from '../../rpc/json-splitter.ts';
import { formatRequest, type Message, parseMessage } from '../../rpc/message.ts';
import { formatJson, type Json, type OutJson } from '../../schema/json.ts';

type Waiter = () => void;

/**
 * A client of one connection that hides nothing: every message the server sends is kept, in order. It answers no
 * echo and matches no replies by itself.
 */
export class Wire {
  readonly #socket: Socket;
  readonly #splitter = new JsonSplitter();
  readonly #received: Message[] = [];
  readonly #waiters: Waiter[] = [];
  #ended = false;
  #nextId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      for (const text of this.#splitter.push(chunk)) this.#received.push(parseMessage(text));
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  static connect(path: string): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Wire(socket));
      });
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  write(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** Sends a request; returns its id. */
  send(method: string, params: OutJson): number {
    const id = this.#nextId++;
    this.write(formatRequest(method, params, id));
    return id;
  }

  /** Sends a request, and takes what comes up to its reply, which is the last of the messages. */
  async request(method: string, params: OutJson): Promise<Message[]> {
    return this.until(this.send(method, params));
  }

  /** The result of a request that must succeed. Notifications that come before it are dropped. */
  async result(method: string, params: OutJson): Promise<Json> {
    const reply = (await this.request(method, params)).at(-1);
    if (reply?.kind === 'result') return reply.result;
    throw new Error(`${method} failed: ${reply?.kind === 'error' ? formatJson(reply.error) : 'no reply'}`);
  }

  /** The messages up to the reply with that id. */
  async until(id: number): Promise<Message[]> {
    const messages: Message[] = [];
    for (;;) {
      const message = await this.next();
      if (message === undefined) throw new Error('the server closed the connection');
      messages.push(message);
      if ((message.kind === 'result' || message.kind === 'error') && message.id === id) return messages;
    }
  }

  /** The next message; undefined when the connection has ended. */
  async next(): Promise<Message | undefined> {
    while (this.#received.length === 0) {
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    return this.#received.shift();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Says that nothing more will be sent; what the server sends until it has closed the connection too. */
  async end(): Promise<Message[]> {
    this.#socket.end();
    const messages: Message[] = [];
    for (;;) {
      const message = await this.next();
      if (message === undefined) return messages;
      messages.push(message);
    }
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}

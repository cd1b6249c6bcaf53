import type { Duplex } from 'node:stream';
import { formatJson, type Json, type OutJson } from '../schema/json.ts';
import { defaultLimits, JsonSplitter, type TextLimits } from './json-splitter.ts';
import { formatError, formatNotification, formatRequest, formatResult, type Message, parseMessage } from './message.ts';

export type Request = Extract<Message, { kind: 'request' }>;
export type Notification = Extract<Message, { kind: 'notification' }>;

/** So many bytes may be under way before the other side counts as not listening. */
const maxBacklog = 1024 * 1024;
/** One that takes nothing for so long, in ms, is given up. */
const stallTimeout = 60_000;

/** What a peer does with what comes in. All are called in the order of the bytes. */
export interface PeerHandlers {
  request(request: Request): void;
  notification(notification: Notification): void;
  /** The other side has taken what was sent, after it was `congested`. */
  drained?(): void;
  /** Called once; `reason` is absent when the connection closed in good order. */
  closed?(reason: Error | undefined): void;
}

/** The peer answered with an error (RFC 7047 section 3.1); `error` is its JSON. */
export class RpcError extends Error {
  readonly error: Json;
  constructor(error: Json) {
    super(typeof error === 'string' ? error : formatJson(error));
    this.error = error;
  }
}

interface Waiting {
  resolve(result: Json): void;
  reject(reason: Error): void;
}

/**
 * One JSON-RPC connection, either side of it. Messages of one turn of the event loop leave in one write. A reply that
 * matches no request is ignored: some clients answer an echo with an id of their own.
 */
export class Peer {
  readonly #stream: Duplex;
  readonly #handlers: PeerHandlers;
  readonly #splitter: JsonSplitter;
  readonly #waiting = new Map<number, Waiting>();
  /** Resolves once the connection has ended, to what broke it, if anything did. */
  readonly ended: Promise<Error | undefined>;
  #end: (reason: Error | undefined) => void = () => {};
  #outgoing: string[] = [];
  #nextId = 0;
  #closed = false;
  #congested = false;
  #stalled: NodeJS.Timeout | undefined;

  constructor(stream: Duplex, handlers: PeerHandlers, limits: TextLimits = defaultLimits) {
    this.#stream = stream;
    this.#handlers = handlers;
    this.#splitter = new JsonSplitter(limits);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', (error) => this.close(error));
    stream.on('close', () => this.close());
    stream.on('end', () => this.close());
    stream.on('drain', () => this.#drained());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Whether the other side leaves so much unread that nothing more should be sent. Nothing is read from it meanwhile: one
   * who asks and does not listen must not fill our memory.
   */
  get congested(): boolean {
    return this.#congested;
  }

  /**
   * Sends a request and waits for its result.
   * @throws RpcError when the peer answers with an error; Error when the connection ends first
   */
  request(method: string, params: OutJson): Promise<Json> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new Error('the connection is closed');
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.send(formatRequest(method, params, id));
    });
  }

  notify(method: string, params: OutJson): void {
    this.send(formatNotification(method, params));
  }
  reply(id: Json, result: OutJson): void {
    this.send(formatResult(id, result));
  }
  replyError(id: Json, error: OutJson): void {
    this.send(formatError(id, error));
  }

  /** Sends a message that is already text. */
  send(text: string): void {
    if (this.#closed) return;
    if (this.#outgoing.length === 0) process.nextTick(() => this.#flush());
    this.#outgoing.push(text);
  }

  /** Ends the connection, after what was sent so far when there is no `reason`. */
  close(reason?: Error): void {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    clearTimeout(this.#stalled);
    if (reason === undefined) this.#stream.end();
    else this.#stream.destroy();
    for (const { reject } of this.#waiting.values()) reject(reason ?? new Error('the connection was closed'));
    this.#waiting.clear();
    this.#end(reason);
    this.#handlers.closed?.(reason);
  }

  #flush(): void {
    if (this.#outgoing.length === 0) return;
    const text = this.#outgoing.length === 1 ? (this.#outgoing[0] ?? '') : this.#outgoing.join('');
    this.#outgoing = [];
    if (!this.#stream.writable) return;
    if (text.length < maxBacklog) this.#stream.write(text);
    else this.#writeParts(Buffer.from(text));
    if (!this.#congested && this.#stream.writableLength > maxBacklog) {
      this.#congested = true;
      this.#stream.pause();
      this.#watchProgress(this.#stream.writableLength);
    }
  }

  /** In parts, so that it can be seen whether the other side takes any. */
  #writeParts(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += maxBacklog) this.#stream.write(bytes.subarray(at, at + maxBacklog));
  }

  #watchProgress(backlog: number): void {
    this.#stalled = setTimeout(() => {
      const { writableLength } = this.#stream;
      if (writableLength < backlog) this.#watchProgress(writableLength);
      else this.close(new Error(`${writableLength} bytes were not read for ${stallTimeout / 1000} seconds`));
    }, stallTimeout).unref();
  }

  #drained(): void {
    if (!this.#congested) return;
    this.#congested = false;
    clearTimeout(this.#stalled);
    this.#stream.resume();
    this.#handlers.drained?.();
  }

  #receive(chunk: Buffer): void {
    try {
      for (const text of this.#splitter.push(chunk)) {
        if (this.#closed) return;
        this.#dispatch(parseMessage(text));
      }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.close(error);
    }
  }

  #dispatch(message: Message): void {
    switch (message.kind) {
      case 'request':
        this.#handlers.request(message);
        break;
      case 'notification':
        this.#handlers.notification(message);
        break;
      case 'result':
        this.#settle(message.id)?.resolve(message.result);
        break;
      case 'error':
        this.#settle(message.id)?.reject(new RpcError(message.error));
        break;
      default:
        message satisfies never;
    }
  }

  #settle(id: Json): Waiting | undefined {
    if (typeof id !== 'number') return undefined;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}

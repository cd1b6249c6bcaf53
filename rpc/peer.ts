import type { Duplex } from 'node:stream';
import { formatJson, type Json, type OutJson } from '../schema/json.ts';
import { defaultLimits, type TextLimits } from './json-splitter.ts';
import { logFor } from './log.ts';
import { type Message, MessageError, type OutMessage } from './message.ts';
import { InactivityProbe } from './probe.ts';
import { SystemError } from './system-error.ts';
import { StreamTransport, type Transport } from './transport.ts';

/** What a peer can cause is limited, so that it cannot fill the log. */
const log = logFor('jsonrpc', { perMinute: 5, burst: 5 });
const reconnectLog = logFor('reconnect');

export type Request = Extract<Message, { kind: 'request' }>;
export type Notification = Extract<Message, { kind: 'notification' }>;

/** What a peer does with what comes in. All are called in the order of the bytes. */
export interface PeerHandlers {
  request(request: Request): void;
  notification(notification: Notification): void;
  /** The other side has taken what was sent, after it was `congested`. */
  drained?(): void;
  /** Called once; `reason` is absent when the connection closed in good order. */
  closed?(reason: Error | undefined): void;
}

/** What one connection may use. */
export interface ConnectionLimits extends TextLimits {
  /** Bytes that wait for the other side to take them; with more than that, nothing more is sent but the end. */
  readonly maxBacklog: number;
}
export const defaultConnectionLimits: ConnectionLimits = { ...defaultLimits, maxBacklog: 256 * 1024 * 1024 };

export interface PeerOptions {
  /** What the log calls the connection; without a name it says nothing about it. */
  readonly name?: string;
  readonly limits?: ConnectionLimits;
  /** Silence after which the other side is probed, in ms; 0 (the default) for never. */
  readonly probeInterval?: number;
}

/** So many bytes may be under way before the other side counts as not listening. */
const enoughBacklog = 1024 * 1024;
/** One that takes nothing for so long, in ms, is given up. */
const stallTimeout = 60_000;

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
 * One JSON-RPC connection, either side of it. A reply that matches no request is ignored: some clients answer an echo
 * with an id of their own.
 */
export class Peer {
  readonly #transport: Transport;
  readonly #handlers: PeerHandlers;
  readonly #name: string | undefined;
  readonly #limits: ConnectionLimits;
  readonly #probe: InactivityProbe;
  readonly #waiting = new Map<number, Waiting>();
  /** Resolves once the connection has ended, to what broke it, if anything did. */
  readonly ended: Promise<Error | undefined>;
  #end: (reason: Error | undefined) => void = () => {};
  #nextId = 0;
  #probeInterval: number;
  #congested = false;
  #stalled: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(carrier: Duplex | Transport, handlers: PeerHandlers, options: PeerOptions = {}) {
    const { name, limits = defaultConnectionLimits, probeInterval = 0 } = options;
    this.#transport = 'probe' in carrier ? carrier : new StreamTransport(carrier, limits);
    this.#handlers = handlers;
    this.#name = name;
    this.#limits = limits;
    this.#probe = new InactivityProbe(
      (idle) => this.#askForLife(idle),
      (silence) => this.#giveUp(silence),
    );
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#transport.open({
      message: (message) => this.#dispatch(message),
      heard: () => this.#probe.heard(),
      drained: () => this.#drained(),
      ended: (reason) => this.#ended(reason),
    });
    this.#probeInterval = probeInterval;
    this.#probe.start(probeInterval);
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

  /** Whether the other side was silent, and has not answered the probe yet. */
  get idle(): boolean {
    return this.#probe.waiting;
  }

  /** Silence after which the other side is probed, in ms; 0 for never. */
  set probeInterval(interval: number) {
    this.#probeInterval = interval;
    if (!this.#closed && !this.#congested) this.#probe.start(interval);
  }

  /**
   * Sends a request and waits for its result.
   * @throws RpcError when the peer answers with an error; Error when the connection ends first
   */
  request(method: string, params: OutJson): Promise<Json> {
    return this.requestInOrder(method, params, (result) => result);
  }

  /**
   * As `request`, but `take` gets the result at once, before anything that came behind it is handled.
   * @returns what `take` makes of it, or what it throws
   */
  requestInOrder<Result>(method: string, params: OutJson, take: (result: Json) => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new Error('the connection is closed');
      const id = this.#nextId++;
      const taken = (result: Json) => {
        try {
          resolve(take(result));
        } catch (error) {
          reject(error);
        }
      };
      this.#waiting.set(id, { resolve: taken, reject });
      this.#send({ kind: 'request', method, params, id });
    });
  }

  notify(method: string, params: OutJson): void {
    this.#send({ kind: 'notification', method, params });
  }
  reply(id: Json, result: OutJson): void {
    this.#send({ kind: 'result', result, id });
  }
  replyError(id: Json, error: OutJson): void {
    this.#send({ kind: 'error', error, id });
  }

  #send(message: OutMessage): void {
    if (this.#closed) return;
    const { backlog } = this.#transport;
    if (backlog > this.#limits.maxBacklog) {
      this.#warn(
        `sending backlog exceeded maximum size (${backlog} > ${this.#limits.maxBacklog} bytes), disconnecting`,
      );
      this.close(new SystemError('E2BIG', 'Argument list too long'));
      return;
    }
    this.#transport.send(message);
    if (!this.#congested && this.#transport.backlog > enoughBacklog) this.#congest();
  }

  /** Its signs of life are not read now, so that only its progress tells whether it lives. */
  #congest(): void {
    this.#congested = true;
    this.#transport.pause();
    this.#probe.stop();
    this.#watchProgress(this.#transport.backlog);
  }

  #watchProgress(before: number): void {
    this.#stalled = setTimeout(() => {
      const { backlog } = this.#transport;
      if (backlog < before) return this.#watchProgress(backlog);
      this.#warn(`${backlog} bytes were not read for ${stallTimeout / 1000} seconds, disconnecting`);
      this.close(new SystemError('ETIMEDOUT'));
    }, stallTimeout).unref();
  }

  /** Ends the connection, after what was sent so far when there is no `reason`. */
  close(reason?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#probe.stop();
    clearTimeout(this.#stalled);
    if (reason === undefined) this.#transport.end();
    else this.#transport.destroy();
    for (const { reject } of this.#waiting.values()) reject(reason ?? new Error('the connection was closed'));
    this.#waiting.clear();
    this.#end(reason);
    this.#handlers.closed?.(reason);
  }

  /** A message that cannot be read ends the connection: what comes after it cannot be trusted. */
  #ended(reason: Error | undefined): void {
    if (!(reason instanceof SyntaxError)) {
      this.close(reason);
      return;
    }
    if (this.#closed) return;
    const problem = reason instanceof MessageError ? 'received bad JSON-RPC message' : 'error parsing stream';
    this.#warn(`${problem}: ${reason.message}`);
    this.close(new SystemError('EPROTO', undefined, { cause: reason }));
  }

  #drained(): void {
    if (!this.#congested || this.#closed) return;
    this.#congested = false;
    clearTimeout(this.#stalled);
    this.#transport.resume();
    this.#probe.heard();
    this.#probe.start(this.#probeInterval);
    this.#handlers.drained?.();
  }

  #askForLife(idle: number): void {
    if (this.#name !== undefined) {
      reconnectLog.dbg(`${this.#name}: idle ${Math.round(idle)} ms, sending inactivity probe`);
    }
    this.#transport.probe();
  }

  #giveUp(silence: number): void {
    const seconds = Number((silence / 1000).toPrecision(3));
    if (this.#name !== undefined) {
      reconnectLog.err(`${this.#name}: no response to inactivity probe after ${seconds} seconds, disconnecting`);
    }
    this.close(new SystemError('ETIMEDOUT'));
  }

  #warn(message: string): void {
    if (this.#name !== undefined) log.warn(`${this.#name}: ${message}`);
  }

  #dispatch(message: Message): void {
    if (this.#closed) return;
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

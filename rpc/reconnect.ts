import { setTimeout as delay } from 'node:timers/promises';
import { TargetError } from './address.ts';
import { longestDelay } from './delay.ts';
import { logFor } from './log.ts';
import { SystemError, systemMessage } from './system-error.ts';

const log = logFor('reconnect');

/** An attempt may take at least so long, in ms. */
const shortestTimeout = 1000;

/** The states of a connection, in Open vSwitch's words. */
export type ConnectionState = 'VOID' | 'BACKOFF' | 'CONNECTING' | 'ACTIVE';

export interface ReconnectOptions {
  /** Where to connect to; the next one is tried when a connection fails or ends. */
  readonly targets: readonly string[];
  /** Pauses between attempts grow from that to that, in ms. */
  readonly minBackoff?: number;
  readonly maxBackoff?: number;
}

/**
 * Connects; resolves when the connection is made, to the promise of its end: undefined where the other side closed it in
 * good order, else what broke it.
 */
type Connect = (target: string, signal: AbortSignal) => Promise<{ readonly ended: Promise<Error | undefined> }>;

/**
 * Keeps a connection: makes it again whenever it fails or ends. All targets are tried without a pause; after that the
 * pauses double, until the connection has lasted for as long as the last pause.
 */
export class Reconnect {
  readonly #targets: readonly string[];
  readonly #connect: Connect;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #minBackoff: number;
  #maxBackoff: number;
  #next = 0;
  #freeTries: number;
  #backoff = 0;
  #state: ConnectionState = 'VOID';
  #connectedAt: number | undefined;
  #disconnectedAt: number | undefined;
  #lastError: string | undefined;

  constructor({ targets, minBackoff = 1000, maxBackoff = 8000 }: ReconnectOptions, connect: Connect) {
    this.#targets = targets;
    this.#connect = connect;
    this.#minBackoff = minBackoff;
    this.#maxBackoff = Math.min(Math.max(minBackoff, maxBackoff), longestDelay);
    this.#freeTries = targets.length;
    this.#running = this.#run();
  }

  get state(): ConnectionState {
    return this.#state;
  }
  /** ms since it was last connected, and since that ended; undefined when it never was. */
  get sinceConnect(): number | undefined {
    return this.#connectedAt === undefined ? undefined : performance.now() - this.#connectedAt;
  }
  get sinceDisconnect(): number | undefined {
    return this.#disconnectedAt === undefined ? undefined : performance.now() - this.#disconnectedAt;
  }
  /** Why the connection failed or ended last. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  set maxBackoff(maxBackoff: number) {
    this.#maxBackoff = Math.min(Math.max(this.#minBackoff, maxBackoff), longestDelay);
    this.#backoff = Math.min(this.#backoff, this.#maxBackoff);
  }

  /** Tries no more. A connection that is made is for its owner to close. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const target = this.#targets[this.#next++ % this.#targets.length] ?? '';
      await this.#attempt(target);
      if (this.#stopped) break;
      this.#state = 'BACKOFF';
      await delay(this.#backoff, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
    this.#state = 'VOID';
  }

  /** One connection, from its attempt to its end. */
  async #attempt(target: string): Promise<void> {
    this.#state = 'CONNECTING';
    if (!this.#quiet) log.info(`${target}: connecting...`);
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), Math.max(shortestTimeout, this.#backoff));
    let ended: Promise<Error | undefined>;
    try {
      ({ ended } = await this.#connect(target, AbortSignal.any([timeout.signal, this.#stop.signal])));
    } catch (error) {
      if (this.#stopped) return;
      this.#failed(target, timeout.signal.aborted ? new SystemError('ETIMEDOUT') : error);
      // A target that cannot be understood never will be.
      if (error instanceof TargetError && this.#targets.length === 1) this.#stop.abort();
      return;
    } finally {
      clearTimeout(timer);
    }
    this.#state = 'ACTIVE';
    this.#connectedAt = performance.now();
    this.#lastError = undefined;
    log.info(`${target}: connected`);
    this.#disconnected(target, await ended);
  }

  /** Whether it failed so often that the log need not hear of it again. */
  get #quiet(): boolean {
    return this.#backoff >= this.#maxBackoff;
  }

  #failed(target: string, error: unknown): void {
    this.#lastError = systemMessage(error);
    if (!this.#quiet) {
      const timedOut = error instanceof SystemError && error.code === 'ETIMEDOUT';
      log.info(`${target}: connection attempt ${timedOut ? 'timed out' : `failed (${this.#lastError})`}`);
    }
    if (this.#freeTries > 1) {
      this.#freeTries--;
      this.#backoff = 0;
    } else {
      this.#backOff(target);
    }
  }

  #disconnected(target: string, reason: Error | undefined): void {
    const now = performance.now();
    const lasted = now - (this.#connectedAt ?? now);
    this.#disconnectedAt = now;
    this.#lastError = reason === undefined ? 'End of file' : systemMessage(reason);
    if (this.#stopped) return;
    if (reason === undefined) log.info(`${target}: connection closed by peer`);
    else log.warn(`${target}: connection dropped (${this.#lastError})`);
    this.#freeTries = this.#targets.length;
    if (lasted >= this.#backoff) this.#backoff = this.#minBackoff;
    else this.#backOff(target);
  }

  #backOff(target: string): void {
    if (this.#backoff < this.#minBackoff) {
      this.#backoff = this.#minBackoff;
    } else if (this.#backoff < this.#maxBackoff / 2) {
      this.#backoff *= 2;
      log.info(`${target}: waiting ${this.#backoff / 1000} seconds before reconnect`);
    } else {
      if (!this.#quiet) {
        log.info(`${target}: continuing to reconnect in the background but suppressing further logging`);
      }
      this.#backoff = this.#maxBackoff;
    }
  }
}

import { Client } from '../rpc/client.ts';
import type { Credentials } from '../rpc/credentials.ts';
import type { Notification, Peer } from '../rpc/peer.ts';
import { Reconnect } from '../rpc/reconnect.ts';

export interface SourceOptions {
  /** Where the server is; the next one is tried when a connection fails or ends. */
  readonly targets: readonly string[];
  /** For servers reached over ssl:. */
  readonly credentials: Credentials;
  /** Silence after which the server is probed, in ms; undefined for what its target asks for. */
  readonly probeInterval: number | undefined;
  /** A connection was made. What this rejects with ends it. */
  readonly connected: (peer: Peer) => Promise<void>;
  /** What this throws ends the connection. */
  readonly notified: (notification: Notification, peer: Peer) => void;
  /** The connection ended. */
  readonly lost: () => void;
}

/** A server that databases are copied from: the connection to it is made again whenever it ends. */
export class Source {
  readonly #options: SourceOptions;
  readonly #connection: Reconnect;
  #peer: Peer | undefined;
  #probeInterval: number | undefined;

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#probeInterval = options.probeInterval;
    this.#connection = new Reconnect({ targets: options.targets }, (target, signal) => this.#connect(target, signal));
  }

  set probeInterval(interval: number) {
    this.#probeInterval = interval;
    if (this.#peer !== undefined) this.#peer.probeInterval = interval;
  }

  async #connect(target: string, signal: AbortSignal) {
    const { credentials, connected, lost } = this.#options;
    const probeInterval = this.#probeInterval;
    const notification = (each: Notification) => this.#notified(each);
    const { peer } = await Client.connect(target, { signal, credentials, probeInterval, notification });
    this.#peer = peer;
    connected(peer).catch((error) => peer.close(asError(error)));
    const ended = peer.ended.finally(() => {
      this.#peer = undefined;
      lost();
    });
    return { ended };
  }

  #notified(notification: Notification): void {
    const peer = this.#peer;
    if (peer === undefined) return;
    try {
      this.#options.notified(notification, peer);
    } catch (error) {
      peer.close(asError(error));
    }
  }

  /** Ends the connection, for good. */
  async close(): Promise<void> {
    const stopped = this.#connection.stop();
    this.#peer?.close();
    await stopped;
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

import { Client } from '../rpc/client.ts';
import type { Credentials } from '../rpc/credentials.ts';
import type { Notification, Peer } from '../rpc/peer.ts';
import { probeIntervalOf } from '../rpc/probe.ts';
import { Reconnect } from '../rpc/reconnect.ts';

/** What is configured for the connection to a source. */
export interface SourceSettings {
  /** Silence after which the source is probed, in ms; 0 for never. */
  readonly probeInterval: number;
  /** Longest pause between attempts to connect, in ms. */
  readonly maxBackoff: number;
}

/** A source may be long in sending all it has, and does not answer meanwhile. */
export const defaultSourceSettings: SourceSettings = { probeInterval: 60_000, maxBackoff: 8000 };

export interface SourceOptions {
  /** Where the server is; the next one is tried when a connection fails or ends. */
  readonly targets: readonly string[];
  /** For servers reached over ssl:. */
  readonly credentials: Credentials;
  readonly settings: SourceSettings;
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
  #settings: SourceSettings;

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#settings = options.settings;
    const { targets, settings } = options;
    this.#connection = new Reconnect({ targets, maxBackoff: settings.maxBackoff }, (target, signal) =>
      this.#connect(target, signal),
    );
  }

  get settings(): SourceSettings {
    return this.#settings;
  }
  set settings(settings: SourceSettings) {
    this.#settings = settings;
    this.#connection.maxBackoff = settings.maxBackoff;
    if (this.#peer !== undefined) this.#peer.probeInterval = probeIntervalOf(settings.probeInterval);
  }

  async #connect(target: string, signal: AbortSignal) {
    const { credentials, connected, lost } = this.#options;
    const probeInterval = probeIntervalOf(this.#settings.probeInterval);
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

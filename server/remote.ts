import type { Credentials } from '../rpc/credentials.ts';
import { logFor } from '../rpc/log.ts';
import type { ConnectionLimits } from '../rpc/peer.ts';
import { Reconnect } from '../rpc/reconnect.ts';
import { SystemError, systemMessage } from '../rpc/system-error.ts';
import { type Accepted, dial, isPassive, type Listener, listen, TargetError } from '../rpc/target.ts';
import type { RemoteSettings } from './remote-settings.ts';
import { Session, type SessionHost } from './session.ts';

const log = logFor('ovsdb_jsonrpc_server');
const reconnectLog = logFor('reconnect', { perMinute: 60, burst: 60 });

/** Pauses between attempts to listen, in ms: from that to that. */
const minPause = 1000;
const maxPause = 8000;

/** What remotes share. */
export interface RemoteHost {
  readonly sessions: SessionHost;
  readonly credentials: Credentials;
  readonly limits: ConnectionLimits;
  /** Of web pages that may connect. */
  readonly origins: readonly string[];
  /** Whether one more client may be served; says so in the log when not. */
  admits(name: string): boolean;
  /** A client of any remote came or went. */
  counted(change: 1 | -1): void;
}

/** The columns `is_connected` and `status` of a row like Manager's (ovs-vswitchd.conf.db(5)). */
export interface RemoteStatus {
  readonly isConnected: boolean;
  readonly status: ReadonlyMap<string, string>;
}

/** A way for clients to the server, listening or calling; it lives for as long as it is configured. */
export interface Remote {
  configure(settings: RemoteSettings): void;
  readonly status: RemoteStatus;
  /** The sessions of the clients that are connected. */
  readonly clients: Iterable<Session>;
  close(): Promise<void>;
}

/** @returns the remote, after its first attempt, which may have failed: then it goes on trying */
export const openRemote = async (target: string, settings: RemoteSettings, host: RemoteHost): Promise<Remote> => {
  if (!isPassive(target)) return new OutgoingRemote(target, settings, host);
  const remote = new ListeningRemote(target, settings, host);
  await remote.listen();
  return remote;
};

/** Settings that sessions look at: they see each change. */
class Policy implements RemoteSettings {
  maxBackoff: number;
  probeInterval: number;
  readOnly: boolean;
  role: string;

  constructor({ maxBackoff, probeInterval, readOnly, role }: RemoteSettings) {
    this.maxBackoff = maxBackoff;
    this.probeInterval = probeInterval;
    this.readOnly = readOnly;
    this.role = role;
  }
}

/** punix: ptcp: pssl: pws: pwss: */
class ListeningRemote implements Remote {
  readonly #target: string;
  readonly #host: RemoteHost;
  readonly #policy: Policy;
  readonly #sessions = new Set<Session>();
  #listener: Listener | undefined;
  #pause = 0;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(target: string, settings: RemoteSettings, host: RemoteHost) {
    this.#target = target;
    this.#host = host;
    this.#policy = new Policy(settings);
  }

  /** An address that is taken, or not there yet, may become free: it tries until it listens, or is closed. */
  async listen(): Promise<void> {
    try {
      const { credentials, limits, origins } = this.#host;
      const accept = (client: Accepted) => this.#accept(client);
      const listener = await listen(this.#target, { credentials, limits, origins, accept });
      if (this.#closed) return listener.close();
      this.#listener = listener;
      if (this.#pause > 0) log.info(`${this.#target}: listening`);
      this.#pause = 0;
    } catch (error) {
      if (this.#closed) return;
      if (this.#pause === 0) log.err(`${this.#target}: listen failed: ${systemMessage(error)}`);
      if (error instanceof TargetError) return;
      this.#pause = Math.min(maxPause, Math.max(minPause, this.#pause * 2));
      this.#retry = setTimeout(() => this.listen(), this.#pause);
    }
  }

  #accept({ carrier, name, clientId }: Accepted): void {
    if (this.#closed || !this.#host.admits(name)) {
      carrier.destroy();
      return;
    }
    const session: Session = new Session(this.#host.sessions, {
      carrier,
      name,
      clientId,
      policy: this.#policy,
      limits: this.#host.limits,
      closed: (reason) => {
        this.#sessions.delete(session);
        this.#host.counted(-1);
        if (reason !== undefined) reconnectLog.warn(`${name}: connection dropped (${systemMessage(reason)})`);
      },
    });
    this.#sessions.add(session);
    this.#host.counted(1);
  }

  configure(settings: RemoteSettings): void {
    Object.assign(this.#policy, settings);
    for (const session of this.#sessions) session.policyChanged();
  }

  /** The zeros are what Open vSwitch writes for a remote that listens. */
  get status(): RemoteStatus {
    const status = new Map([
      ['sec_since_connect', '0'],
      ['sec_since_disconnect', '0'],
    ]);
    const { size } = this.#sessions;
    const port = this.#listener?.port;
    if (port !== undefined) status.set('bound_port', String(port));
    if (size > 1) status.set('n_connections', String(size));
    return { isConnected: size > 0, status };
  }

  get clients(): Iterable<Session> {
    return this.#sessions;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#listener?.close();
    for (const session of this.#sessions) session.close();
  }
}

/** unix: tcp: ssl: */
class OutgoingRemote implements Remote {
  readonly #host: RemoteHost;
  readonly #policy: Policy;
  readonly #reconnect: Reconnect;
  #session: Session | undefined;

  constructor(target: string, settings: RemoteSettings, host: RemoteHost) {
    this.#host = host;
    this.#policy = new Policy(settings);
    const { maxBackoff } = settings;
    this.#reconnect = new Reconnect({ targets: [target], maxBackoff }, (_target, signal) =>
      this.#connect(target, signal),
    );
  }

  async #connect(target: string, signal: AbortSignal) {
    const { credentials, limits, sessions } = this.#host;
    const carrier = await dial(target, { signal, credentials });
    if (!this.#host.admits(target)) {
      carrier.destroy();
      throw new SystemError('EMFILE');
    }
    const session = new Session(sessions, {
      carrier,
      name: target,
      clientId: undefined,
      policy: this.#policy,
      limits,
      closed: () => {
        this.#session = undefined;
        this.#host.counted(-1);
      },
    });
    this.#session = session;
    this.#host.counted(1);
    return session;
  }

  configure(settings: RemoteSettings): void {
    Object.assign(this.#policy, settings);
    this.#reconnect.maxBackoff = settings.maxBackoff;
    this.#session?.policyChanged();
  }

  get status(): RemoteStatus {
    const { state, sinceConnect, sinceDisconnect, lastError } = this.#reconnect;
    const status = new Map<string, string>([['state', this.#session?.idle ? 'IDLE' : state]]);
    const seconds = (name: string, time: number | undefined) => {
      if (time !== undefined) status.set(name, String(Math.floor(time / 1000)));
    };
    seconds('sec_since_connect', sinceConnect);
    seconds('sec_since_disconnect', sinceDisconnect);
    if (lastError !== undefined) status.set('last_error', lastError);
    for (const [state, names] of Object.entries(this.#session?.locks.names() ?? {})) {
      if (names.length > 0) status.set(`locks_${state}`, names.join(' '));
    }
    return { isConnected: state === 'ACTIVE', status };
  }

  get clients(): Iterable<Session> {
    return this.#session === undefined ? [] : [this.#session];
  }

  async close(): Promise<void> {
    const stopped = this.#reconnect.stop();
    this.#session?.close();
    await stopped;
  }
}

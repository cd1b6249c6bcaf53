import { once } from 'node:events';
import { existsSync, lstatSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { formatAddress, parseActiveAddress, parsePassiveAddress, type SocketAddress, TargetError } from './address.ts';
import { Credentials } from './credentials.ts';
import { runPath } from './directories.ts';
import { defaultLimits, type TextLimits } from './json-splitter.ts';
import { logFor } from './log.ts';
import { SecureAcceptor, secureClient } from './secure.ts';
import { SystemError, systemMessage } from './system-error.ts';
import type { Transport } from './transport.ts';
import { shortenPath } from './unix-path.ts';

export { TargetError } from './address.ts';

const log = logFor('socket_util');
const tcpLog = logFor('stream_tcp');
const acceptLog = logFor('ovsdb_jsonrpc_server', { perMinute: 10, burst: 10 });

/** A connection method and its argument, as ovsdb(7) writes them, read. */
export type Target =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp' | 'ssl' | 'ws' | 'wss'; readonly address: SocketAddress };

type Parse = (argument: string) => Target;

const activeMethods: ReadonlyMap<string, Parse> = new Map<string, Parse>([
  ['unix', (path) => ({ kind: 'unix', path: runPath(path) })],
  ['tcp', (rest) => ({ kind: 'tcp', address: parseActiveAddress(rest) })],
  ['ssl', (rest) => ({ kind: 'ssl', address: parseActiveAddress(rest) })],
]);
const passiveMethods: ReadonlyMap<string, Parse> = new Map<string, Parse>([
  ['punix', (path) => ({ kind: 'unix', path: runPath(path) })],
  ['ptcp', (rest) => ({ kind: 'tcp', address: parsePassiveAddress(rest) })],
  ['pssl', (rest) => ({ kind: 'ssl', address: parsePassiveAddress(rest) })],
  ['pws', (rest) => ({ kind: 'ws', address: parsePassiveAddress(rest) })],
  ['pwss', (rest) => ({ kind: 'wss', address: parsePassiveAddress(rest) })],
]);

const methodOf = (target: string): string => target.slice(0, Math.max(0, target.indexOf(':')));
const argumentOf = (target: string): string => target.slice(target.indexOf(':') + 1);

/** Whether the target is one to connect to, rather than to listen on. */
export const isActive = (target: string): boolean => activeMethods.has(methodOf(target));
export const isPassive = (target: string): boolean => passiveMethods.has(methodOf(target));
/** Whether the connection can break without either side hearing of it. */
export const needsProbes = (target: string): boolean => !/^p?unix:/.test(target);

const parse = (target: string, methods: ReadonlyMap<string, Parse>, kind: string): Target => {
  const method = methods.get(methodOf(target));
  if (method === undefined) {
    throw new TargetError(`${target}: not ${kind} connection method; use ${[...methods.keys()].join(': or ')}:`);
  }
  return method(argumentOf(target));
};

/**
 * @throws TargetError when the target cannot be connected to, nor listened on
 */
export const checkTarget = (target: string): void => {
  if (isPassive(target)) parse(target, passiveMethods, 'a passive');
  else parse(target, activeMethods, 'a');
};

/** The targets of a list separated by commas, as clients take it; file names may hold commas, methods tell. */
export const splitTargets = (targets: string): string[] => targets.split(/,(?=p?(?:unix|tcp|ssl):)/);

export interface DialOptions {
  readonly signal?: AbortSignal | undefined;
  readonly credentials?: Credentials | undefined;
}

/**
 * Connects to an OVSDB server (unix:FILE, tcp:HOST[:PORT], ssl:HOST[:PORT]).
 * @throws TargetError; SystemError, or the system's error (code ENOENT, ECONNREFUSED …)
 */
export const dial = async (target: string, options: DialOptions = {}): Promise<Duplex> => {
  const parsed = parseActive(target);
  if (parsed.kind === 'unix') return dialUnix(parsed.path, options.signal);
  if (parsed.kind === 'tcp') return dialTcp(parsed.address, options.signal);
  return dialSecure(parsed.address, options);
};

const parseActive = (target: string): Target => {
  try {
    return parse(target, activeMethods, 'an active');
  } catch (error) {
    if (target.startsWith('tcp:')) tcpLog.err(`${target}: connect: ${systemMessage(error)}`);
    throw error;
  }
};

const dialTcp = (address: SocketAddress, signal: AbortSignal | undefined): Promise<Socket> =>
  connected(connect({ ...address, noDelay: true }), signal);

const dialSecure = async (
  address: SocketAddress,
  { signal, credentials = new Credentials() }: DialOptions,
): Promise<Duplex> => {
  const { identity } = credentials;
  const socket = await dialTcp(address, signal);
  const abort = () => socket.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await secureClient(socket, address, identity);
  } catch (error) {
    const hasCaNow = identity.bootstrap !== undefined && credentials.identity.bootstrap === undefined;
    if (!hasCaNow) throw error;
    return dialSecure(address, { signal, credentials });
  } finally {
    signal?.removeEventListener('abort', abort);
  }
};

const dialUnix = async (path: string, signal: AbortSignal | undefined): Promise<Socket> => {
  const shorter = shortenPath(path);
  const options = signal === undefined ? {} : { signal };
  try {
    for (let tries = 0; ; tries++) {
      try {
        return await connected(connect({ path: shorter.path }), signal);
      } catch (error) {
        if (!isQueueFull(error) || tries === queueFullTries) throw error;
      }
      await delay(queueFullPause, undefined, options);
    }
  } finally {
    shorter.release();
  }
};

/** A server that is slow to accept has its queue of connections full; on a unix socket the kernel does not wait for it. */
const isQueueFull = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EAGAIN';
const queueFullPause = 20;
const queueFullTries = 250;

const connected = async (socket: Socket, signal: AbortSignal | undefined): Promise<Socket> => {
  try {
    await once(socket, 'connect', signal === undefined ? {} : { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
};

/** A client that was accepted. */
export interface Accepted {
  readonly carrier: Duplex | Transport;
  /** As the log calls it: tcp:127.0.0.1:50000, unix#3. */
  readonly name: string;
  /** The name in its certificate. */
  readonly clientId: string | undefined;
}

export interface ListenOptions {
  readonly accept: (accepted: Accepted) => void;
  readonly credentials?: Credentials | undefined;
  readonly limits?: TextLimits | undefined;
  /** The web pages that may connect to a WebSocket; "*" for all. */
  readonly origins?: readonly string[] | undefined;
}

/** Where clients can connect. */
export interface Listener {
  /** Undefined for a unix socket. */
  readonly port: number | undefined;
  /** Takes no more clients, and removes the socket's file; those accepted stay. */
  close(): void;
}

/** Clients of unix sockets have no address: they are counted, over all sockets of the process. */
let unixClients = 0;

/**
 * Listens for OVSDB clients (punix:FILE, or ptcp: pssl: pws: pwss: with [PORT][:HOST]).
 * @throws TargetError; SystemError, or the system's error (code EADDRINUSE …)
 */
export const listen = async (target: string, options: ListenOptions): Promise<Listener> => {
  const parsed = parse(target, passiveMethods, 'a passive');
  if (parsed.kind === 'unix') return listenUnix(target, parsed.path, options.accept);
  const { kind, address } = parsed;
  const { credentials = new Credentials() } = options;
  const server = createServer({ noDelay: true }, await takers[kind]({ ...options, credentials }));
  await listening(target, server, () => server.listen(address));
  const port = portOf(server);
  if (address.port === 0) log.info(`${argumentOf(target)}: listening on port ${port}`);
  return { port, close: () => server.close() };
};

type Take = (socket: Socket) => void;
type Taker = (options: ListenOptions & { readonly credentials: Credentials }) => Take | Promise<Take>;

const takeTcp: Taker = ({ accept }) => {
  return (socket) => accept({ carrier: socket, name: `tcp:${remoteOf(socket)}`, clientId: undefined });
};
const takeSecure: Taker = ({ accept, credentials }) => {
  const acceptor = new SecureAcceptor(credentials, (socket, clientId) =>
    accept({ carrier: socket, name: `ssl:${remoteOf(socket)}`, clientId }),
  );
  return (socket) => acceptor.take(socket);
};
/** Most programs never need what it takes for WebSocket, and start sooner without. */
const webSocketAcceptor = async ({ limits = defaultLimits, origins = [] }: ListenOptions) => {
  const { WebSocketAcceptor } = await import('./websocket.ts');
  return new WebSocketAcceptor(limits, origins);
};
const takeWebSocket: Taker = async ({ accept, ...options }) => {
  const acceptor = await webSocketAcceptor({ accept, ...options });
  return (socket) => {
    const name = `ws:${remoteOf(socket)}`;
    acceptor.take(socket, (carrier) => accept({ carrier, name, clientId: undefined }));
  };
};
const takeSecureWebSocket: Taker = async ({ accept, credentials, ...options }) => {
  const acceptor = await webSocketAcceptor({ accept, ...options });
  const secure = new SecureAcceptor(credentials, (socket, clientId) => {
    const name = `wss:${remoteOf(socket)}`;
    acceptor.take(socket, (carrier) => accept({ carrier, name, clientId }));
  });
  return (socket) => secure.take(socket);
};
const takers = { tcp: takeTcp, ssl: takeSecure, ws: takeWebSocket, wss: takeSecureWebSocket } as const;

const remoteOf = ({ remoteAddress = '', remotePort = 0 }: Socket): string =>
  formatAddress({ host: remoteAddress, port: remotePort });

const listenUnix = async (target: string, path: string, accept: ListenOptions['accept']): Promise<Listener> => {
  const server = createServer((carrier) => accept({ carrier, name: `unix#${unixClients++}`, clientId: undefined }));
  const shorter = shortenPath(path);
  removeSocket(path);
  server.once('close', () => shorter.release());
  try {
    await listening(target, server, () => withUmask(0o007, () => server.listen({ path: shorter.path })));
  } catch (error) {
    shorter.release();
    // What the kernel called ENOENT, libuv calls EACCES.
    throw existsSync(dirname(path)) ? error : new SystemError('ENOENT', undefined, { cause: error });
  }
  return { port: undefined, close: () => server.close() };
};

/**
 * A socket left by a server that was killed goes; who else may serve this database is a matter of its lock. A file of
 * another kind is somebody's data, named by mistake: listening fails, because the address is in use.
 */
const removeSocket = (path: string): void => {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path, { force: true });
};

/** Sockets are made at once, with a mode that the umask gives them: for the owner and the group, as Open vSwitch's. */
const withUmask = (mask: number, make: () => void): void => {
  const before = process.umask(mask);
  process.umask(before | mask);
  try {
    make();
  } finally {
    process.umask(before);
  }
};

/** Once it listens, a client that cannot be accepted (there are no more descriptors, say) is no reason to end. */
const listening = async (target: string, server: Server, start: () => void): Promise<void> => {
  const settled = once(server, 'listening');
  start();
  await settled;
  server.on('error', (error) => acceptLog.warn(`${target}: accept failed: ${systemMessage(error)}`));
};

const portOf = (server: Server): number | undefined => {
  const address = server.address();
  return typeof address === 'object' ? address?.port : undefined;
};

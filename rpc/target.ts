import { rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { runPath } from './directories.ts';

/** OVSDB's port number (ovsdb(7), "Active Database Connection Methods"). */
const defaultPort = 6640;

/** A connection method that cannot be used; its message names it. */
export class TargetError extends Error {}

interface Address {
  readonly path?: string;
  readonly host?: string;
  readonly port?: number;
}

type AddressParser = (rest: string) => Address;
type Methods = ReadonlyMap<string, AddressParser>;

const activeMethods: Methods = new Map<string, AddressParser>([
  ['unix', (rest) => ({ path: runPath(rest) })],
  ['tcp', (rest) => parseHostPort(rest)],
]);
const passiveMethods: Methods = new Map<string, AddressParser>([
  ['punix', (rest) => ({ path: runPath(rest) })],
  ['ptcp', (rest) => parsePortHost(rest)],
]);

const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

/** HOST[:PORT] */
const parseHostPort = (rest: string): Address => {
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(rest) ?? [];
  if (host === '') throw new TargetError(`${rest}: host must be specified`);
  return { host: withoutBrackets(host), port: port === undefined ? defaultPort : Number(port) };
};

/** [PORT][:HOST] */
const parsePortHost = (rest: string): Address => {
  const [, port = '', host] = /^(\d*)(?::(.*))?$/.exec(rest) ?? [];
  return { port: port === '' ? defaultPort : Number(port), host: host ? withoutBrackets(host) : '0.0.0.0' };
};

const parse = (target: string, methods: Methods, kind: string): Address => {
  const colon = target.indexOf(':');
  const method = colon < 0 ? undefined : methods.get(target.slice(0, colon));
  if (method === undefined) {
    throw new TargetError(`${target}: not ${kind} connection method; use ${[...methods.keys()].join(': or ')}:`);
  }
  return method(target.slice(colon + 1));
};

/** Whether the target is one to connect to, rather than to listen on. */
export const isActive = (target: string): boolean => activeMethods.has(target.slice(0, target.indexOf(':')));

/**
 * Connects to an OVSDB server (unix:FILE, tcp:HOST[:PORT]).
 * @throws TargetError, or the system's error (code ENOENT, ECONNREFUSED …)
 */
export const dial = async (target: string, signal?: AbortSignal): Promise<Duplex> => {
  const { path, host, port } = parse(target, activeMethods, 'an active');
  const socket = path === undefined ? connect({ host, port: port ?? defaultPort, noDelay: true }) : connect({ path });
  const abort = () => socket.destroy(new Error('aborted'));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return socket;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
};

/**
 * Listens for OVSDB clients (punix:FILE, ptcp:[PORT][:HOST]).
 * @throws TargetError, or the system's error (code EADDRINUSE …)
 */
export const listen = async (target: string, accept: (socket: Socket) => void): Promise<Server> => {
  const { path, host, port } = parse(target, passiveMethods, 'a passive');
  const server = createServer({ noDelay: true }, accept);
  // A socket left by a server that was killed; who else may serve this database is a matter of its lock.
  if (path !== undefined) rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path === undefined ? { host, port: port ?? defaultPort } : { path }, resolve);
  });
  return server;
};

/** The port that a server on port 0 got. */
export const listeningPort = (server: Server): number | undefined => {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' ? address?.port : undefined;
};

import { isIPv4, isIPv6 } from 'node:net';
import { logFor } from './log.ts';
import { SystemError } from './system-error.ts';

const log = logFor('socket_util');
const streamLog = logFor('stream');

/** OVSDB's port number (ovsdb(7), "Active Database Connection Methods"). */
export const defaultPort = 6640;
/** What fits into the kernel's address of a unix socket. */
const longestPath = 107;

/** A connection method that cannot be used; the message says what is wrong with it. */
export class TargetError extends SystemError {
  constructor(message: string) {
    super('EAFNOSUPPORT', message);
  }
}

export interface SocketAddress {
  /** A numeric address, without brackets, or the name of a host. */
  readonly host: string;
  readonly port: number;
}

const refuse = (text: string, problem: string): TargetError => {
  const message = `${text}: ${problem}`;
  log.err(message);
  return new TargetError(message);
};

const parsePort = (text: string, port: string): number => {
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw refuse(text, `bad port number "${port}"`);
  return Number(port);
};

/** IPv6 addresses stand in brackets, perhaps with a scope: [fe80::1%eth0]. */
const parseHost = (text: string, host: string): string => {
  if (!host.startsWith('[')) return host;
  const inner = host.slice(1, -1);
  if (!isIPv6(inner)) throw refuse(text, `bad IP address "${inner}"`);
  return inner;
};

const hostPort = /^(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/;

/** Said once in a process, as by Open vSwitch: who relied on the old number of long ago learns why nothing answers. */
let toldOfDefault = false;
const takeDefaultPort = (): number => {
  if (!toldOfDefault) streamLog.warn(`The default OVSDB port number has changed from 6632 to ${defaultPort}`);
  toldOfDefault = true;
  return defaultPort;
};

/**
 * HOST[:PORT]
 * @throws TargetError
 */
export const parseActiveAddress = (text: string): SocketAddress => {
  const [whole, host = '', port] = hostPort.exec(text) ?? [];
  if (whole === undefined) throw refuse(text, 'port must be specified');
  if (host === '') throw refuse(text, 'host must be specified');
  return { host: parseHost(text, host), port: port ? parsePort(text, port) : takeDefaultPort() };
};

/**
 * [PORT][:HOST]
 * @throws TargetError
 */
export const parsePassiveAddress = (text: string): SocketAddress => {
  const [, port, host = ''] = /^([^:[\]]*)(?::(\[[^\]]*\]|[^:[\]]*))?$/.exec(text) ?? [];
  if (port === undefined) throw refuse(text, 'port must be specified');
  return {
    port: port === '' ? defaultPort : parsePort(text, port),
    host: host === '' ? '0.0.0.0' : parseHost(text, host),
  };
};

/** An address as Open vSwitch writes it: IPv6 in brackets. */
export const formatAddress = ({ host, port }: SocketAddress): string => `${isIPv6(host) ? `[${host}]` : host}:${port}`;

/** Whether the host is an address rather than a name. */
export const isNumeric = (host: string): boolean => isIPv4(host) || isIPv6(host);

/** Whether a socket's path must be shortened before the kernel takes it. */
export const isTooLong = (path: string): boolean => Buffer.byteLength(path) > longestPath;
/** What is said when that is not possible. */
export const tooLong = (path: string): SystemError => {
  log.warn(`Unix socket name ${path} is longer than maximum ${longestPath} bytes`);
  return new SystemError('ENAMETOOLONG');
};

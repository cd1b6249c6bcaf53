import { createSocket } from 'node:dgram';
import { closeSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { native } from '../native/index.ts';

/** A way to hand messages to a syslog daemon. */
export interface Syslogger {
  /** What this method puts before a message, as a log pattern (ovs-appctl(8), "vlog/list-pattern"). */
  readonly prefix: string;
  /** @param priority facility and severity, in digits */
  send(priority: string, line: string, program: string): void;
}

/** Syslog's facilities (RFC 5424 section 6.2.1), times 8. */
export const facilities: ReadonlyMap<string, number> = new Map(
  [
    ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'clock', 'authpriv', 'ftp'],
    ...['ntp', 'audit', 'alert', 'clock2'],
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((number) => `local${number}`),
  ].map((name, number) => [name, number * 8]),
);

/** The method `null`: messages are dropped. */
export const discard: Syslogger = { prefix: '', send: () => {} };

const systemSocket = '/dev/log';
/** After a failure, how long until the daemon is looked for again, in milliseconds. */
const retryAfter = 1000;

/** A unix datagram socket, made when there is something to send and again when the daemon restarted. */
class DatagramSender {
  readonly #path: string;
  #fd: number | undefined;
  #failed = Number.NEGATIVE_INFINITY;

  constructor(path: string) {
    this.#path = path;
  }

  /** Sends, or drops what cannot be sent now. */
  send(datagram: string): void {
    if (this.#fd === undefined && performance.now() - this.#failed < retryAfter) return;
    const stale = this.#fd !== undefined;
    if (!this.#try(datagram) && stale) this.#try(datagram);
  }

  #try(datagram: string): boolean {
    try {
      this.#fd ??= native().datagramOpen(this.#path);
      native().send(this.#fd, Buffer.from(datagram));
      return true;
    } catch {
      if (this.#fd !== undefined) closeSync(this.#fd);
      this.#fd = undefined;
      this.#failed = performance.now();
      return false;
    }
  }
}

/** As syslog(3) of the C library writes to /dev/log. */
const systemSyslogger = (): Syslogger => {
  const sender = new DatagramSender(systemSocket);
  return {
    prefix: '<%B> %D{%h %e %T} %E %A:',
    send: (priority, line, program) => {
      const [, month, day, , time] = new Date().toString().split(' ');
      sender.send(`<${priority}>${month} ${day?.replace(/^0/, ' ')} ${time} ${program}: ${line}`);
    },
  };
};

const unixSyslogger = (path: string): Syslogger => {
  const sender = new DatagramSender(path);
  return { prefix: '<%B>', send: (priority, line) => sender.send(`<${priority}>${line}`) };
};

/** The port of syslog over UDP (RFC 5426 section 3.3). */
const syslogPort = 514;

const udpSyslogger = (address: string): Syslogger => {
  const send = udpSender(address, syslogPort);
  return { prefix: '<%B>', send: (priority, line) => send(`<${priority}>${line}`) };
};

/**
 * Sends datagrams to HOST:PORT.
 * @throws SyntaxError when it is not one
 */
export const udpSender = (address: string, defaultPort?: number): ((line: string) => void) => {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (!host) throw new SyntaxError(`${address}: host must be specified`);
  if (port === undefined) throw new SyntaxError(`${address}: port must be specified`);
  if (port > 65535) throw new SyntaxError(`${address}: bad port number "${digits}"`);
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.unref();
  socket.on('error', () => {});
  return (line) => socket.send(line, port, host, () => {});
};

/**
 * The method that `--syslog-method` names: libc, null, unix:FILE or udp:IP:PORT.
 * @throws SyntaxError when it is none of those
 */
export const parseSyslogMethod = (method: string): Syslogger => {
  if (method === 'libc') return systemSyslogger();
  if (method === 'null') return discard;
  if (method.startsWith('unix:')) return unixSyslogger(method.slice('unix:'.length));
  if (method.startsWith('udp:')) return udpSyslogger(method.slice('udp:'.length));
  throw new SyntaxError(`unsupported syslog method '${method}'`);
};

import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { isNumeric, type SocketAddress } from './address.ts';
import { bootstrapCaCertificate } from './bootstrap.ts';
import type { Credentials, Identity } from './credentials.ts';
import { logFor } from './log.ts';
import { SystemError, systemMessage } from './system-error.ts';

const log = logFor('stream_ssl', { perMinute: 10, burst: 25 });

/** How long a peer may take for its part of the handshake, in ms. */
const handshakeTimeout = 10_000;

/**
 * Makes a connection, as a client, secure. Certificates are checked against the CA alone: they name programs, not hosts.
 * @throws SystemError EPROTO when the peers cannot agree, or trust each other
 */
export const secureClient = async (
  socket: Socket,
  { host }: SocketAddress,
  { secure: options, verify, bootstrap, serverName }: Identity,
): Promise<TLSSocket> => {
  const servername = serverName ?? (isNumeric(host) ? '' : host);
  const secure = tlsConnect({
    socket,
    ...options,
    rejectUnauthorized: verify,
    checkServerIdentity: () => undefined,
    servername,
  });
  try {
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve);
      secure.once('error', reject);
      secure.once('close', () => reject(new Error('connection closed')));
    });
  } catch (error) {
    secure.destroy();
    log.warn(`SSL_connect: ${handshakeProblem(error)}`);
    throw new SystemError('EPROTO', undefined, { cause: error });
  }
  if (bootstrap === undefined) return secure;
  if (bootstrapCaCertificate(secure, bootstrap)) log.info('killing successful connection to retry using CA cert');
  secure.destroy();
  throw new SystemError('EPROTO');
};

/** Makes connections, as a server, secure. */
export class SecureAcceptor {
  readonly #credentials: Credentials;
  readonly #accept: (socket: TLSSocket, clientId: string | undefined) => void;
  #identity: Identity | undefined;
  /** It never listens: sockets are handed to it. A new one is made when the credentials change. */
  #server: Server | undefined;

  constructor(credentials: Credentials, accept: (socket: TLSSocket, clientId: string | undefined) => void) {
    this.#credentials = credentials;
    this.#accept = accept;
  }

  take(socket: Socket): void {
    socket.on('error', () => {});
    try {
      const { identity } = this.#credentials;
      if (this.#server === undefined || identity !== this.#identity) this.#server = this.#serverFor(identity);
      this.#identity = identity;
      this.#server.emit('connection', socket);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      socket.destroy();
    }
  }

  #serverFor({ secure, verify, bootstrap }: Identity): Server {
    const server = createServer({
      ...secure,
      requestCert: verify || bootstrap !== undefined,
      rejectUnauthorized: verify,
      handshakeTimeout,
    });
    server.on('secureConnection', (socket) => {
      if (bootstrap === undefined) return this.#accept(socket, commonName(socket));
      if (bootstrapCaCertificate(socket, bootstrap)) log.info('killing successful connection to retry using CA cert');
      socket.destroy();
    });
    server.on('tlsClientError', (error, socket) => {
      log.warn(`SSL_accept: ${handshakeProblem(error)}`);
      socket.destroy();
    });
    return server;
  }
}

/** The name that the client's certificate gives it; undefined when it has none that was checked. */
const commonName = (socket: TLSSocket): string | undefined => {
  if (!socket.authorized) return undefined;
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? name : undefined;
};

/** OpenSSL's messages name its source files; their reason is enough. */
const handshakeProblem = (error: unknown): string =>
  error instanceof Error && 'reason' in error && typeof error.reason === 'string' ? error.reason : systemMessage(error);

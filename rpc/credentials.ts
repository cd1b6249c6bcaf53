import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { createSecureContext, DEFAULT_CIPHERS, type SecureContextOptions } from 'node:tls';
import { logFor } from './log.ts';
import { SystemError, systemMessage } from './system-error.ts';
import { type ProtocolRange, parseProtocols } from './tls-protocols.ts';

const log = logFor('stream_ssl');

/** What the options for TLS say; the files are PEM. */
export interface TlsFiles {
  readonly privateKey?: string;
  readonly certificate?: string;
  /** Who signed the peers' certificates; "none" trusts any peer. */
  readonly caCertificate?: string;
  /** Takes the CA certificate from the first peer if the file does not exist. */
  readonly bootstrap?: boolean;
  /** More certificates to send, so that peers can bootstrap from us. */
  readonly peerCaCertificate?: string;
  readonly protocols?: string;
  /** OpenSSL's names for TLS 1.2. */
  readonly ciphers?: string;
  /** OpenSSL's names for TLS 1.3. */
  readonly ciphersuites?: string;
  /** The name to ask a server for, instead of the target's host. */
  readonly serverName?: string;
}

/** What a connection over TLS needs. */
export interface Identity {
  readonly secure: SecureContextOptions;
  /** Whether the peer's certificate must be signed by the CA. */
  readonly verify: boolean;
  /** The file to write the peer's CA certificate to, since there is none yet. */
  readonly bootstrap: string | undefined;
  readonly serverName: string | undefined;
}

/** The suites of TLS 1.3 stand in the list of ciphers in Node; naming only others would disable TLS 1.3. */
const defaultSuites = (): string[] => DEFAULT_CIPHERS.split(':').filter((name) => name.startsWith('TLS_'));
const defaultCiphers = (): string[] => DEFAULT_CIPHERS.split(':').filter((name) => !name.startsWith('TLS_'));
const defaultProtocols = 'TLSv1.2+';

/** The key, certificates and settings that this program uses for TLS. Files that change are read again. */
export class Credentials {
  #files: TlsFiles;
  #identity: Identity | undefined;
  #stamp = '';

  constructor(files: TlsFiles = {}) {
    this.#files = files;
  }

  /** Uses other files from the next connection on. What is wrong with them is logged now. */
  configure(files: TlsFiles): void {
    this.#files = files;
    if (files.privateKey !== undefined || files.certificate !== undefined) this.#refresh();
  }

  /** Says in the log which of the files cannot be read: they may not be needed for a long time, or at all. */
  inspect(): void {
    const { privateKey, certificate, caCertificate, bootstrap, peerCaCertificate } = this.#files;
    const authority = caCertificate === 'none' || bootstrap === true ? undefined : caCertificate;
    for (const file of [privateKey, certificate, authority, peerCaCertificate]) {
      if (file !== undefined) isReadable(file);
    }
  }

  /**
   * As the files are now. While files that changed do not fit together (one of a pair is being replaced), the last
   * ones that did are used on; the log says so once.
   * @throws SystemError ENOPROTOOPT when something is not configured or cannot be used
   */
  get identity(): Identity {
    this.#refresh();
    if (this.#identity !== undefined) return this.#identity;
    this.#stamp = '';
    throw new SystemError('ENOPROTOOPT');
  }

  #refresh(): void {
    const stamp = this.#stampNow();
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    try {
      this.#identity = loadIdentity(this.#files);
    } catch (error) {
      if (error instanceof SystemError && error.code === 'ENOPROTOOPT') this.#identity = undefined;
      else log.err(systemMessage(error));
    }
  }

  #stampNow(): string {
    const { privateKey, certificate, caCertificate, peerCaCertificate } = this.#files;
    const stamps = [privateKey, certificate, caCertificate, peerCaCertificate].map((file) => {
      const status = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
      return status === undefined ? '' : `${status.ino} ${status.size} ${status.mtimeMs}`;
    });
    return JSON.stringify([this.#files, stamps]);
  }
}

/** @throws SystemError ENOPROTOOPT when something is missing; Error when it cannot be used */
const loadIdentity = (files: TlsFiles): Identity => {
  const { privateKey, certificate, caCertificate, peerCaCertificate, ciphers, ciphersuites, serverName } = files;
  const missing = [
    privateKey === undefined ? 'Private key' : [],
    certificate === undefined ? 'Certificate' : [],
    caCertificate === undefined ? 'CA certificate' : [],
  ].flat();
  for (const what of missing) log.err(`${what} must be configured to use SSL/TLS`);
  if (privateKey === undefined || certificate === undefined || caCertificate === undefined) {
    throw new SystemError('ENOPROTOOPT');
  }
  const verify = caCertificate !== 'none';
  const bootstrap = verify && files.bootstrap === true && !existsSync(caCertificate);
  // Peers that have a CA certificate need no other.
  const extra = peerCaCertificate === undefined || !isReadable(peerCaCertificate) ? '' : read(peerCaCertificate);
  const protocols: ProtocolRange = parseProtocols(files.protocols || defaultProtocols);
  const suites = ciphersuites?.split(':') ?? defaultSuites();
  const secure: SecureContextOptions = {
    key: read(privateKey),
    cert: `${read(certificate)}\n${extra}`,
    ...(verify && !bootstrap && { ca: read(caCertificate) }),
    ciphers: [...suites, ...(ciphers === undefined ? defaultCiphers() : [ciphers])].join(':'),
    ...protocols,
  };
  // Throws when key and certificate do not belong together.
  createSecureContext(secure);
  if (!verify) log.warn('Peer certificate validation disabled (this is a security risk)');
  return {
    secure,
    verify: verify && !bootstrap,
    bootstrap: bootstrap ? caCertificate : undefined,
    serverName,
  };
};

/** Whether this process may read the file; the log tells why it may not. */
const isReadable = (file: string): boolean => {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch (error) {
    log.err(`failed to open ${file} for reading: ${systemMessage(error)}`);
    return false;
  }
};

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${file}: cannot be read for TLS (${systemMessage(error)})`, { cause: error });
  }
};

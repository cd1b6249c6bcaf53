import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { logFor } from './log.ts';
import { errorCode, systemMessage } from './system-error.ts';

const log = logFor('stream_ssl');

/**
 * Trusts the CA certificate that this peer sent: writes it to `file`, from where it is used for the connections to
 * come. This connection has proved nothing and is to be ended.
 * @returns whether there is a CA certificate now
 */
export const bootstrapCaCertificate = (socket: TLSSocket, file: string): boolean => {
  const chain = chainOf(socket);
  const last = chain.at(-1);
  if (last === undefined) {
    log.err('could not bootstrap CA cert: no certificate presented by peer');
    return false;
  }
  if (!last.checkIssued(last)) {
    log.err(`could not bootstrap CA cert: obtained certificate is not self-signed (${last.subject})`);
    if (chain.length < 2) {
      log.err('only one certificate was received, so probably the peer is not configured to send its CA certificate');
    }
    return false;
  }
  return write(last, file);
};

const chainOf = (socket: TLSSocket): X509Certificate[] => {
  const chain: X509Certificate[] = [];
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  // Without a certificate Node returns an empty object, whatever its type says.
  while (certificate?.raw !== undefined) {
    chain.push(new X509Certificate(certificate.raw));
    // A self-signed certificate is its own issuer.
    const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    certificate = issuer === certificate ? undefined : issuer;
  }
  return chain;
};

const write = (certificate: X509Certificate, file: string): boolean => {
  try {
    writeFileSync(file, certificate.toString(), { flag: 'wx', mode: 0o444 });
    log.info(`successfully bootstrapped CA cert to ${file}`);
    log.info(`Trusting CA cert from ${certificate.subject} (fingerprint ${certificate.fingerprint})`);
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') {
      log.err(`could not bootstrap CA cert: creating ${file} failed: ${systemMessage(error)}`);
      return false;
    }
    log.info(`reading CA cert ${file} created by another process`);
    return readFileSync(file).length > 0;
  }
};

import type { TlsFiles } from './credentials.ts';
import type { Option } from './options.ts';

type Writable<T> = { -readonly [name in keyof T]: T[name] };

/** The settings of a program that can use TLS. */
export interface TlsSettings {
  readonly tls: Writable<TlsFiles>;
}

const setting = (
  long: string,
  name: keyof { [key in keyof TlsFiles as TlsFiles[key] extends string | undefined ? key : never]: unknown },
  short?: string,
): Option<TlsSettings> => ({
  long,
  ...(short !== undefined && { short }),
  argument: 'required',
  apply: ({ tls }, value) => {
    tls[name] = value;
  },
});

/** The options for TLS that all programs share (ovsdb(7), "Connection Methods"). */
export const tlsOptions: readonly Option<TlsSettings>[] = [
  setting('private-key', 'privateKey', 'p'),
  setting('certificate', 'certificate', 'c'),
  {
    long: 'ca-cert',
    short: 'C',
    argument: 'required',
    apply: ({ tls }, value) => {
      tls.caCertificate = value;
      tls.bootstrap = false;
    },
  },
  {
    long: 'bootstrap-ca-cert',
    argument: 'required',
    apply: ({ tls }, value) => {
      tls.caCertificate = value;
      tls.bootstrap = true;
    },
  },
  setting('peer-ca-cert', 'peerCaCertificate'),
  setting('ssl-protocols', 'protocols'),
  setting('ssl-ciphers', 'ciphers'),
  setting('ssl-ciphersuites', 'ciphersuites'),
  setting('ssl-server-name', 'serverName'),
];

/** What each does, for a program's help. */
export const tlsDescriptions: ReadonlyMap<string, string> = new Map([
  ['private-key', 'for TLS: the file of the private key'],
  ['certificate', 'for TLS: the file of the certificate'],
  ['ca-cert', "for TLS: the file of the certificate that verifies peers', or none to trust any"],
  ['bootstrap-ca-cert', 'as --ca-cert; a file that does not exist is made from what the first peer shows'],
  ['peer-ca-cert', 'for TLS: a file of certificates to send along, for peers that bootstrap'],
  ['ssl-protocols', 'versions of TLS to use, such as TLSv1.2+'],
  ['ssl-ciphers', 'ciphers to use with TLS 1.2, in the notation of OpenSSL'],
  ['ssl-ciphersuites', 'cipher suites to use with TLS 1.3'],
  ['ssl-server-name', 'the name to ask for when connecting to a server by TLS'],
]);

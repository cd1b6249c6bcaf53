import { defaultSocket } from '../rpc/directories.ts';
import { commands } from './commands.ts';

const optionLines: readonly (readonly [string, string])[] = [
  ['-t, --timeout=SECONDS', 'end after that time, by SIGALRM'],
  ['-f, --format=FORMAT', 'print tables as table, list, html, csv or json'],
  ['-d, --data=FORMAT', 'print values as string, bare or json'],
  ['--no-headings', 'print no headings'],
  ['--pretty', 'print JSON for people'],
  ['--bare', 'the same as --format=list --data=bare --no-headings'],
  ['--max-column-width=BYTES', 'cut off what is wider, in the format table'],
  ['--timestamp', 'print the time above what a monitor prints'],
  ['--force', 'restore also to a database of another schema'],
  ['--db-change-aware', 'fail if the server does not tell when a database goes'],
  ['--no-db-change-aware', 'do not ask for that'],
  ['--leader-only', 'for clusters; every server is taken'],
  ['--no-leader-only', 'the same'],
  ['-p, --private-key=FILE', 'the key for ssl:'],
  ['-c, --certificate=FILE', 'the certificate for ssl:'],
  ['-C, --ca-cert=FILE', "who signed the server's certificate"],
  ['--bootstrap-ca-cert=FILE', 'the same, taken from the server if the file is missing'],
  ['--peer-ca-cert=FILE', 'certificates to send along'],
  ['--ssl-protocols=PROTOCOLS', 'the versions of TLS to use'],
  ['--ssl-ciphers=CIPHERS', 'the ciphers of TLS 1.2 to use'],
  ['--ssl-ciphersuites=SUITES', 'the ciphers of TLS 1.3 to use'],
  ['--ssl-server-name=NAME', 'the name to ask the server for'],
  ['--detach', 'go on in the background'],
  ['--monitor', 'with --detach, start again after a crash'],
  ['--no-chdir', 'with --detach, stay in the current folder'],
  ['--user=USER[:GROUP]', 'run as that user'],
  ['--no-self-confinement', 'no effect'],
  ['--pidfile[=FILE]', 'write the process id to a file'],
  ['--overwrite-pidfile', 'also if another process has the file'],
  ['-v, --verbose[=SPEC]', 'what to log'],
  ['--log-file[=FILE]', 'log to a file'],
  ['--syslog-method=METHOD', 'how to reach syslog'],
  ['--syslog-target=HOST:PORT', 'log to syslog by UDP'],
  ['-h, --help', 'print this help'],
  ['-V, --version', 'print the version'],
];

/** What --help prints. */
export const help = (): string =>
  [
    'ovsdb-client: asks and watches OVSDB servers\n',
    'usage: ovsdb-client [OPTIONS] COMMAND [ARG...]\n\nCommands:\n',
    ...commands.map(({ name, usage, about }) => `  ${name} ${usage}\n      ${about}\n`),
    `\nThe default SERVER is unix:${defaultSocket()}.\n`,
    'The default DATABASE is Open_vSwitch, or else the only one.\n\nOptions:\n',
    ...optionLines.map(([option, about]) => `  ${option.padEnd(28)} ${about}\n`),
  ].join('');

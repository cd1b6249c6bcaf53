import { Help } from 'commander';
import { defaultSocket } from '../rpc/directories.ts';
import type { Command } from './command.ts';
import { commandGroups, commands } from './commands.ts';
import { globalOptions } from './options.ts';

/** What fits a screen is for those that are used most. */
const frequent = [
  'show',
  'list-br',
  'add-br',
  'del-br',
  'list-ports',
  'add-port',
  'del-port',
  'add-bond',
  'list',
  'find',
  'get',
  'set',
];

/** Each option's value, if it takes one, and what it does. */
const optionTexts: ReadonlyMap<string, readonly [value: string, about: string]> = new Map([
  ['db', ['SERVER', 'the database server; several, with commas between']],
  ['no-syslog', ['', 'do not tell syslog about this command line']],
  ['no-wait', ['', 'do not wait for the switch to apply the changes']],
  ['dry-run', ['', 'change nothing']],
  ['oneline', ['', 'print the output of each command on one line']],
  ['timeout', ['SECONDS', 'end after that time, by SIGALRM']],
  ['retry', ['', 'try to connect until a server answers']],
  ['help', ['', 'print this help']],
  ['commands', ['', 'print all commands, for programs to read']],
  ['options', ['', 'print all options, for programs to read']],
  ['leader-only', ['', 'of a cluster take the leader only, as is usual']],
  ['no-leader-only', ['', 'take any server of a cluster']],
  ['shuffle-remotes', ['', 'try servers in any order, as is usual']],
  ['no-shuffle-remotes', ['', 'try servers in the order in which they stand']],
  ['version', ['', 'print the version, and that of the schema']],
  ['verbose', ['SPEC', 'what to log']],
  ['log-file', ['FILE', 'log to a file']],
  ['syslog-method', ['METHOD', 'how to reach syslog']],
  ['syslog-target', ['HOST:PORT', 'log to syslog by UDP']],
  ['format', ['FORMAT', 'print tables as list, table, html, csv or json']],
  ['data', ['FORMAT', 'print values as string, bare or json']],
  ['no-headings', ['', 'print no headings']],
  ['pretty', ['', 'print JSON for people']],
  ['bare', ['', '--format=list --data=bare --no-headings']],
  ['max-column-width', ['BYTES', 'cut off what is wider, in the format table']],
  ['private-key', ['FILE', 'the key for ssl:']],
  ['certificate', ['FILE', 'the certificate for ssl:']],
  ['ca-cert', ['FILE', "who signed the server's certificate"]],
  ['bootstrap-ca-cert', ['FILE', 'the same, taken from the server if missing']],
  ['peer-ca-cert', ['FILE', 'certificates to send along']],
  ['ssl-protocols', ['PROTOCOLS', 'the versions of TLS to use']],
  ['ssl-ciphers', ['CIPHERS', 'the ciphers of TLS 1.2 to use']],
  ['ssl-ciphersuites', ['SUITES', 'the ciphers of TLS 1.3 to use']],
  ['ssl-server-name', ['NAME', 'the name to ask the server for']],
]);

/** The values of the commands' options that take one. */
const commandOptionValues: ReadonlyMap<string, string> = new Map([
  ['--columns=', 'COLUMN[,COLUMN]...'],
  ['--filter=', 'TABLE(TEXT)'],
  ['--id=', '@NAME'],
  ['--inactivity-probe=', 'MSECS'],
]);

const helper = new Help();
/** What fits beside its description; a longer term has the line to itself. */
const termWidth = 27;

const item = (term: string, about: string): string =>
  term.length <= termWidth
    ? helper.formatItem(term, termWidth, about, helper)
    : `  ${term}\n${helper.formatItem('', termWidth, about, helper)}`;

const section = (title: string, items: readonly string[]): string =>
  helper.formatItemList(title, [...items], helper).join('\n');

/** @param options whether to show them too */
const commandItem = ({ name, usage, synopsis = usage, about, options }: Command, withOptions: boolean): string => {
  const shown = withOptions ? options.map((option) => `[${option}${commandOptionValues.get(option) ?? ''}]`) : [];
  return item([...shown, name, synopsis].join(' ').trim(), about);
};

const optionItem = ({ name, short, argument }: (typeof globalOptions)[number]): string => {
  const [value = '', about = ''] = optionTexts.get(name) ?? [];
  const long =
    argument === 'none' ? `--${name}` : argument === 'required' ? `--${name}=${value}` : `--${name}[=${value}]`;
  return item(short === undefined ? long : `-${short}, ${long}`, about);
};

const firstScreen = (): string => {
  const shown = frequent.flatMap((name) => commands.get(name) ?? []).map((command) => commandItem(command, false));
  return `ovs-vsctl: asks and changes the configuration of a virtual switch
usage: ovs-vsctl [OPTIONS] COMMAND [ARG...] [-- COMMAND [ARG...]]...

${section('Used most:', shown)}
Commands with -- between them are done all, or none. All commands, and options:
`;
};

/** What `--help` prints: what fits a screen, then all there is. */
export const helpText = (): string => {
  const groups = commandGroups.map(({ title, commands: group }) =>
    section(
      `${title}:`,
      group.map((command) => commandItem(command, true)),
    ),
  );
  return [
    firstScreen(),
    ...groups,
    section('Options:', globalOptions.map(optionItem)),
    `The default SERVER is unix:${defaultSocket()}. See ovs-vsctl(8).\n`,
  ].join('\n');
};

import { defaultSocket } from '../rpc/directories.ts';

import { type LogSettings, logOptions } from '../rpc/log-options.ts';
import { isDataStyle, isFormat, type TableStyle } from '../rpc/table.ts';
import { type TlsSettings, tlsOptions } from '../rpc/tls-options.ts';
import type { Option } from './argv.ts';
import type { Command } from './command.ts';
import { CommandFailure } from './failure.ts';
import { getopt, type OptionSpec } from './getopt.ts';
import type { Remotes } from './remotes.ts';
import { databaseName } from './switch-schema.ts';

/** What the options before the first command say. */
export interface Options {
  readonly remotes: Remotes;
  /** Whether to wait for the switch to apply the changes. */
  readonly wait: boolean;
  readonly dryRun: boolean;
  readonly oneLine: boolean;
  /** Seconds after which to give up. */
  readonly timeout: number | undefined;
  readonly style: TableStyle;
  readonly tls: TlsSettings['tls'];
  readonly log: LogSettings['log'];
  /** Whether syslog is told of every command line that may change something. */
  readonly syslog: boolean;
  /** Prints that instead of running commands. */
  readonly instead: 'help' | 'version' | 'commands' | 'options' | undefined;
}

type Settings = { -readonly [name in keyof Options]: Options[name] };
type Setter = (settings: Settings, value: string) => void;

interface GlobalOption extends OptionSpec {
  readonly set: Setter;
}

const flag = (name: string, set: Setter): GlobalOption => ({ name, argument: 'none', set });
const valued = (name: string, set: Setter, short?: string): GlobalOption => ({
  name,
  argument: 'required',
  set,
  ...(short !== undefined && { short }),
});
const instead = (name: NonNullable<Options['instead']>, short?: string): GlobalOption => ({
  name,
  argument: 'none',
  set: (settings) => {
    settings.instead ??= name;
  },
  ...(short !== undefined && { short }),
});
const styled = (settings: Settings, style: Partial<TableStyle>): void => {
  settings.style = { ...settings.style, ...style };
};

const reach = (settings: Settings, remotes: Partial<Remotes>): void => {
  settings.remotes = { ...settings.remotes, ...remotes };
};

const forTls = ({ long, short, apply }: (typeof tlsOptions)[number]): GlobalOption => valued(long, apply, short);

const forLog = ({ long, short, argument, apply }: ReturnType<typeof logOptions>[number]): GlobalOption => ({
  name: long,
  argument: argument ?? 'none',
  set: apply,
  ...(short !== undefined && { short }),
});

/** In the order in which `--options` lists them. */
export const globalOptions: readonly GlobalOption[] = [
  valued('db', (settings, value) => {
    reach(settings, { targets: value });
  }),
  flag('no-syslog', (settings) => {
    settings.syslog = false;
  }),
  flag('no-wait', (settings) => {
    settings.wait = false;
  }),
  flag('dry-run', (settings) => {
    settings.dryRun = true;
  }),
  flag('oneline', (settings) => {
    settings.oneLine = true;
  }),
  valued('timeout', (settings, value) => setTimeoutOption(settings, value), 't'),
  flag('retry', (settings) => {
    reach(settings, { retry: true });
  }),
  instead('help', 'h'),
  instead('commands'),
  instead('options'),
  flag('leader-only', (settings) => reach(settings, { leaderOnly: true })),
  flag('no-leader-only', (settings) => reach(settings, { leaderOnly: false })),
  flag('shuffle-remotes', (settings) => reach(settings, { shuffle: true })),
  flag('no-shuffle-remotes', (settings) => reach(settings, { shuffle: false })),
  instead('version', 'V'),
  ...logOptions('ovs-vsctl').map(forLog),
  valued('format', (settings, value) => setFormat(settings, value), 'f'),
  valued('data', (settings, value) => setData(settings, value), 'd'),
  flag('no-headings', (settings) => styled(settings, { headings: false })),
  flag('pretty', (settings) => styled(settings, { pretty: true })),
  flag('bare', (settings) => styled(settings, { format: 'list', data: 'bare', headings: false })),
  valued('max-column-width', (settings, value) =>
    styled(settings, { maxColumnWidth: Number.parseInt(value, 10) || 0 }),
  ),
  ...[
    'private-key',
    'certificate',
    'ca-cert',
    'ssl-protocols',
    'ssl-ciphers',
    'ssl-ciphersuites',
    'ssl-server-name',
    'bootstrap-ca-cert',
    'peer-ca-cert',
  ].flatMap((name) => tlsOptions.filter(({ long }) => long === name).map(forTls)),
];

const setTimeoutOption = (settings: Settings, value: string): void => {
  if (!/^\s*\+?\d+$/.test(value) || Number(value) === 0 || Number(value) > 0xffffffff) {
    throw new CommandFailure(`value ${value} on -t or --timeout is invalid`);
  }
  settings.timeout = Number(value);
};

const setFormat = (settings: Settings, value: string): void => {
  if (!isFormat(value)) throw new CommandFailure(`unknown output format "${value}"`);
  styled(settings, { format: value });
};

const setData = (settings: Settings, value: string): void => {
  if (!isDataStyle(value)) throw new CommandFailure(`unknown data format "${value}"`);
  styled(settings, { data: value });
};

const defaults = (env: NodeJS.ProcessEnv): Settings => {
  const timeout = Number(env.OVS_CTL_TIMEOUT);
  return {
    remotes: {
      targets: `unix:${defaultSocket()}`,
      database: databaseName,
      leaderOnly: true,
      shuffle: true,
      retry: false,
    },
    wait: true,
    dryRun: false,
    oneLine: false,
    timeout: Number.isInteger(timeout) && timeout > 0 ? timeout : undefined,
    style: { format: 'list', data: 'string', headings: true, pretty: false, maxColumnWidth: 0 },
    tls: {},
    log: { verbose: [] },
    syslog: true,
    instead: undefined,
  };
};

/**
 * Reads the options before the first command. Options of the first command may stand among them.
 * @throws CommandFailure
 */
export const parseOptions = (
  words: readonly string[],
  commands: ReadonlyMap<string, Command>,
  env: NodeJS.ProcessEnv,
): { options: Options; commandOptions: Option[]; rest: string[] } => {
  const settings = defaults(env);
  const specs = [...globalOptions, ...commandOptionSpecs(commands)];
  const { given, rest } = getopt(words, specs);
  const commandOptions: Option[] = [];
  for (const { spec, value } of given) {
    const option = globalOptions.find((each) => each === spec);
    if (option !== undefined) option.set(settings, value ?? '');
    else commandOptions.push({ name: `--${spec.name}`, value });
  }
  return { options: settings, commandOptions, rest };
};

const commandOptionSpecs = (commands: ReadonlyMap<string, Command>): OptionSpec[] => {
  const names = new Set<string>();
  for (const { options } of commands.values()) for (const option of options) names.add(option);
  return [...names].map((option) => ({
    name: option.replace(/^--|=$/g, ''),
    argument: option.endsWith('=') ? 'required' : 'none',
    isOfCommand: true,
  }));
};

import { parseSeconds } from '../rpc/delay.ts';
import { type LogSettings, logOptions } from '../rpc/log-options.ts';
import { type Option, UsageError } from '../rpc/options.ts';

export const programName = 'ovs-appctl';

export const formats = ['text', 'json'] as const;
export type Format = (typeof formats)[number];
const isFormat = (word: string): word is Format => formats.some((format) => format === word);

/** What the options of ovs-appctl say. */
export interface Settings extends LogSettings {
  target: string;
  /** In seconds. */
  timeout: number | undefined;
  format: Format;
  pretty: boolean;
  /** Asked for instead of a command. */
  show: 'help' | 'version' | undefined;
}

export const defaultSettings = ({ OVS_CTL_TIMEOUT: timeout }: NodeJS.ProcessEnv): Settings => ({
  target: 'ovs-vswitchd',
  // What is no number of seconds means nothing there.
  timeout: parseSeconds(timeout),
  format: 'text',
  pretty: false,
  show: undefined,
  log: { verbose: [] },
});

const parseTimeout = (text: string): number => {
  const seconds = parseSeconds(text);
  if (seconds === undefined) throw new UsageError(`value ${text} on -T or --timeout is invalid`);
  return seconds;
};

/** The options of ovs-appctl(8). */
export const options: readonly Option<Settings>[] = [
  {
    long: 'target',
    short: 't',
    argument: 'required',
    apply: (settings, target) => {
      settings.target = target;
    },
  },
  {
    long: 'timeout',
    short: 'T',
    argument: 'required',
    apply: (settings, text) => {
      settings.timeout = parseTimeout(text);
    },
  },
  {
    long: 'format',
    short: 'f',
    argument: 'required',
    apply: (settings, format) => {
      if (!isFormat(format)) throw new UsageError(`value ${format} on -f or --format is invalid`);
      settings.format = format;
    },
  },
  {
    long: 'pretty',
    apply: (settings) => {
      settings.pretty = true;
    },
  },
  ...logOptions(programName),
  // Of no effect for long, and still in scripts: what follows is the command in any case.
  { long: 'execute', short: 'e', apply: () => {} },
  {
    long: 'help',
    short: 'h',
    apply: (settings) => {
      settings.show = 'help';
    },
  },
  {
    long: 'version',
    short: 'V',
    apply: (settings) => {
      settings.show = 'version';
    },
  },
];

export const help = `ovs-appctl: gives commands to running Open vSwitch daemons
usage: ovs-appctl [OPTION...] COMMAND [ARG...]

Options:
  -t, --target=TARGET  the daemon: its name, or the path of its control socket
                       (default: ovs-vswitchd)
  -T, --timeout=SECS   give up after that many seconds
  -f, --format=FORMAT  print answers as text (the default) or as json
  --pretty             indent json
  -v, --verbose[=SPEC] what to log: [MODULE][:DESTINATION[:LEVEL]]
  --log-file[=FILE], --syslog-method=METHOD, --syslog-target=HOST:PORT
                       where to log, as the daemons do
  -h, --help           print this help
  -V, --version        print the version

Commands that all daemons take:
  list-commands        the daemon's commands
  version              the daemon's version
  vlog/list            its modules, and what each logs
  vlog/list-pattern    how it lays out messages
  vlog/set SPEC...     what it is to log: a module, a destination (syslog,
                       console, file) and a level (off, emer, err, warn, info,
                       dbg), in any order
  vlog/reopen          open the log file again, after it was moved
  vlog/close           close the log file
`;

import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { directories, runPath } from './directories.ts';
import { parseSyslogMethod } from './syslog.ts';

/** How a daemon runs as a process, as its options say. */
export interface DaemonOptions {
  readonly detach?: true;
  readonly monitor?: true;
  readonly chdir: boolean;
  /** Absolute. */
  readonly pidfile?: string;
  readonly overwritePidfile?: true;
  /** USER[:GROUP] */
  readonly user?: string;
  /** Absolute; or `none`. */
  readonly unixctl?: string;
  readonly run?: string;
}

/** What a program logs and where to, as its options say. */
export interface LogOptions {
  readonly verbose: readonly string[];
  /** Absolute. */
  readonly logFile?: string;
  readonly syslogMethod?: string;
  readonly syslogTarget?: string;
}

/** Adds the options that all daemons take: for their process, their control socket and their log. */
export const addDaemonOptions = (command: Command): void => {
  for (const add of [addProcessOptions, addControlOption, addLogOptions]) add(command);
};

/** ovsdb-server(1), "Daemon Options" */
const addProcessOptions = (command: Command): Command =>
  command
    .option('--detach', 'run in the background; return when the daemon serves')
    .option('--monitor', 'run under a process that starts the daemon again when it crashed')
    .option('--user <user[:group]>', 'run as that user and group')
    .option('--no-chdir', 'do not change to the root directory when running in the background')
    .option('--no-self-confinement', 'accepted: this program may use files anywhere')
    .addOption(
      new Option(
        '--pidfile [file]',
        `write the process id to a file (default: ${runPath(`${command.name()}.pid`)})`,
      ).argParser((file) => runPath(file || `${command.name()}.pid`)),
    )
    .option('--overwrite-pidfile', 'with --pidfile, start even if another process holds the file');

const addControlOption = (command: Command): Command =>
  command.addOption(
    new Option('--unixctl <socket>', 'the control socket, or "none"').argParser((path) =>
      path === 'none' ? path : runPath(path),
    ),
  );

const collect = (spec: string, specs: readonly string[] = []): string[] => [...specs, spec];

/** ovsdb-server(1), "Logging Options" */
const addLogOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('-v, --verbose [spec]', 'set levels of the log: [MODULE][:DESTINATION[:LEVEL]]')
        .argParser<string[]>(collect)
        .default([], 'info'),
    )
    .addOption(
      new Option('--log-file [file]', `log to a file (default: ${defaultLogFile(command.name())})`).argParser((file) =>
        file ? resolve(file) : defaultLogFile(command.name()),
      ),
    )
    .addOption(
      new Option('--syslog-method <method>', 'how to reach syslog: libc, unix:FILE, udp:IP:PORT or null').argParser(
        (method) => {
          parsed(() => parseSyslogMethod(method));
          return method;
        },
      ),
    )
    .option('--syslog-target <host:port>', 'also send messages to syslog by UDP (deprecated: use --syslog-method)');

const defaultLogFile = (program: string): string => resolve(directories().log, `${program}.log`);

const parsed = <Value>(parse: () => Value): Value => {
  try {
    return parse();
  } catch (error) {
    throw error instanceof SyntaxError ? new InvalidArgumentError(error.message) : error;
  }
};

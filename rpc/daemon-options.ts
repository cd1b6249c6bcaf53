import type { Command } from 'commander';
import { runPath } from './directories.ts';
import { defaultLogFile, type LogSettings, logOptions, type ProcessSettings, processOptions } from './log-options.ts';
import type { Option } from './options.ts';
import { addOptions, type Description } from './program.ts';

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
}

/** What a program logs and where to, as its options say. */
export interface LogOptions {
  readonly verbose: readonly string[];
  /** Absolute. */
  readonly logFile?: string;
  readonly syslogMethod?: string;
  readonly syslogTarget?: string;
}

export interface DaemonSettings extends LogSettings, ProcessSettings {}

/** The control socket of a daemon; those of other programs are named by their commands. */
const controlOption: Option<ProcessSettings> = {
  long: 'unixctl',
  argument: 'required',
  apply: ({ process }, path) => {
    process.unixctl = path === 'none' ? path : runPath(path);
  },
};

const descriptionsFor = (name: string): ReadonlyMap<string, Description> =>
  new Map<string, Description>([
    ['detach', 'run in the background; return when the daemon serves'],
    ['monitor', 'run under a process that starts the daemon again when it crashed'],
    ['user', ['run as that user and group', 'user[:group]']],
    ['no-chdir', 'do not change to the root directory when running in the background'],
    ['no-self-confinement', 'accepted: this program may use files anywhere'],
    ['pidfile', [`write the process id to a file (default: ${runPath(`${name}.pid`)})`, 'file']],
    ['overwrite-pidfile', 'with --pidfile, start even if another process holds the file'],
    ['unixctl', ['the control socket, or "none"', 'socket']],
    ['verbose', ['set levels of the log: [MODULE][:DESTINATION[:LEVEL]] (default: info)', 'spec']],
    ['log-file', [`log to a file (default: ${defaultLogFile(name)})`, 'file']],
    ['syslog-method', ['how to reach syslog: libc, unix:FILE, udp:IP:PORT or null', 'method']],
    ['syslog-target', ['also send messages to syslog by UDP (deprecated: use --syslog-method)', 'host:port']],
  ]);

/**
 * Adds the options that all daemons take: for their process (ovsdb-server(1), "Daemon Options"), their control socket
 * and their log ("Logging Options").
 * @returns what they say; filled in as the command line is read
 */
export const addDaemonOptions = (program: Command): DaemonSettings => {
  const name = program.name();
  const settings: DaemonSettings = { log: { verbose: [] }, process: { chdir: true } };
  const options: readonly Option<DaemonSettings>[] = [...processOptions(name), controlOption, ...logOptions(name)];
  addOptions(program, options, settings, descriptionsFor(name));
  return settings;
};

import { resolve } from 'node:path';
import type { DaemonOptions, LogOptions } from './daemon-options.ts';
import { directories, runPath } from './directories.ts';
import type { Option } from './options.ts';

type Writable<T> = { -readonly [name in keyof T]: T[name] };

/** The settings of a program that logs. */
export interface LogSettings {
  readonly log: Omit<Writable<LogOptions>, 'verbose'> & { readonly verbose: string[] };
}

/** Where a program logs to when --log-file names no file. */
export const defaultLogFile = (program: string): string => resolve(directories().log, `${program}.log`);

/** The options that say what a program logs, and where to (ovs-vsctl(8), "Logging options"). */
export const logOptions = (program: string): readonly Option<LogSettings>[] => [
  { long: 'verbose', short: 'v', argument: 'optional', apply: ({ log }, spec) => log.verbose.push(spec) },
  {
    long: 'log-file',
    argument: 'optional',
    apply: ({ log }, file) => {
      log.logFile = file ? resolve(file) : defaultLogFile(program);
    },
  },
  {
    long: 'syslog-method',
    argument: 'required',
    apply: ({ log }, method) => {
      log.syslogMethod = method;
    },
  },
  {
    long: 'syslog-target',
    argument: 'required',
    apply: ({ log }, target) => {
      log.syslogTarget = target;
    },
  },
];

/** The settings of a program that can run in the background. */
export interface ProcessSettings {
  readonly process: Writable<DaemonOptions>;
}

/** The options that say how a program runs as a process (ovsdb-server(1), "Daemon Options"). */
export const processOptions = (program: string): readonly Option<ProcessSettings>[] => [
  {
    long: 'detach',
    apply: ({ process }) => {
      process.detach = true;
    },
  },
  // For systems that have a way to confine programs: these confine themselves to nothing.
  { long: 'no-self-confinement', apply: () => {} },
  {
    long: 'no-chdir',
    apply: ({ process }) => {
      process.chdir = false;
    },
  },
  {
    long: 'pidfile',
    argument: 'optional',
    apply: ({ process }, file) => {
      process.pidfile = runPath(file || `${program}.pid`);
    },
  },
  {
    long: 'overwrite-pidfile',
    apply: ({ process }) => {
      process.overwritePidfile = true;
    },
  },
  {
    long: 'monitor',
    apply: ({ process }) => {
      process.monitor = true;
    },
  },
  {
    long: 'user',
    argument: 'required',
    apply: ({ process }, user) => {
      process.user = user;
    },
  },
];

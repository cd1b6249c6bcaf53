import { type Command, CommandError, plainCommand, unlimited } from './command.ts';
import { type LogModule, logFor, logModules } from './log.ts';
import {
  closeLogFile,
  destinations,
  isLogFileOpen,
  logFile,
  logFileIsCurrent,
  logPattern,
  openLogFile,
  syslogPrefix,
} from './log-destination.ts';
import { applyLogSpec, findModule, LogSpecError } from './log-spec.ts';
import { systemMessage } from './system-error.ts';

const log = logFor('vlog');

/** Opens the log file, and says so in it. @throws the system's error */
export const startLogFile = (path: string): void => {
  try {
    if (isLogFileOpen()) log.info('closing log file');
    openLogFile(path);
  } catch (error) {
    log.warn(`failed to open ${path} for logging: ${systemMessage(error)}`);
    throw error;
  }
  log.info(`opened log file ${path}`);
};

const list = (): string => {
  const lines = logModules().map(({ name, levels, limited }) => {
    const [console = '', syslog = '', file = ''] = destinations.map((each) => level(levels.get(each)));
    const note = limited ? '' : '    (rate limiting disabled)';
    return `${name.padEnd(16)}  ${console}       ${syslog}       ${file}${note}\n`;
  });
  const heading = '                 console    syslog    file\n                 -------    ------    ------\n';
  return heading + lines.join('');
};

const level = (word = 'off'): string => word.toUpperCase().padStart(4);

const listPatterns = (): string => {
  const line = (name: string, prefix: string, format: string) => `${name.padEnd(8)} ${prefix.padEnd(33)} ${format}\n`;
  return [
    '         prefix                            format\n',
    '         ------                            ------\n',
    line('SYSLOG', syslogPrefix(), logPattern('syslog')),
    line('CONSOLE', 'none', logPattern('console')),
    line('FILE', 'none', logPattern('file')),
  ].join('');
};

const set = (specs: readonly string[]): string => {
  try {
    for (const spec of specs) applyLogSpec(spec);
    return '';
  } catch (error) {
    throw error instanceof LogSpecError ? new CommandError(error.message) : error;
  }
};

/** After log rotation: what is at the path of the log file now is written from here on. */
const reopen = (): string => {
  const path = logFile();
  if (path === undefined) throw new CommandError('Logging to file not configured');
  if (logFileIsCurrent()) return '';
  try {
    startLogFile(path);
    return '';
  } catch (error) {
    throw new CommandError(systemMessage(error));
  }
};

const close = (): string => {
  closeLogFile();
  return '';
};

const limit =
  (limited: boolean) =>
  (names: readonly string[]): string => {
    const modules = names.length === 0 ? logModules() : names.map(moduleNamed);
    for (const module of modules) module.limited = limited;
    return '';
  };

const moduleNamed = (name: string): LogModule => {
  const module = findModule(name);
  if (module === undefined) throw new CommandError('unknown module');
  return module;
};

/** The commands that steer the log, of every daemon. */
export const vlogCommands: readonly Command[] = [
  { name: 'vlog/set', usage: '{spec | PATTERN:destination:pattern}', min: 0, max: unlimited, run: set },
  plainCommand('vlog/list', list),
  plainCommand('vlog/list-pattern', listPatterns),
  { name: 'vlog/enable-rate-limit', usage: '[module]...', min: 0, max: unlimited, run: limit(true) },
  { name: 'vlog/disable-rate-limit', usage: '[module]...', min: 0, max: unlimited, run: limit(false) },
  plainCommand('vlog/close', close),
  plainCommand('vlog/reopen', reopen),
];

import type { LogOptions } from './daemon-options.ts';
import { logFor } from './log.ts';
import { setLogSource, setSyslogger, setSyslogTarget } from './log-destination.ts';
import { applyLogSpec, LogSpecError } from './log-spec.ts';
import { parseSyslogMethod, type Syslogger, udpSender } from './syslog.ts';
import { startLogFile } from './vlog-commands.ts';

/** The log cannot go where the options say. The message is empty when the log itself has told why. */
export class LogPlaceError extends Error {}

const log = logFor('vlog');
const socketLog = logFor('socket_util');

/**
 * Sets the levels that the options ask for.
 * @throws LogSpecError
 */
export const applyLogLevels = ({ verbose }: LogOptions): void => {
  for (const spec of verbose) {
    try {
      applyLogSpec(spec);
    } catch (error) {
      throw error instanceof LogSpecError ? new LogSpecError(`processing "${spec}": ${error.message}`) : error;
    }
  }
};

/**
 * Opens the destinations of the log.
 * @throws LogPlaceError
 */
export const openLog = (program: string, options: LogOptions): void => {
  setLogSource({ program, subprogram: '' });
  openSyslog(options);
  if (options.logFile === undefined) return;
  try {
    startLogFile(options.logFile);
  } catch (cause) {
    throw new LogPlaceError('', { cause });
  }
};

/** Where syslog is, unless options say: OVS_SYSLOG_METHOD, or the system's. */
const openSyslog = ({ syslogMethod, syslogTarget }: LogOptions): void => {
  setSyslogger(syslogMethodOf(syslogMethod ?? (process.env.OVS_SYSLOG_METHOD || 'libc')));
  if (syslogTarget === undefined) return;
  try {
    setSyslogTarget(udpSender(syslogTarget));
    log.warn('--syslog-target flag is deprecated, use --syslog-method instead');
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    socketLog.err(error.message);
  }
};

const syslogMethodOf = (text: string): Syslogger => {
  try {
    return parseSyslogMethod(text);
  } catch (error) {
    throw error instanceof SyntaxError ? new LogPlaceError(error.message, { cause: error }) : error;
  }
};

import type { LogOptions } from './daemon-options.ts';
import { logFor } from './log.ts';
import { setLogSource, setSyslogger, setSyslogTarget } from './log-destination.ts';
import { applyLogSpec, LogSpecError } from './log-spec.ts';
import { parseSyslogMethod, udpSender } from './syslog.ts';
import { startLogFile } from './vlog-commands.ts';

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
 * @throws the system's error when the log file cannot be opened, which the log has told then
 */
export const openLog = (program: string, options: LogOptions): void => {
  setLogSource({ program, subprogram: '' });
  openSyslog(options);
  if (options.logFile !== undefined) startLogFile(options.logFile);
};

/** Where syslog is, unless options say: OVS_SYSLOG_METHOD, or the system's. */
const openSyslog = ({ syslogMethod, syslogTarget }: LogOptions): void => {
  setSyslogger(parseSyslogMethod(syslogMethod ?? (process.env.OVS_SYSLOG_METHOD || 'libc')));
  if (syslogTarget === undefined) return;
  try {
    setSyslogTarget(udpSender(syslogTarget));
    log.warn('--syslog-target flag is deprecated, use --syslog-method instead');
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    socketLog.err(error.message);
  }
};

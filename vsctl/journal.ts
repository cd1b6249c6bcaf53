import { existsSync } from 'node:fs';
import { logFor, logModule, setLevels } from '../rpc/log.ts';
import { CommandFailure } from './failure.ts';
import type { LogChoices, Terminal } from './terminal.ts';

/** Where the C library finds the system's log. */
const systemLog = '/dev/log';

/** The program's own module: it logs the command line. */
const own = 'vsctl';

export const journal: Terminal['log'] = (level, module, message) => logFor(module)[level](message);

/**
 * Warnings go to the terminal, and to syslog what happened as well, unless the options say otherwise. What writes to
 * syslog and files is loaded only where there is one to write to.
 * @throws CommandFailure when the options cannot be understood
 */
export const openJournal = async ({ log, syslog }: LogChoices): Promise<void> => {
  setLevels(undefined, 'console', 'warn');
  if (!syslog) setLevels(logModule(own), 'syslog', 'warn');
  const { verbose, ...places } = log;
  if (verbose.length === 0 && Object.keys(places).length === 0 && !existsSync(systemLog)) return;
  const [{ applyLogLevels, LogPlaceError, openLog }, { LogSpecError }] = await Promise.all([
    import('../rpc/log-start.ts'),
    import('../rpc/log-spec.ts'),
  ]);
  try {
    applyLogLevels(log);
    openLog('ovs-vsctl', log);
  } catch (error) {
    if (error instanceof LogSpecError || error instanceof LogPlaceError) throw new CommandFailure(error.message);
    throw error;
  }
};

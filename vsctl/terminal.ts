import { afterSeconds } from '../rpc/delay.ts';
import type { LogSettings } from '../rpc/log-options.ts';

export interface LogChoices {
  readonly log: LogSettings['log'];
  /** False if the command line is not to be told to syslog. */
  readonly syslog: boolean;
}

/** Where a run of the program prints and logs to, and what it takes from its surroundings. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  /** Whether errors are read by a person. */
  readonly interactive: boolean;
  print(text: string): void;
  printError(text: string): void;
  log(level: 'warn' | 'info' | 'dbg', module: string, message: string): void;
  /** Sets the log up as the options say, before anything is logged. */
  openLog(choices: LogChoices): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** Ends the program, when that many seconds have passed, as the alarm clock would: its exit status says so. */
export const dieAfter = (seconds: number, terminal: Terminal): void => {
  const die = () => {
    terminal.log('warn', 'fatal_signal', 'terminating with signal 14 (Alarm clock)');
    terminal.kill('SIGALRM');
  };
  afterSeconds(seconds, die);
};

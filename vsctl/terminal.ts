import type { Warn } from './context.ts';

/** Where a run of the program prints to, and what it takes from its surroundings. */
export class Terminal {
  readonly env: NodeJS.ProcessEnv;
  readonly print: (text: string) => void;
  readonly #printError: (text: string) => void;
  readonly #kill: (signal: NodeJS.Signals) => void;
  #sequence = 0;

  constructor(
    env: NodeJS.ProcessEnv,
    print: (text: string) => void,
    printError: (text: string) => void,
    kill: (signal: NodeJS.Signals) => void,
  ) {
    this.env = env;
    this.print = print;
    this.#printError = printError;
    this.#kill = kill;
  }

  /** Counts a message that does not go to the terminal: messages are numbered over all places that they go to. */
  countMessage(): void {
    this.#sequence++;
  }

  /** Prints a warning, in the form of Open vSwitch's log. */
  readonly warn: Warn = (module, message) => {
    const time = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    this.#printError(`${time}|${String(++this.#sequence).padStart(5, '0')}|${module}|WARN|${message}\n`);
  };

  complain(message: string): void {
    this.#printError(`ovs-vsctl: ${message}\n`);
  }

  /** Ends the program, when that many seconds have passed, as the alarm clock would: its exit status says so. */
  dieAfter(seconds: number): void {
    const die = () => {
      this.warn('fatal_signal', 'terminating with signal 14 (Alarm clock)');
      this.#kill('SIGALRM');
    };
    // The longest delay that a timer takes; it is more than three weeks.
    setTimeout(die, Math.min(seconds * 1000, 2 ** 31 - 1)).unref();
  }
}

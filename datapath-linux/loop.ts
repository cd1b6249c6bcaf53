/** Runs an action one at a time; asking for it while it runs, any number of times, means one more run afterwards. */
import { setImmediate as turn } from 'node:timers/promises';

/** After a failed run, in milliseconds: the first pause, doubled up to the last. */
const minBackoff = 100;
const maxBackoff = 8000;
/** After a run that took some time, runs that can wait do so this many times as long. */
const restFactor = 2;

export class Loop {
  readonly #action: () => Promise<void>;
  readonly #failed: (error: unknown) => void;
  #running: Promise<void> | undefined;
  #wanted = false;
  #stopped = false;
  #restUntil = 0;
  #backoff = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(action: () => Promise<void>, failed: (error: unknown) => void) {
    this.#action = action;
    this.#failed = failed;
  }

  /** Runs when what is happening now has happened, or when the present run is over. */
  now(): void {
    if (this.#stopped) return;
    this.#wanted = true;
    this.#running ??= this.#run();
  }

  /** Runs when the processor had its rest: for what may come as a flood. */
  soon(): void {
    this.#after(Math.max(0, this.#restUntil - performance.now()));
  }

  /** Ends after the present run. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #after(milliseconds: number): void {
    if (this.#stopped || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.now();
    }, milliseconds);
  }

  async #run(): Promise<void> {
    // Messages that came together cause one run.
    await turn();
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      // What was to come later comes now.
      clearTimeout(this.#timer);
      this.#timer = undefined;
      const start = performance.now();
      try {
        await this.#action();
        this.#backoff = 0;
      } catch (error) {
        if (this.#stopped) break;
        this.#failed(error);
        this.#backoff = Math.min(Math.max(this.#backoff * 2, minBackoff), maxBackoff);
        this.#after(this.#backoff);
      }
      const end = performance.now();
      this.#restUntil = end + (end - start) * restFactor;
    }
    this.#running = undefined;
  }
}

import { longestDelay } from './delay.ts';

const shortestInterval = 1000;
/** A timer that is so much late, in ms, tells that the machine was busy with something else. */
const heldUp = 100;

/** The interval in ms that a configured one stands for: 0, for no probes, or a second at least. */
export const probeIntervalOf = (configured: number): number =>
  configured <= 0 ? 0 : Math.max(shortestInterval, configured);

/**
 * Watches that the other side of a connection lives. After `interval` ms of silence it is probed, and when it stays
 * silent for as long again, it counts as dead. Another sign of life makes it alive at any time before.
 */
export class InactivityProbe {
  readonly #probe: (idle: number) => void;
  readonly #dead: (silence: number) => void;
  #interval = 0;
  /** When the other side was last heard, of interest only while there is an interval. */
  #heard = 0;
  #probed: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer is to end. */
  #due = 0;
  /** Whether it was waited longer for an answer, because this program was held up. */
  #extended = false;

  constructor(probe: (idle: number) => void, dead: (silence: number) => void) {
    this.#probe = probe;
    this.#dead = dead;
  }

  /** @param interval in ms; 0 for no probes */
  start(interval: number): void {
    if (interval === this.#interval) return;
    if (this.#interval === 0) this.#heard = performance.now();
    this.#interval = interval;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (interval > 0) this.#wait(interval);
  }

  stop(): void {
    this.start(0);
  }

  /** Whether a probe was sent that nothing has answered yet. */
  get waiting(): boolean {
    return this.#probed !== undefined;
  }

  heard(): void {
    if (this.#interval > 0) this.#heard = performance.now();
    this.#probed = undefined;
  }

  #wait(time: number): void {
    this.#due = performance.now() + time;
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.ceil(time), longestDelay));
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    const silence = now - (this.#probed ?? this.#heard);
    if (silence < this.#interval) {
      this.#wait(this.#interval - silence);
    } else if (this.#probed === undefined) {
      this.#probed = now;
      this.#extended = false;
      this.#wait(this.#interval);
      this.#probe(silence);
    } else if (now - this.#due > heldUp && !this.#extended) {
      // The other side may be on the same machine, and have had no more time than this program.
      this.#extended = true;
      this.#wait(Math.min(now - this.#due, this.#interval));
    } else {
      setImmediate(() => this.#conclude(silence));
    }
  }

  /** When this program itself was held up, what came in meanwhile has been read only now. */
  #conclude(silence: number): void {
    if (this.#interval === 0 || this.#timer !== undefined) return;
    if (this.#probed === undefined) {
      this.#wait(this.#interval);
    } else {
      this.stop();
      this.#dead(silence);
    }
  }
}

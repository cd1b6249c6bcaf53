import { type Command, CommandError, plainCommand } from './command.ts';

/** Events that were counted, by name. */
const counters = new Map<string, Counter>();

/** Rates are told for the last 5 seconds, minute and hour; each is kept in as many slots. */
const slotLengths = [5, 60, 3600] as const;

/** How often something happened, and when. */
class Counter {
  total = 0;
  /** Counts by second, of the last hour. */
  readonly #seconds = new Map<number, number>();

  add(now: number): void {
    const second = Math.floor(now / 1000);
    this.total++;
    this.#seconds.set(second, (this.#seconds.get(second) ?? 0) + 1);
    const [oldest = second] = this.#seconds.keys();
    if (oldest <= second - slotLengths[2]) this.#seconds.delete(oldest);
  }

  /** Per second, over the last so many seconds. */
  rate(now: number, seconds: number): number {
    const from = Math.floor(now / 1000) - seconds;
    let sum = 0;
    for (const [second, count] of this.#seconds) if (second > from) sum += count;
    return sum / seconds;
  }
}

/**
 * A function that counts an event (ovs-appctl(8), "coverage/show").
 * @param name in the form of Open vSwitch's own: module_event
 */
export const counted = (name: string): (() => void) => {
  const counter = new Counter();
  counters.set(name, counter);
  return () => counter.add(Date.now());
};

const show = (): string => {
  const now = Date.now();
  const [fast, minute, hour] = slotLengths;
  const hit = [...counters].filter(([, { total }]) => total > 0).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = hit.map(([name, counter]) => {
    const rate = (seconds: number, width: number, digits: number) =>
      `${counter.rate(now, seconds).toFixed(digits).padStart(width)}/sec`;
    return `${name.padEnd(24)} ${rate(fast, 5, 1)} ${rate(minute, 9, 3)} ${rate(hour, 13, 4)}   total: ${counter.total}\n`;
  });
  const heading = 'Event coverage, avg rate over last: 5 seconds, last minute, last hour:\n';
  return `${heading}${lines.join('')}${counters.size - hit.length} events never hit\n`;
};

const read = ([name = '']: readonly string[]): string => {
  const counter = counters.get(name);
  if (counter === undefined) throw new CommandError('No such counter');
  return `${counter.total}\n`;
};

/** The commands that show counters, of every daemon. */
export const coverageCommands: readonly Command[] = [
  plainCommand('coverage/show', show),
  { name: 'coverage/read-counter', usage: 'COUNTER', min: 1, max: 1, run: read },
];

import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until `condition` gives a value other than false and undefined, and returns that.
 * @throws Error after `deadline` milliseconds, saying what it waited for.
 */
export async function until<T>(
  what: string,
  condition: () => T | false | undefined | Promise<T | false | undefined>,
  deadline = 30_000,
): Promise<T> {
  const end = performance.now() + deadline;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined) return value;
    if (performance.now() > end) throw new Error(`still waiting after ${deadline} ms: ${what}`);
    await delay(20);
  }
}

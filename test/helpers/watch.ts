/** Waits for conditions that hold after some change: `changed` is to be called at each. */
export class Watch {
  readonly #waiters: (() => void)[] = [];
  readonly changed = (): void => {
    for (const waiter of this.#waiters.splice(0)) waiter();
  };

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }
}

/** What is to be done when the program ends, and the wish that it does. */
export class Ending {
  readonly #actions: (() => void | Promise<void>)[] = [];
  readonly #asked: Promise<void>;
  #ask: () => void = () => {};
  #done: Promise<void> | undefined;

  constructor() {
    this.#asked = new Promise((resolve) => {
      this.#ask = resolve;
    });
  }

  /** Does something at the end; what was added last is done first. */
  add(action: () => void | Promise<void>): void {
    this.#actions.push(action);
  }

  /** Resolves when somebody has asked for the end. */
  get asked(): Promise<void> {
    return this.#asked;
  }

  ask(): void {
    this.#ask();
  }

  /** Does it all, once. */
  run(): Promise<void> {
    this.#done ??= (async () => {
      for (const action of this.#actions.toReversed()) await action();
    })();
    return this.#done;
  }
}

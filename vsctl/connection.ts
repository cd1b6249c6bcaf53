import { Disconnected } from './remotes.ts';
import type { Session } from './session.ts';

/** The way to the database: a session for as long as one lasts, then another. */
export class Connection {
  readonly #open: () => Promise<Session>;
  #session: Session | undefined;

  constructor(open: () => Promise<Session>) {
    this.#open = open;
  }

  /**
   * Does something with a session, and does it again with another one if the connection ends meanwhile.
   * @throws what `open` and `work` throw
   */
  async use<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
    for (;;) {
      this.#session ??= await this.#open();
      try {
        return await work(this.#session);
      } catch (error) {
        if (!(error instanceof Disconnected)) throw error;
        this.#session = undefined;
      }
    }
  }

  close(): void {
    this.#session?.close();
  }
}

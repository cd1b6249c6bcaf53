/** Ends the program: its message goes to stderr, unless it is empty, and `exitCode` becomes the exit status. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What a command needs is not there yet: run all commands again once the database has changed. */
export class TryAgain extends Error {}

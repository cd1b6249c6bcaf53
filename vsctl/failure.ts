/** Ends the program: its message goes to stderr, unless it is empty, and `exitCode` becomes the exit status. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A reference leads to a row that has gone since it was read: what was read is not of one moment. Begin anew. */
export class Stale extends Error {
  readonly uuid: string;
  constructor(uuid: string) {
    super();
    this.uuid = uuid;
  }
}

/** What a command needs is not there yet: run all commands again once the database has changed. */
export class TryAgain extends Error {}

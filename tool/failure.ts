import { errorCode } from '../rpc/system-error.ts';

/** A command cannot do what it is for; the message tells the user why. */
export class Failure extends Error {}

/** What the system said, if that is why: a storage's own words are about more than one file. */
export const causeOf = (error: unknown): unknown =>
  error instanceof Error && errorCode(error.cause) !== undefined ? error.cause : error;

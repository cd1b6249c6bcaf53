import { formatJson, type Json, type OutJsonObject } from './json.ts';

/** The error tags of RFC 7047 (section 3.1 and 4.1.3) and those that Open vSwitch adds. */
export type ErrorTag =
  | 'aborted'
  | 'canceled'
  | 'database not available'
  | 'consistency violation'
  | 'constraint violation'
  | 'domain error'
  | 'duplicate uuid'
  | 'duplicate uuid-name'
  | 'get_server_id failed'
  | 'I/O error'
  | 'internal error'
  | 'invalid parameters'
  | 'not owner'
  | 'not allowed'
  | 'not supported'
  | 'ovsdb error'
  | 'permission error'
  | 'range error'
  | 'referential integrity violation'
  | 'Server ID check failed'
  | 'syntax error'
  | 'timed out'
  | 'unknown column'
  | 'unknown database'
  | 'unknown function'
  | 'unknown method'
  | 'unknown monitor'
  | 'unknown mutator'
  | 'unknown table';

/** A mistake of the peer's, as the protocol reports it: a tag, words for people, and the JSON at fault. */
export class OvsdbError extends Error {
  readonly tag: ErrorTag;
  readonly details: string;
  readonly syntax: string | undefined;

  constructor(tag: ErrorTag, details: string, at?: Json) {
    const syntax = at === undefined ? undefined : formatJson(at, true);
    // Where in this program a peer's mistake was noticed is of no interest, and finding out takes long.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(`${syntax === undefined ? '' : `syntax "${syntax}": `}${tag}: ${details}`);
    Error.stackTraceLimit = stackTraceLimit;
    this.tag = tag;
    this.details = details;
    this.syntax = syntax;
  }

  /** The `<error>` of RFC 7047 section 3.1. */
  toJson(): OutJsonObject {
    return { syntax: this.syntax, details: this.details, error: this.tag };
  }
}

export const syntaxError = (details: string, at?: Json): OvsdbError => new OvsdbError('syntax error', details, at);

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { OvsdbError, syntaxError } from '../schema/error.ts';
import { type Json, type JsonText, parseJson } from '../schema/json.ts';
import { readJson } from '../schema/json-check.ts';

const sha1 = (bytes: Buffer | string): string => createHash('sha1').update(bytes).digest('hex');

/** What the first record says a file is: a database of one server, or of one of a cluster's. */
export type LogKind = 'standalone' | 'clustered';
const kinds: ReadonlyMap<string, LogKind> = new Map([
  ['JSON', 'standalone'],
  ['CLUSTER', 'clustered'],
]);

/** A record's first line is `OVSDB KIND LENGTH SHA1`; Open vSwitch reads no more than this of it. */
const maxHeader = 127;
const headerPattern = /^OVSDB (\S+) (\d+) ([0-9a-f]{40})\n/i;

interface Header {
  readonly kind: string;
  readonly length: number;
  readonly hash: string;
  /** Where the record's text begins in the file. */
  readonly start: number;
}

/**
 * A file in the log format of Open vSwitch's own server (ovsdb(5)): records one behind the other, each a line that tells
 * its length and hash, and a line of JSON. The first holds the schema, each other one a transaction.
 */
export class LogFile {
  readonly path: string;
  readonly kind: LogKind;
  readonly #bytes: Buffer;
  #at = 0;

  private constructor(path: string, kind: LogKind, bytes: Buffer) {
    this.path = path;
    this.kind = kind;
    this.#bytes = bytes;
  }

  /**
   * Reads a file whole.
   * @throws OvsdbError when it is no such file; the system's error when it cannot be read
   */
  static read(path: string | number, name: string = String(path)): LogFile {
    const bytes = readFileSync(path);
    const header = parseHeader(bytes, 0);
    if (bytes.length > 0 && header === undefined) {
      throw new OvsdbError('ovsdb error', `${name}: unexpected file format`);
    }
    const kind = kinds.get(header?.kind ?? '');
    if (kind === undefined) throw new OvsdbError('ovsdb error', `${name}: cannot identify file type`);
    return new LogFile(name, kind, bytes);
  }

  /** How many bytes the records read so far take. */
  get offset(): number {
    return this.#at;
  }
  /** How many bytes are behind them. */
  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  /**
   * The next record; undefined at the end of the file.
   * @throws OvsdbError for one that is damaged or cut short; what comes behind it cannot be read
   */
  next(): Json | undefined {
    if (this.rest === 0) return undefined;
    const { length, hash, start } = this.#header();
    const text = this.#bytes.subarray(start, start + length);
    const where = `${length} bytes starting at offset ${start}`;
    if (text.length < length) {
      throw new OvsdbError('I/O error', `${this.path}: error reading ${where} (End of file)`);
    }
    const actual = sha1(text);
    if (actual !== hash) {
      throw syntaxError(`${this.path}: ${where} have SHA-1 hash ${actual} but should have hash ${hash}`);
    }
    const json = this.#parse(text.toString(), where);
    this.#at = start + length;
    return json;
  }

  #header(): Header {
    const header = parseHeader(this.#bytes, this.#at);
    if (header !== undefined && kinds.get(header.kind) === this.kind) return header;
    const [line] = headerText(this.#bytes, this.#at).split('\n');
    throw syntaxError(`${this.path}: parse error at offset ${this.#at} in header line "${line}"`);
  }

  #parse(text: string, where: string): Json {
    try {
      return parseJson(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw syntaxError(`${this.path}: ${where} are not valid JSON (${explain(text)})`);
    }
  }
}

/** What is wrong with it, in Open vSwitch's words. */
const explain = (text: string): string => {
  try {
    readJson(text);
    return 'unknown';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

const headerText = (bytes: Buffer, at: number): string => bytes.toString('utf8', at, at + maxHeader);

const parseHeader = (bytes: Buffer, at: number): Header | undefined => {
  const [line, kind = '', length = '', hash = ''] = headerPattern.exec(headerText(bytes, at)) ?? [];
  if (line === undefined || Number(length) === 0) return undefined;
  return { kind, length: Number(length), hash: hash.toLowerCase(), start: at + Buffer.byteLength(line) };
};

/** A record of that text, as it stands in a file. */
export const logRecord = ({ text }: JsonText): string => {
  const line = `${text}\n`;
  return `OVSDB JSON ${Buffer.byteLength(line)} ${sha1(line)}\n${line}`;
};

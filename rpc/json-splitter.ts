import { decodeText } from '../schema/raw-bytes.ts';

/** What a peer may send in one JSON text. */
export interface TextLimits {
  /** Bytes. */
  readonly maxSize: number;
  readonly maxDepth: number;
}
export const defaultLimits: TextLimits = { maxSize: 512 * 1024 * 1024, maxDepth: 1000 };

/** A text is larger, or deeper, than the peer may send. */
export class LimitError extends SyntaxError {}

const quote = 0x22;
const backslash = 0x5c;
const opens = byteTable('{[');
const closes = byteTable('}]');
const spaces = byteTable(' \t\r\n');

function byteTable(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(characters)) table[byte] = 1;
  return table;
}

/**
 * Cuts a stream of bytes into JSON texts. OVSDB puts nothing between its messages (RFC 7047 section 4): a message ends
 * where its braces close. What is inside them is the parser's business.
 */
export class JsonSplitter {
  readonly #limits: TextLimits;
  readonly #parts: Buffer[] = [];
  #size = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(limits: TextLimits = defaultLimits) {
    this.#limits = limits;
  }

  /**
   * The texts that `chunk` completes, one by one: those before bytes that cannot be read are given still.
   * @throws SyntaxError for bytes that cannot begin a message; LimitError
   */
  *push(chunk: Buffer): Generator<string> {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (this.#inString) this.#stringByte(byte);
      else if (byte === quote && this.#depth > 0) this.#inString = true;
      else if (opens[byte] === 1) this.#open();
      else if (closes[byte] === 1 && this.#depth > 0) {
        if (--this.#depth > 0) continue;
        yield this.#take(chunk.subarray(start, at + 1));
        start = at + 1;
      } else if (this.#depth === 0 && spaces[byte] !== 1) {
        throw new SyntaxError('bytes that are not the start of a JSON object or array');
      }
    }
    this.#keep(chunk.subarray(start));
  }

  /** Bytes of a message that is not complete yet. */
  get pending(): number {
    return this.#size;
  }

  #stringByte(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === backslash) this.#escaped = true;
    else if (byte === quote) this.#inString = false;
  }

  #open(): void {
    if (++this.#depth > this.#limits.maxDepth) {
      throw new LimitError(`input exceeds maximum nesting depth ${this.#limits.maxDepth}`);
    }
  }

  #keep(rest: Buffer): void {
    if (this.#depth === 0) return;
    this.#size += rest.length;
    if (this.#size > this.#limits.maxSize) {
      throw new LimitError(`a message exceeds the limit of ${this.#limits.maxSize} bytes`);
    }
    if (rest.length > 0) this.#parts.push(rest);
  }

  #take(last: Buffer): string {
    if (this.#parts.length === 0) return decodeText(last);
    const text = decodeText(Buffer.concat([...this.#parts, last]));
    this.#parts.length = 0;
    this.#size = 0;
    return text;
  }
}

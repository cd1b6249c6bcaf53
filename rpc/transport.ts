import type { Duplex } from 'node:stream';
import { defaultLimits, JsonSplitter, type TextLimits } from './json-splitter.ts';
import { formatMessage, type Message, type OutMessage, parseMessage } from './message.ts';

/** What a transport tells the connection on top of it; all in the order of the bytes. */
export interface Receiver {
  message(message: Message): void;
  /** Anything came in: the other side lives. */
  heard(): void;
  /** The other side took all that was sent. */
  drained(): void;
  /** Without `reason` the other side ended the connection in good order. A SyntaxError: it sent what is no message. */
  ended(reason?: Error): void;
}

/** What carries messages: a stream of JSON texts, or a WebSocket. */
export interface Transport {
  /** Bytes that the other side has not taken yet. */
  readonly backlog: number;
  /** Starts to deliver what comes in. To be called once, first. */
  open(receiver: Receiver): void;
  send(message: OutMessage): void;
  /** Makes the other side give a sign of life. */
  probe(): void;
  /** Stops and goes on reading. */
  pause(): void;
  resume(): void;
  /** Ends the connection after what was sent so far. */
  end(): void;
  destroy(): void;
}

/** Longer texts are written in parts, so that it can be seen whether the other side takes any. */
const largestWrite = 1024 * 1024;
/** How long an ended connection may take to pass on what was sent, in ms. */
const lastWords = 2000;

/** The parts with texts that follow each other put into one. */
const joinTexts = (parts: readonly (string | Buffer)[]): (string | Buffer)[] => {
  if (parts.length === 1) return [...parts];
  const joined: (string | Buffer)[] = [];
  let texts: string[] = [];
  const finish = () => {
    if (texts.length > 0) joined.push(texts.join(''));
    texts = [];
  };
  for (const part of parts) {
    if (typeof part === 'string') texts.push(part);
    else {
      finish();
      joined.push(part);
    }
  }
  finish();
  return joined;
};

/** JSON-RPC 1.0 over a stream of bytes (RFC 7047 section 4). Messages of one turn of the event loop leave in one write. */
export class StreamTransport implements Transport {
  readonly #stream: Duplex;
  readonly #splitter: JsonSplitter;
  #outgoing: (string | Buffer)[] = [];
  #queued = 0;

  constructor(stream: Duplex, limits: TextLimits = defaultLimits) {
    this.#stream = stream;
    this.#splitter = new JsonSplitter(limits);
  }

  open(receiver: Receiver): void {
    this.#stream.on('data', (chunk: Buffer) => this.#receive(chunk, receiver));
    this.#stream.on('drain', () => receiver.drained());
    this.#stream.on('error', (error) => receiver.ended(error));
    this.#stream.on('close', () => receiver.ended());
    this.#stream.on('end', () => receiver.ended());
  }

  get backlog(): number {
    return this.#queued + this.#stream.writableLength;
  }

  send(message: OutMessage): void {
    if (this.#outgoing.length === 0) process.nextTick(() => this.#flush());
    for (const part of formatMessage(message)) {
      this.#outgoing.push(part);
      this.#queued += part.length;
    }
  }

  /** As Open vSwitch does, so that the reply can be told from others: its id is the word "echo". */
  probe(): void {
    this.send({ kind: 'request', method: 'echo', params: [], id: 'echo' });
  }

  pause(): void {
    this.#stream.pause();
  }
  resume(): void {
    this.#stream.resume();
  }

  end(): void {
    this.#flush();
    this.#stream.end();
    setTimeout(() => this.#stream.destroy(), lastWords).unref();
  }
  destroy(): void {
    this.#stream.destroy();
  }

  #flush(): void {
    if (this.#outgoing.length === 0) return;
    const parts = this.#outgoing;
    this.#outgoing = [];
    this.#queued = 0;
    if (!this.#stream.writable) return;
    for (const part of joinTexts(parts)) this.#write(part);
  }

  #write(part: string | Buffer): void {
    if (part.length < largestWrite) {
      this.#stream.write(part);
      return;
    }
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    for (let at = 0; at < bytes.length; at += largestWrite) this.#stream.write(bytes.subarray(at, at + largestWrite));
  }

  #receive(chunk: Buffer, receiver: Receiver): void {
    receiver.heard();
    try {
      for (const text of this.#splitter.push(chunk)) receiver.message(parseMessage(text));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      receiver.ended(error);
    }
  }
}

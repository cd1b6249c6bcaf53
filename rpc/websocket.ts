import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { parseJson } from '../schema/json.ts';
import { formatMessage2, InvalidMessage, readMessage2 } from './json-rpc2.ts';
import { JsonSplitter, LimitError, type TextLimits } from './json-splitter.ts';
import { logFor } from './log.ts';
import type { OutMessage } from './message.ts';
import type { Receiver, Transport } from './transport.ts';

const log = logFor('websocket', { perMinute: 10, burst: 10 });

/** How long a client may take to ask for a WebSocket, in ms. */
const upgradeTimeout = 10_000;
/** Close codes of RFC 6455 section 7.4.1. */
const goingAway = 1001;
const unsupportedData = 1003;
const allOrigins = '*';

/** JSON-RPC 2.0 over a WebSocket: a message is one text. */
class WebSocketTransport implements Transport {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #limits: TextLimits;

  constructor(socket: WebSocket, stream: Duplex, limits: TextLimits) {
    this.#socket = socket;
    this.#stream = stream;
    this.#limits = limits;
  }

  get backlog(): number {
    return this.#socket.bufferedAmount;
  }

  open(receiver: Receiver): void {
    this.#socket.on('message', (data, isBinary) => {
      receiver.heard();
      if (isBinary) this.#socket.close(unsupportedData, 'messages are texts');
      else this.#receive(bytesOf(data), receiver);
    });
    this.#socket.on('pong', () => receiver.heard());
    this.#stream.on('drain', () => receiver.drained());
    this.#socket.on('error', (error) => receiver.ended(error));
    this.#socket.on('close', () => receiver.ended());
  }

  #receive(data: Buffer, receiver: Receiver): void {
    try {
      // The splitter counts how deep it nests before anything is built from it.
      Array.from(new JsonSplitter(this.#limits).push(data));
      receiver.message(readMessage2(parseJson(data.toString())));
    } catch (error) {
      if (error instanceof LimitError) receiver.ended(error);
      else if (error instanceof InvalidMessage) this.#socket.send(error.reply);
      else if (error instanceof SyntaxError) this.#socket.send(new InvalidMessage(null, -32700, error.message).reply);
      else throw error;
    }
  }

  send(message: OutMessage): void {
    this.#socket.send(formatMessage2(message));
  }

  /** Browsers answer pings by themselves. */
  probe(): void {
    this.#socket.ping();
  }

  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
  end(): void {
    this.#socket.close(goingAway);
  }
  destroy(): void {
    this.#socket.terminate();
  }
}

const bytesOf = (data: RawData): Buffer => {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? Buffer.from(data) : data;
};

type Accept = (transport: Transport) => void;

/**
 * The HTTP side of a WebSocket remote. It listens nowhere: streams are handed to it.
 * A page that a user's browser happens to show must not be able to change the database, so that browsers, which name the
 * page's origin, are refused unless it is allowed. Other programs name none.
 */
export class WebSocketAcceptor {
  readonly #http: Server;
  readonly #origins: ReadonlySet<string>;
  readonly #accepts = new WeakMap<Duplex, Accept>();

  /** @param origins of web pages that may connect (https://example.org); "*" stands for all */
  constructor(limits: TextLimits, origins: readonly string[]) {
    this.#origins = new Set(origins);
    const upgrader = new WebSocketServer({ noServer: true, maxPayload: limits.maxSize, perMessageDeflate: false });
    this.#http = createServer((_request, response) => {
      response.writeHead(426, { Upgrade: 'websocket', Connection: 'close' }).end('This is a WebSocket remote.\n');
    });
    this.#http.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      const { origin } = request.headers;
      if (!this.#allows(origin)) return refuse(stream, origin);
      upgrader.handleUpgrade(request, stream, head, (socket) =>
        this.#accepts.get(stream)?.(new WebSocketTransport(socket, stream, limits)),
      );
    });
  }

  take(stream: Duplex, accept: Accept): void {
    // Node's own time limits only work for servers that listen.
    const timer = setTimeout(() => stream.destroy(), upgradeTimeout);
    stream.once('close', () => clearTimeout(timer));
    this.#accepts.set(stream, (transport) => {
      clearTimeout(timer);
      accept(transport);
    });
    this.#http.emit('connection', stream);
  }

  #allows(origin: string | undefined): boolean {
    return origin === undefined || this.#origins.has(origin) || this.#origins.has(allOrigins);
  }
}

const refuse = (stream: Duplex, origin: string | undefined): void => {
  log.warn(`refused a web page from ${JSON.stringify(origin)} (see --websocket-origin)`);
  stream.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
};

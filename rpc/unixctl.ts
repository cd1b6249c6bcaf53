import type { Duplex } from 'node:stream';
import type { Json } from '../schema/json.ts';
import { CommandError, type Commands } from './command.ts';
import { counted } from './coverage.ts';
import { logFor } from './log.ts';
import { Peer, type Request } from './peer.ts';
import { systemMessage } from './system-error.ts';
import { type Accepted, type Listener, listen } from './target.ts';
import type { Transport } from './transport.ts';

const log = logFor('unixctl', { perMinute: 5, burst: 5 });
const received = counted('unixctl_received');
const replied = counted('unixctl_replied');

/** How a client wants its answers: as text, or as JSON that wraps it (`ovs-appctl --format`). */
const formats = ['text', 'json'] as const;
type Format = (typeof formats)[number];
const isFormat = (word: Json | undefined): word is Format => formats.some((format) => format === word);

/** A control socket: whoever can write to it may give the program commands (ovs-appctl(8)). */
export class ControlServer {
  readonly #connections = new Set<Connection>();
  #listener: Listener | undefined;

  private constructor() {}

  /**
   * Listens at `path`; a socket that is there is replaced.
   * @throws Error that names the path
   */
  static async listen(path: string, commands: Commands): Promise<ControlServer> {
    const control = new ControlServer();
    try {
      const accept = ({ carrier, name }: Accepted) => control.#accept(carrier, name, commands);
      control.#listener = await listen(`punix:${path}`, { accept });
      return control;
    } catch (error) {
      throw new Error(`${path}: could not initialize control socket (${systemMessage(error)})`, { cause: error });
    }
  }

  #accept(carrier: Duplex | Transport, name: string, commands: Commands): void {
    const connection: Connection = new Connection(carrier, name, commands, () => this.#connections.delete(connection));
    this.#connections.add(connection);
  }

  /** Stops listening, which removes the socket, and ends connections once their answers have left. */
  close(): void {
    this.#listener?.close();
    for (const connection of this.#connections) connection.close();
  }
}

/** A client. Its commands run one after the other, and are answered in that order. */
class Connection {
  readonly #peer: Peer;
  readonly #commands: Commands;
  #last: Promise<void> = Promise.resolve();
  #format: Format = 'text';

  constructor(carrier: Duplex | Transport, name: string, commands: Commands, closed: () => void) {
    this.#commands = commands;
    this.#peer = new Peer(carrier, {
      request: (request) => {
        this.#last = this.#last.then(() => this.#run(request));
      },
      notification: () => this.#peer.close(new Error('received unexpected notification message')),
      closed: (reason) => {
        if (reason !== undefined) log.warn(`${name}: control connection dropped (${reason.message})`);
        closed();
      },
    });
  }

  close(): void {
    this.#peer.close();
  }

  async #run({ method, params, id }: Request): Promise<void> {
    received();
    try {
      const answer = method === 'set-options' ? this.#setOptions(params) : await this.#commands.run(method, params);
      const text = ended(answer);
      this.#peer.reply(id, this.#format === 'text' ? text : { 'reply-format': 'plain', reply: text });
    } catch (error) {
      if (!(error instanceof CommandError)) log.err(`${method}: internal error: ${describe(error)}`);
      this.#peer.replyError(id, ended(error instanceof Error ? error.message : String(error)));
    }
    replied();
  }

  #setOptions([option, value]: readonly Json[]): string {
    if (option === undefined) throw new CommandError('"set-options" command requires at least 1 arguments');
    if (option !== '--format') throw new CommandError(`invalid option -- ${String(option)}`);
    if (!isFormat(value)) throw new CommandError(`option --format has invalid value ${String(value)}`);
    this.#format = value;
    return '';
  }
}

const describe = (error: unknown): string => String(error instanceof Error ? error.stack : error);
const ended = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Json } from '../schema/json.ts';
import { CommandError, type Commands } from './command.ts';
import { runPath } from './directories.ts';
import { logFor } from './log.ts';
import { Peer, type Request } from './peer.ts';
import { systemMessage } from './system-error.ts';

const log = logFor('unixctl', { perMinute: 5, burst: 5 });

/** How a client wants its answers: as text, or as JSON that wraps it (`ovs-appctl --format`). */
const formats = ['text', 'json'] as const;
type Format = (typeof formats)[number];
const isFormat = (word: Json | undefined): word is Format => formats.some((format) => format === word);

/** Group and owner may use a control socket. */
const socketUmask = 0o007;

/** The path of a program's control socket when none is named. */
export const defaultControlPath = (program: string, pid: number = process.pid): string =>
  runPath(`${program}.${pid}.ctl`);

/** A control socket: whoever can write to it may give the program commands (ovs-appctl(8)). */
export class ControlServer {
  readonly #server: Server;
  readonly #connections = new Set<Connection>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /**
   * Listens at `path`; a socket that is there is replaced.
   * @throws Error that names the path
   */
  static async listen(path: string, commands: Commands): Promise<ControlServer> {
    const server = createServer();
    const control = new ControlServer(server);
    server.on('connection', (socket) => control.#accept(socket, commands));
    try {
      rmSync(path, { force: true });
      await listenRestricted(server, path);
    } catch (error) {
      throw new Error(`${path}: could not initialize control socket (${systemMessage(error)})`, { cause: error });
    }
    server.on('error', (error) => log.warn(`${path}: accept failed: ${systemMessage(error)}`));
    return control;
  }

  #accept(socket: Socket, commands: Commands): void {
    const connection: Connection = new Connection(socket, commands, () => this.#connections.delete(connection));
    this.#connections.add(connection);
  }

  /** Stops listening, which removes the socket, and ends connections once their answers have left. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.close();
    await closed;
  }
}

/** The socket file is made while listen() runs, with the modes that the umask of that moment leaves. */
const listenRestricted = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    const umask = process.umask(socketUmask);
    try {
      server.listen({ path }, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });

/** A client. Its commands run one after the other, and are answered in that order. */
class Connection {
  readonly #peer: Peer;
  readonly #commands: Commands;
  #last: Promise<void> = Promise.resolve();
  #format: Format = 'text';

  constructor(socket: Socket, commands: Commands, closed: () => void) {
    this.#commands = commands;
    this.#peer = new Peer(socket, {
      request: (request) => {
        this.#last = this.#last.then(() => this.#run(request));
      },
      notification: () => this.#peer.close(new Error('received unexpected notification message')),
      closed: (reason) => {
        if (reason !== undefined) log.warn(`control connection dropped (${reason.message})`);
        closed();
      },
    });
  }

  close(): void {
    this.#peer.close();
  }

  async #run({ method, params, id }: Request): Promise<void> {
    try {
      const answer = method === 'set-options' ? this.#setOptions(params) : await this.#commands.run(method, params);
      const text = ended(answer);
      this.#peer.reply(id, this.#format === 'text' ? text : { 'reply-format': 'plain', reply: text });
    } catch (error) {
      if (!(error instanceof CommandError)) log.err(`${method}: internal error: ${describe(error)}`);
      this.#peer.replyError(id, ended(error instanceof Error ? error.message : String(error)));
    }
  }

  #setOptions([option, value]: readonly Json[]): string {
    if (option !== '--format') throw new CommandError(`invalid option -- ${String(option)}`);
    if (!isFormat(value)) throw new CommandError(`option --format has invalid value ${String(value)}`);
    this.#format = value;
    return '';
  }
}

const describe = (error: unknown): string => String(error instanceof Error ? error.stack : error);
const ended = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

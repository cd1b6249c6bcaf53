import type { Json } from '../schema/json.ts';
import { defaultControlPath, runPath } from './directories.ts';
import { logFor } from './log.ts';
import { Peer, RpcError } from './peer.ts';
import { PidFileError, readPidFile } from './pidfile.ts';
import { systemMessage } from './system-error.ts';
import { dial } from './target.ts';

const log = logFor('unixctl');
const pidLog = logFor('daemon_unix');

/** The daemon cannot be reached; the message says why. */
export class ControlError extends Error {}
/** The daemon refused the command; the message is its answer. */
export class RefusalError extends Error {}

/**
 * The control socket of a target: an absolute path, or the name of a daemon that has a pid file in the run directory.
 * @throws ControlError
 */
export const controlPath = (target: string): string => {
  if (target.startsWith('/')) return target;
  const pidfile = runPath(`${target}.pid`);
  try {
    return defaultControlPath(target, readPidFile(pidfile));
  } catch (error) {
    if (!(error instanceof PidFileError)) throw error;
    if (error.cause !== undefined) pidLog.warn(`${pidfile}: open: ${error.message}`);
    throw new ControlError(`cannot read pidfile "${pidfile}" (${error.message})`);
  }
};

/** A connection to a daemon's control socket. */
export class ControlClient {
  readonly #peer: Peer;

  private constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** @throws ControlError */
  static async connect(path: string): Promise<ControlClient> {
    try {
      const stream = await dial(`unix:${path}`);
      return new ControlClient(new Peer(stream, { request: () => {}, notification: () => {} }));
    } catch (error) {
      log.warn(`failed to connect to ${path}`);
      throw new ControlError(`cannot connect to "${path}" (${systemMessage(error)})`);
    }
  }

  /**
   * Gives a command and waits for the answer.
   * @throws RefusalError; Error when the connection breaks
   */
  async run(command: string, args: readonly string[]): Promise<Json> {
    try {
      return await this.#peer.request(command, args);
    } catch (error) {
      throw error instanceof RpcError ? new RefusalError(String(error.error)) : error;
    }
  }

  close(): void {
    this.#peer.close();
  }
}

import { CommandError, Commands, type Command as ControlCommand, plainCommand } from '../rpc/command.ts';
import { defaultControlPath } from '../rpc/directories.ts';
import { ControlServer } from '../rpc/unixctl.ts';
import { ovsVersion } from '../rpc/version.ts';
import { vlogCommands } from '../rpc/vlog-commands.ts';
import { isArray, type Json, parseJson } from '../schema/json.ts';
import { isUuid, zeroUuid } from '../schema/uuid.ts';
import type { Online, Run } from './command.ts';
import { Failure } from './failure.ts';
import { printInitial, printUpdate, printUpdate2, updateTables } from './monitor-print.ts';
import { readCondition, type Watched, watch } from './monitor-request.ts';

export const monitor: Run<Online> = (context, args) => new Monitor(context, 1).run(args);

export const monitorCond: Run<Online> = (context, [condition = '', ...args]) =>
  new Monitor(context, 2).run(args, condition);

export const monitorCondSince: Run<Online> = (context, args) => {
  const [first = '', ...others] = args;
  const [last, rest] = isUuid(first) ? [first, others] : [zeroUuid, args];
  const [condition = '', ...words] = rest;
  return new Monitor(context, 3, last).run(words, condition);
};

/** The versions of the protocol's monitors: `monitor`, `monitor_cond`, `monitor_cond_since`. */
type Version = 1 | 2 | 3;
const methods: { readonly [version in Version]: string } = {
  1: 'monitor',
  2: 'monitor_cond',
  3: 'monitor_cond_since',
};
const updateMethods: { readonly [version in Version]: string } = { 1: 'update', 2: 'update2', 3: 'update3' };

/** One run of a `monitor` command: asks, and prints what comes until the connection ends. */
class Monitor {
  readonly #context: Online;
  readonly #version: Version;
  readonly #last: string;
  #watched: readonly Watched[] = [];
  #fail: (failure: Failure) => void = () => {};

  constructor(context: Online, version: Version, last = zeroUuid) {
    this.#context = context;
    this.#version = version;
    this.#last = last;
  }

  async run(words: readonly string[], conditionText?: string): Promise<void> {
    const { connection, database, daemon, settings } = this.#context;
    const schema = await connection.getSchema(database);
    const condition =
      conditionText === undefined ? undefined : readCondition(schema, database, words[0] ?? '', conditionText);
    this.#watched = watch(schema, { server: connection.server, database }, words, condition);
    if (settings.process.detach) await this.#control();
    await connection.becomeChangeAware();
    const canceled = new Promise<never>((_resolve, reject) => {
      this.#fail = reject;
    });
    const requests = Object.fromEntries(this.#watched.map(({ table, requests }) => [table.name, requests]));
    const since = this.#version === 3 ? [this.#last] : [];
    this.#initial(await connection.request(methods[this.#version], [database, null, requests, ...since]));
    daemon.ready();
    connection.onNotification(({ method, params }) => this.#notified(method, params));
    const ended = connection.ended().then((reason) => {
      throw new Failure(`${connection.server}: receive failed (${reason})`);
    });
    await Promise.race([daemon.stopped, canceled, ended]);
  }

  #initial(result: Json): void {
    if (this.#version !== 3) {
      this.#show(result, this.#version === 1 ? printInitial : printUpdate2);
      return;
    }
    const [found, last, updates = null] = isArray(result) ? result : [];
    this.#context.print(`found: ${found === true}, last_id: ${String(last)}\n`);
    this.#show(updates, printUpdate2);
  }

  #notified(method: string, params: readonly Json[]): void {
    if (method === 'monitor_canceled') {
      const { server } = this.#context.connection;
      this.#fail(new Failure(`${server}: ${this.#context.database} database was removed`));
    } else if (method === updateMethods[this.#version] && params[0] === null) {
      this.#update(params);
    }
  }

  #update(params: readonly Json[]): void {
    if (this.#version === 3) this.#context.print(`\nlast_id: ${String(params[1])}`);
    this.#show(params.at(-1) ?? null, this.#version === 1 ? printUpdate : printUpdate2);
  }

  #show(updates: Json, printRow: typeof printUpdate): void {
    const { printTable, settings } = this.#context;
    const complain = (message: string) => void process.stderr.write(`ovsdb-client: ${message}\n`);
    const time = settings.timestamp ? { time: new Date() } : {};
    for (const table of updateTables(updates, this.#watched, printRow, complain)) printTable({ ...table, ...time });
  }

  /** In the background it takes commands. */
  async #control(): Promise<void> {
    const { connection, daemon } = this.#context;
    let blocked = false;
    const block = (state: boolean, already: string) => () => {
      if (blocked === state) return already;
      blocked = state;
      if (blocked) connection.pause();
      else connection.resume();
      return '';
    };
    await startControl(this.#context, [
      plainCommand('exit', () => {
        daemon.stop();
        return '';
      }),
      plainCommand('ovsdb-client/block', block(true, 'already blocking')),
      plainCommand('ovsdb-client/unblock', block(false, 'already unblocked')),
      {
        name: 'ovsdb-client/cond_change',
        usage: 'TABLE COND',
        min: 2,
        max: 2,
        run: ([table = '', condition = '']) => {
          const requests = { [table]: [{ where: parseCondition(condition) }] };
          connection.attempt('monitor_cond_change', [null, null, requests]).catch(() => {});
          return 'condition changed';
        },
      },
    ]);
  }
}

const parseCondition = (text: string): Json => {
  try {
    return parseJson(text);
  } catch (error) {
    throw new CommandError(`${text}: ${error instanceof Error ? error.message : error}`);
  }
};

/** The control socket of this program in the background, with these commands beside those that all have. */
export const startControl = async (
  { daemon }: Pick<Online, 'daemon'>,
  table: readonly ControlCommand[],
): Promise<void> => {
  const version = plainCommand('version', () => `ovsdb-client (Open vSwitch) ${ovsVersion}`);
  const commands = new Commands([version], vlogCommands, table);
  const control = await ControlServer.listen(defaultControlPath('ovsdb-client'), commands);
  daemon.atEnd(() => control.close());
};

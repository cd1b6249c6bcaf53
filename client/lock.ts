import { plainCommand } from '../rpc/command.ts';
import type { Online, Run } from './command.ts';
import { printJson } from './connection.ts';
import { Failure } from './failure.ts';
import { startControl } from './monitor.ts';

type Method = 'lock' | 'steal' | 'unlock';

/** Asks for a lock, and tells what becomes of it until the connection ends: with it the lock is given back. */
export const lockCommand =
  (method: Method): Run<Online> =>
  async (context, [lock = '']) => {
    const { connection, daemon, settings, print } = context;
    const ask = async (asked: Method, name: string): Promise<void> => {
      print(`${printJson(await connection.request(asked, [name]), settings)}\n`);
    };
    if (settings.process.detach) await startControl(context, controlCommands(context, ask));
    await ask(method, lock);
    daemon.ready();
    connection.onNotification(({ method: told, params }) => print(`${told}\n${printJson(params, settings)}\n`));
    const ended = connection.ended().then((reason) => {
      throw new Failure(`${connection.server}: receive failed (${reason})`);
    });
    await Promise.race([daemon.stopped, ended]);
  };

const controlCommands = ({ daemon }: Online, ask: (method: Method, name: string) => Promise<void>) => [
  plainCommand('exit', () => {
    daemon.stop();
    return '';
  }),
  ...(['lock', 'steal', 'unlock'] as const).map((method) => ({
    name: method,
    usage: 'LOCK',
    min: 1,
    max: 1,
    run: async ([name = '']: readonly string[]) => {
      await ask(method, name);
      return '';
    },
  })),
];

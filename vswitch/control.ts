/**
 * What ovs-appctl(8) needs to find the server and the switch in this one process, as if each were a program of its own:
 * a pid file and a control socket for either, with the commands that it would have there.
 */
import { switchCommands } from '../datapath-linux/command/commands.ts';
import type { Switch } from '../datapath-linux/switch.ts';
import { type Command, Commands, plainCommand } from '../rpc/command.ts';
import { coverageCommands } from '../rpc/coverage.ts';
import { defaultControlPath, runPath } from '../rpc/directories.ts';
import { PidFile } from '../rpc/pidfile.ts';
import { ControlServer } from '../rpc/unixctl.ts';
import { programVersion } from '../rpc/version.ts';
import { vlogCommands } from '../rpc/vlog-commands.ts';
import { serverCommands } from '../server/control.ts';
import type { Server } from '../server/server.ts';
import { Service } from '../server/service.ts';
import type { Ending } from './ending.ts';

const names = { server: 'ovsdb-server', switch: 'ovs-vswitchd' } as const;
type Name = (typeof names)[keyof typeof names];

/** @throws PidFileError when a program of that name uses the run directory already */
export const writePidFile = (part: keyof typeof names, ending: Ending): void => {
  const file = PidFile.create(runPath(`${names[part]}.pid`), false);
  ending.add(() => file.remove());
};

const listen = async (name: Name, ending: Ending, commands: readonly Command[]): Promise<void> => {
  const version = plainCommand('version', () => programVersion(name));
  const all = new Commands([version], commands, coverageCommands, vlogCommands);
  const control = await ControlServer.listen(defaultControlPath(name), all);
  ending.add(() => control.close());
};

/** The answer leaves before the program ends. */
const endSoon = (ending: Ending): string => {
  setImmediate(() => ending.ask());
  return '';
};

/** Both parts end together, whichever is told to. @throws Error that names the socket */
export const listenForServer = (server: Server, ending: Ending): Promise<void> => {
  const service = new Service(server, { changed: () => {} });
  return listen(names.server, ending, [plainCommand('exit', () => endSoon(ending)), ...serverCommands(service)]);
};

/** As `listenForServer`. */
export const listenForSwitch = (running: Switch, ending: Ending): Promise<void> => {
  const exit = ([option]: readonly string[]): string => {
    if (option === '--cleanup') ending.add(() => running.cleanUp());
    return endSoon(ending);
  };
  return listen(names.switch, ending, [
    { name: 'exit', usage: '[--cleanup]', min: 0, max: 1, run: exit },
    ...switchCommands(() => running.view()),
  ]);
};

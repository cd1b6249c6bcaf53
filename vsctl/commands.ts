import type { Command } from './command.ts';
import { autoAttachCommands } from './commands/auto-attach.ts';
import { bondCommands } from './commands/bond.ts';
import { bridgeCommands } from './commands/bridge.ts';
import { conntrackCommands } from './commands/conntrack.ts';
import { controllerCommands } from './commands/controller.ts';
import { databaseCommands } from './commands/database.ts';
import { interfaceCommands } from './commands/interface.ts';
import { portCommands } from './commands/port.ts';
import { sslCommands } from './commands/ssl.ts';
import { switchCommands } from './commands/switch.ts';

/** Every command, by name. */
export const commands: ReadonlyMap<string, Command> = new Map(
  [
    ...switchCommands,
    ...bridgeCommands,
    ...portCommands,
    ...bondCommands,
    ...interfaceCommands,
    ...controllerCommands,
    ...sslCommands,
    ...autoAttachCommands,
    ...conntrackCommands,
    ...databaseCommands,
  ].map((command) => [command.name, command]),
);

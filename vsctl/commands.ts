import type { Command } from './command.ts';
import { bridgeCommands } from './commands/bridge.ts';
import { databaseCommands } from './commands/database.ts';
import { interfaceCommands } from './commands/interface.ts';
import { portCommands } from './commands/port.ts';
import { switchCommands } from './commands/switch.ts';

/** Every command, by name. */
export const commands: ReadonlyMap<string, Command> = new Map(
  [...switchCommands, ...bridgeCommands, ...portCommands, ...interfaceCommands, ...databaseCommands].map((command) => [
    command.name,
    command,
  ]),
);

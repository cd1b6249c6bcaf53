import type { Command } from './command.ts';
import { autoAttachCommands } from './commands/auto-attach.ts';
import { bondCommands } from './commands/bond.ts';
import { bridgeCommands } from './commands/bridge.ts';
import { conntrackCommands } from './commands/conntrack.ts';
import { controllerCommands } from './commands/controller.ts';
import { interfaceCommands } from './commands/interface.ts';
import { portCommands } from './commands/port.ts';
import { readingCommands } from './commands/reading.ts';
import { sslCommands } from './commands/ssl.ts';
import { switchCommands } from './commands/switch.ts';
import { writingCommands } from './commands/writing.ts';

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
    ...readingCommands,
    ...writingCommands,
  ].map((command) => [command.name, command]),
);

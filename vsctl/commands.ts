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

/** Every command, grouped as help shows them. */
export const commandGroups: readonly { readonly title: string; readonly commands: readonly Command[] }[] = [
  { title: 'Open vSwitch', commands: switchCommands },
  { title: 'Bridges', commands: bridgeCommands },
  { title: 'Ports', commands: portCommands },
  { title: 'Bonds', commands: bondCommands },
  { title: 'Interfaces', commands: interfaceCommands },
  { title: 'Controllers and managers', commands: controllerCommands },
  { title: 'TLS', commands: sslCommands },
  { title: 'Auto attach', commands: autoAttachCommands },
  { title: 'Datapaths and connection tracking', commands: conntrackCommands },
  { title: 'Looking at the database', commands: readingCommands },
  { title: 'Changing the database', commands: writingCommands },
];

/** Every command, by name. */
export const commands: ReadonlyMap<string, Command> = new Map(
  commandGroups.flatMap((group) => group.commands).map((command) => [command.name, command]),
);

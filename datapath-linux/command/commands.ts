/**
 * The commands of the switch's control socket, by what they are about, in the form of the C daemon's answers. Each reads
 * what it tells, and changes nothing that the database asks for.
 */
import type { Command } from '../../rpc/command.ts';
import { bondCommands } from './bond.ts';
import { datapathCommands } from './datapath.ts';
import { forwardingCommands } from './forwarding.ts';
import { lacpCommands } from './lacp.ts';
import { qosCommands } from './qos.ts';
import { spanningTreeCommands } from './spanning-tree.ts';
import type { SwitchView } from './view.ts';

/** Commands of one group. `view` gives what is there at the moment of the question. */
export type CommandGroup = (view: () => SwitchView) => readonly Command[];

/** To add a group: write it in a file of this folder, and name it here. */
const groups: readonly CommandGroup[] = [
  bondCommands,
  datapathCommands,
  forwardingCommands,
  lacpCommands,
  qosCommands,
  spanningTreeCommands,
];

export const switchCommands = (view: () => SwitchView): readonly Command[] => groups.flatMap((group) => group(view));

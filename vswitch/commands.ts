import { fileURLToPath } from 'node:url';
import { isOnPath } from './user.ts';
import type { Commands } from './welcome.ts';

const program = (name: string, path: string): string =>
  isOnPath(name) ? name : fileURLToPath(new URL(path, import.meta.url));

/** How a shell calls the programs: by name where they are on the PATH, else by the path of their files. */
export const shellCommands = (): Commands => ({
  vsctl: program('ovs-vsctl', '../bin/ovs-vsctl.cjs'),
  vswitch: program('vswitch', '../bin/vswitch.cjs'),
});

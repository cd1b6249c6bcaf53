import type { Places } from './places.ts';
import { type TunProblem, tunRemedies } from './tun-device.ts';

export interface Circumstances {
  readonly version: string;
  readonly places: Places;
  /** The run directory, if clients would look elsewhere by themselves. */
  readonly exported: string | undefined;
  /** Why there is no switch, only the server: undefined when there is one. */
  readonly serverOnly: 'not root' | 'no capability' | undefined;
  /** How to call the programs from here. */
  readonly commands: Commands;
  readonly tun: TunProblem | undefined;
}

export interface Commands {
  readonly vsctl: string;
  readonly vswitch: string;
}

const switchLines = {
  running: 'bridges and ports of the database become devices of this kernel',
  'not root': 'off, because you are not root: the database can be changed, the network stays as it is',
  'no capability': 'off, because this process may not change the network (CAP_NET_ADMIN is missing)',
} as const;

/** What `vswitch` says when it is ready. */
export const welcome = (circumstances: Circumstances): string => {
  const { version, places, exported, serverOnly, commands, tun } = circumstances;
  const lines = [
    `vswitch ${version} is running.`,
    `  database  ${places.database}`,
    `  socket    ${places.socket}`,
    `  switch    ${switchLines[serverOnly ?? 'running']}`,
    'In another terminal:',
    ...(exported === undefined ? [] : [`  export OVS_RUNDIR=${exported}`]),
    // With nobody to wait for, ovs-vsctl would wait for ever.
    `  ${commands.vsctl} ${serverOnly === undefined ? '' : '--no-wait '}add-br br0`,
    `  ${commands.vsctl} show`,
    `  ${commands.vswitch} doctor      says what is wrong, if something is`,
    ...(tun === undefined || serverOnly !== undefined ? [] : tunLines(tun)),
    serverOnly === undefined ? 'Ctrl-C ends it; the network then goes on forwarding as it is.' : 'Ctrl-C ends it.',
  ];
  return `${lines.join('\n')}\n`;
};

const tunLines = (problem: TunProblem): string[] => {
  const { text, commands } = tunRemedies[problem];
  return [`Note: ${text} To mend it:`, ...commands.map((command) => `  ${command}`)];
};

import { existsSync } from 'node:fs';
import { readHostNetwork } from '../datapath-linux/host.ts';
import { defaultSocket } from '../rpc/directories.ts';
import { type Finding, finding, formatFindings, remedy } from './finding.ts';
import { findings } from './findings.ts';
import { places } from './places.ts';
import { situationOf } from './situation.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';
import { tunProblem } from './tun-device.ts';
import { currentUser } from './user.ts';

/** Prints what is wrong, or that nothing is. The exit status: 1 when something is. */
export const doctor = async (db: string | undefined): Promise<number> => {
  const server = db ?? usualServer();
  const snapshot = await readSnapshot(server).catch((error: unknown) => unreachable(server, error));
  const found = 'problem' in snapshot ? [snapshot] : examine(snapshot);
  process.stdout.write('problem' in snapshot || found.length > 0 ? formatFindings(found) : allClear(snapshot));
  return found.length > 0 ? 1 : 0;
};

const examine = (snapshot: Snapshot): Finding[] => findings(situationOf(snapshot, readHostNetwork(), tunProblem()));

/** A user's own server if it runs, else the system's. */
const usualServer = (): string => {
  const { socket } = places(currentUser());
  return `unix:${existsSync(socket) ? socket : defaultSocket()}`;
};

const allClear = ({ bridges }: Snapshot): string => {
  const ports = bridges.reduce((sum, bridge) => sum + bridge.ports.length, 0);
  const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
  return `Nothing is wrong: the switch is running, with ${count(bridges.length, 'bridge')} and ${count(ports, 'port')}.\n`;
};

const start = remedy('Start it, together with the switch, as root:', 'vswitch');

/** By the system's error code. */
const reasons: ReadonlyMap<string, (server: string) => Finding> = new Map([
  ['ENOENT', (server: string) => finding(`The database server is not running: there is no ${pathOf(server)}.`, start)],
  [
    'ECONNREFUSED',
    (server: string) => finding(`The database server is not running: nobody listens on ${pathOf(server)}.`, start),
  ],
  [
    'EACCES',
    (server: string) =>
      finding(`The database server cannot be asked: you may not connect to ${pathOf(server)}.`, remedy('Ask as root.')),
  ],
]);

const pathOf = (server: string): string => server.replace(/^unix:/, '');

const unreachable = (server: string, error: unknown): Finding => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  return reasons.get(code)?.(server) ?? finding(`The database server at ${server} cannot be asked: ${message}.`);
};

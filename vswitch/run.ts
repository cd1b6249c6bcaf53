import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { startSwitch } from '../datapath-linux/switch.ts';
import { directories, makeFolder } from '../rpc/directories.ts';
import { logFor } from '../rpc/log.ts';
import { dial } from '../rpc/target.ts';
import { version } from '../rpc/version.ts';
import { Server } from '../server/server.ts';
import { shellCommands } from './commands.ts';
import { listenForServer, listenForSwitch, writePidFile } from './control.ts';
import { Ending } from './ending.ts';
import { type Places, places } from './places.ts';
import { explainStartError } from './start-error.ts';
import { tunProblem } from './tun-device.ts';
import { currentUser, mayConfigureNetwork } from './user.ts';
import { type Circumstances, welcome } from './welcome.ts';

const log = logFor('vswitch');

export interface RunOptions {
  readonly database?: string;
  readonly rundir?: string;
  /** To listen on besides the socket in the run directory. */
  readonly remote?: readonly string[];
}

/** struct sockaddr_un */
const socketPathMax = 107;

/** The program cannot start; the message is for its user. */
export class StartError extends Error {}

/** Two signals of one Ctrl-C, one of them passed on by npm, arrive closer together than a person presses twice. */
const oneKeystroke = 300;

/**
 * Runs the server and, where this process may change the network, the switch, until a signal or `ovs-appctl exit` ends it.
 * @throws StartError
 */
export const run = async ({ database, rundir, remote = [] }: RunOptions): Promise<void> => {
  // From here on every part of this process looks there, relative paths in --remote too.
  if (rundir !== undefined) process.env.OVS_RUNDIR = resolve(rundir);
  const user = currentUser();
  const found = places(user);
  const chosen = database === undefined ? found : { ...found, database: resolve(database) };
  if (!existsSync(dirname(chosen.database)) && chosen !== found) {
    throw new StartError(`${chosen.database}: its folder does not exist; make it first, or name another --database`);
  }
  process.env.OVS_RUNDIR = chosen.run;
  const serverOnly = mayConfigureNetwork() ? undefined : user.root ? 'no capability' : 'not root';
  const ending = await start(chosen, remote, serverOnly === undefined).catch((error: unknown) => {
    throw error instanceof StartError ? error : new StartError(explainStartError(error, chosen), { cause: error });
  });
  endOnSignal(ending);
  void ending.asked.then(() => end(ending));
  const circumstances: Circumstances = {
    version,
    places: chosen,
    // Another terminal has none of this one's variables.
    exported: chosen.run === directories({}).run ? undefined : chosen.run,
    serverOnly,
    commands: shellCommands(),
    tun: tunProblem(),
  };
  // Whoever read the first lines and left, as head(1) does, must not end the switch.
  process.stdout.on('error', () => {});
  process.stdout.write(welcome(circumstances));
};

/** What `ovs-vsctl set-manager` and `set-ssl` say, as with Open vSwitch's own start script. */
const managers = 'db:Open_vSwitch,Open_vSwitch,manager_options';
const tls = {
  privateKey: 'db:Open_vSwitch,SSL,private_key',
  certificate: 'db:Open_vSwitch,SSL,certificate',
  caCertificate: 'db:Open_vSwitch,SSL,ca_cert',
} as const;

/** Starts both, and returns what ends them. */
const start = async (
  { database, run: folder, socket }: Places,
  remotes: readonly string[],
  withSwitch: boolean,
): Promise<Ending> => {
  const target = `unix:${socket}`;
  refuseLong(socket);
  await refuseSecond(target);
  makeFolder(folder);
  makeFolder(dirname(database));
  const ending = new Ending();
  try {
    writePidFile('server', ending);
    const server = await Server.start({
      databases: [database],
      remotes: [`punix:${socket}`, managers, ...remotes],
      connections: { tls },
    });
    ending.add(() => server.close());
    // The server would go on trying to listen.
    (await dial(target)).destroy();
    await listenForServer(server, ending);
    if (withSwitch) {
      writePidFile('switch', ending);
      const running = startSwitch({ remote: target });
      ending.add(() => running.stop());
      await listenForSwitch(running, ending);
    }
  } catch (error) {
    await ending.run();
    throw error;
  }
  return ending;
};

/** Of a longer path the system would use the beginning. */
const refuseLong = (socket: string): void => {
  const length = Buffer.byteLength(socket);
  if (length <= socketPathMax) return;
  throw new StartError(
    `The path of a socket has at most ${socketPathMax} bytes, and ${socket} has ${length}: choose a shorter --rundir.`,
  );
};

/** Listening takes the socket's path away from whoever listens there now: with another database, no lock prevents it. */
const refuseSecond = async (target: string): Promise<void> => {
  const stream = await dial(target).catch(() => undefined);
  if (stream === undefined) return;
  stream.destroy();
  throw new StartError(
    `A server is running already: it listens on ${target.slice('unix:'.length)}. Use it as it is (ovs-vsctl show), or stop it first, or run beside it: vswitch --database FILE --rundir DIRECTORY`,
  );
};

const end = (ending: Ending): Promise<never> =>
  ending.run().then(
    () => process.exit(0),
    (error: unknown) => {
      log.err(`stopping failed: ${error instanceof Error ? error.stack : error}`);
      process.exit(1);
    },
  );

const endOnSignal = (ending: Ending): void => {
  let asked: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked !== undefined) {
      if (performance.now() - asked > oneKeystroke) process.exit(1);
      return;
    }
    asked = performance.now();
    log.info(`${signal}: stopping`);
    void end(ending);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
};

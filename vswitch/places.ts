import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { defaultDatabase, defaultSocket, directories } from '../rpc/directories.ts';

/** Who asks, as far as it decides where files are. */
export interface User {
  readonly root: boolean;
  readonly home: string;
  /** Whether this user may make files in a folder that exists. */
  readonly mayWrite: (folder: string) => boolean;
}

export interface Places {
  readonly database: string;
  /** Sockets and pid files. */
  readonly run: string;
  readonly socket: string;
}

/**
 * Where the server's files are: for root where Open vSwitch has them, for others in folders of their own (XDG Base
 * Directory Specification). The variables OVS_RUNDIR, OVS_DBDIR and OVS_SYSCONFDIR move them in both cases.
 */
export const places = (user: User, env: NodeJS.ProcessEnv = process.env): Places => {
  const run = user.root || env.OVS_RUNDIR ? directories(env).run : ownRunDirectory(user, env);
  const moved = env.OVS_DBDIR || env.OVS_SYSCONFDIR;
  const db = user.root || moved ? directories(env).db : stateDirectory(user, env);
  return { database: defaultDatabase(db), run, socket: defaultSocket(run) };
};

const stateDirectory = ({ home }: User, { XDG_STATE_HOME }: NodeJS.ProcessEnv): string =>
  join(isUsable(XDG_STATE_HOME) ? XDG_STATE_HOME : join(home, '.local/state'), 'openvswitch');

/** XDG_RUNTIME_DIR may be another user's, after su(1), or missing, outside of a login session. */
const ownRunDirectory = (user: User, env: NodeJS.ProcessEnv): string => {
  const { XDG_RUNTIME_DIR: folder } = env;
  return isUsable(folder) && user.mayWrite(folder)
    ? join(folder, 'openvswitch')
    : join(stateDirectory(user, env), 'run');
};

/** The specification has relative paths ignored. */
const isUsable = (folder: string | undefined): folder is string => folder !== undefined && isAbsolute(folder);

export const homeOf = (env: NodeJS.ProcessEnv = process.env): string => env.HOME || homedir();

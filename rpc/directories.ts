import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where Open vSwitch's programs keep their files; each can be moved by an environment variable (ovs-vswitchd(8)). */
export interface Directories {
  /** Sockets and pid files. */
  readonly run: string;
  readonly log: string;
  readonly sysconf: string;
  /** Databases. */
  readonly db: string;
}

export const directories = (env: NodeJS.ProcessEnv = process.env): Directories => {
  const sysconf = env.OVS_SYSCONFDIR || '/etc';
  return {
    run: env.OVS_RUNDIR || '/var/run/openvswitch',
    log: env.OVS_LOGDIR || '/var/log/openvswitch',
    sysconf,
    db: env.OVS_DBDIR || join(sysconf, 'openvswitch'),
  };
};

/** The schema of a virtual switch: Open vSwitch's where OVS_PKGDATADIR says, else the one that comes with this program. */
export const defaultSchema = ({ OVS_PKGDATADIR: folder }: NodeJS.ProcessEnv = process.env): string =>
  folder
    ? join(folder, 'vswitch.ovsschema')
    : fileURLToPath(new URL('../../schema/vswitch.ovsschema', import.meta.url));

/** The server's socket when no --db or --remote names another. */
export const defaultSocket = (run: string = directories().run): string => join(run, 'db.sock');
/** The database when none is named. */
export const defaultDatabase = (db: string = directories().db): string => join(db, 'conf.db');
/** A socket's path: relative ones are relative to the run directory, as in Open vSwitch. */
export const runPath = (path: string): string => resolve(directories().run, path);

const errorCode = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/**
 * Makes a folder, and those above it that are missing. Node's own `recursive` never returns where a folder cannot be made
 * although the one above is there, as in /proc.
 * @throws the system's error
 */
export const makeFolder = (path: string): void => {
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch (error) {
    const above = dirname(path);
    if (errorCode(error) === 'EEXIST') return;
    if (errorCode(error) !== 'ENOENT' || above === path) throw error;
    makeFolder(above);
    mkdirSync(path, { mode: 0o755 });
  }
};
/** A daemon's control socket when no --unixctl names another. */
export const defaultControlPath = (program: string, pid: number = process.pid): string =>
  runPath(`${program}.${pid}.ctl`);

import { chownSync, closeSync, openSync } from 'node:fs';
import { native } from '../native/index.ts';

/** The user or group that a daemon should run as cannot be had. */
export class UserError extends Error {}

/** What a daemon may still do as another user, as bits (linux/capability.h). */
export const capabilities = { networkBroadcast: 1 << 11, networkAdministration: 1 << 12, rawSockets: 1 << 13 } as const;

export interface NewUser {
  /** USER, USER:GROUP or :GROUP */
  readonly spec: string;
  /** Made theirs. */
  readonly logFile: string | undefined;
  /** A mask of `capabilities` to keep, also for the programs that this process starts. */
  readonly kept: number;
}

/**
 * Goes on as another user.
 * @throws UserError
 */
export const becomeUser = ({ spec, logFile, kept }: NewUser): void => {
  const [user = '', group = ''] = spec.split(':', 2);
  if (user === '' && group === '') return;
  const uid = user === '' ? process.getuid?.() : native().userId(user);
  if (uid === null || uid === undefined) throw new UserError(`user ${user} not found, aborting.`);
  const gid = group === '' ? native().userGroup(user) : native().groupId(group);
  if (gid === null) throw new UserError(`group ${group} not found, aborting.`);
  if (logFile !== undefined) giveLogFile(logFile, uid, gid);
  try {
    // Groups first: a mere user may not change them any more.
    if (user !== '') native().joinGroups(user, gid);
    process.setgid?.(gid);
    if (kept !== 0) native().keepCapabilities();
    if (user !== '') process.setuid?.(uid);
    if (kept !== 0) native().raiseCapabilities(kept);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`cannot become user ${spec}: ${reason}; start the program as root, or without --user`);
  }
};

const giveLogFile = (path: string, uid: number, gid: number): void => {
  try {
    closeSync(openSync(path, 'a', 0o660));
    chownSync(path, uid, gid);
  } catch {
    // The log says so when it is opened.
  }
};

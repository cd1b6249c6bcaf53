import { chownSync, closeSync, openSync } from 'node:fs';
import { native } from '../native/index.ts';

/** The user or group that a daemon should run as cannot be had. */
export class UserError extends Error {}

/**
 * Goes on as another user: USER, USER:GROUP or :GROUP. The log file, if any, is made theirs.
 * @throws UserError
 */
export const becomeUser = (spec: string, logFile: string | undefined): void => {
  const [user = '', group = ''] = spec.split(':', 2);
  const uid = user === '' ? process.getuid?.() : native().userId(user);
  if (uid === null || uid === undefined) throw new UserError(`user ${user} not found, aborting.`);
  const gid = group === '' ? native().userGroup(user) : native().groupId(group);
  if (gid === null) throw new UserError(`group ${group} not found, aborting.`);
  if (logFile !== undefined) giveLogFile(logFile, uid, gid);
  try {
    // Groups first: a mere user may not change them any more.
    if (user !== '') native().joinGroups(user, gid);
    process.setgid?.(gid);
    if (user !== '') process.setuid?.(uid);
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

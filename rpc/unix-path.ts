import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isTooLong, tooLong } from './address.ts';

/**
 * A name for a unix socket that the kernel takes. A longer one is reached through a descriptor of its folder, as Open
 * vSwitch does, which is why it is to be released when the socket is bound or connected, or its listener closed.
 */
export interface UnixPath {
  readonly path: string;
  release(): void;
}

/** @throws SystemError ENAMETOOLONG; the system's error when the folder cannot be opened */
export const shortenPath = (path: string): UnixPath => {
  if (!isTooLong(path)) return { path, release: () => {} };
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  const release = () => closeSync(folder);
  const shorter = join(`/proc/self/fd/${folder}`, basename(path));
  if (!isTooLong(shorter)) return { path: shorter, release };
  release();
  throw tooLong(path);
};

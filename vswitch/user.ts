import { accessSync, constants, readFileSync } from 'node:fs';
import { homeOf, type User } from './places.ts';

const isPermitted = (path: string, mode: number): boolean => {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
};

/** Who runs this process. */
export const currentUser = (): User => ({
  root: process.geteuid?.() === 0,
  home: homeOf(),
  mayWrite: (folder) => isPermitted(folder, constants.W_OK | constants.X_OK),
});

const netAdmin = 1n << 12n;

/** Whether this process may change the network (CAP_NET_ADMIN): root may, but for example not in every container. */
export const mayConfigureNetwork = (): boolean => {
  const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return (BigInt(`0x${effective}`) & netAdmin) !== 0n;
};

/** Whether a program of that name is on the PATH. */
export const isOnPath = (program: string, { PATH = '' }: NodeJS.ProcessEnv = process.env): boolean =>
  PATH.split(':').some((folder) => folder !== '' && isPermitted(`${folder}/${program}`, constants.X_OK));

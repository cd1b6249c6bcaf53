import { statSync } from 'node:fs';

/** The device through which programs open taps, as far as it is not as it should be. */
export type TunProblem = 'missing' | 'restricted';

const everybody = 0o666;

/** What is wrong with /dev/net/tun: without it no tap can be made, and users other than root open only what its mode allows. */
export const tunProblem = (path = '/dev/net/tun'): TunProblem | undefined => {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status?.isCharacterDevice()) return 'missing';
  return (status.mode & everybody) === everybody ? undefined : 'restricted';
};

interface Remedy {
  readonly text: string;
  readonly commands: readonly string[];
}

/** A sentence for each, and the commands that mend it. */
export const tunRemedies: { readonly [problem in TunProblem]: Remedy } = {
  missing: {
    text: '/dev/net/tun is missing, so that no tap port can be made or opened.',
    commands: ['modprobe tun', 'mkdir -p /dev/net && mknod -m 0666 /dev/net/tun c 10 200'],
  },
  restricted: {
    text: '/dev/net/tun may not be opened by everybody, so that only root can open a tap port, whoever owns it.',
    commands: ['chmod 0666 /dev/net/tun'],
  },
};

import { spawnSync } from 'node:child_process';

/** Debian's Python, which need not be the first on the PATH. */
export const python = '/usr/bin/python3';

/** Why nothing can be tried with Open vSwitch's Python library; undefined when it can. */
export const pythonLibrary = (): string | undefined => {
  const { status } = spawnSync(python, ['-c', 'import ovs.db.idl'], { stdio: 'ignore' });
  return status === 0 ? undefined : 'needs the Python library ovs (Debian: apt-get install python3-openvswitch)';
};

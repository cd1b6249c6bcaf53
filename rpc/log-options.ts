import { isLevel, setLogLevel } from './log.ts';
import type { Option } from './options.ts';

/** The options that say what a program logs (ovs-vsctl(8), "Logging options"). */
export const logOptions: readonly Option<unknown>[] = [
  {
    long: 'verbose',
    short: 'v',
    argument: 'optional',
    apply: (_settings, spec) => {
      const level = spec.split(':').at(-1) || 'dbg';
      if (isLevel(level)) setLogLevel(level);
    },
  },
];

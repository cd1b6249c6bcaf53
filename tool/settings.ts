import { type LogSettings, logOptions } from '../rpc/log-options.ts';
import type { Option } from '../rpc/options.ts';

/** What the command line's options say. */
export interface Settings extends LogSettings {
  /** How much of each record of a log is shown. */
  verbosity: number;
  /** As whose transactions are run; without a role, anything may be done. */
  role?: string;
}

export const defaultSettings = (): Settings => ({ verbosity: 0, log: { verbose: [] } });

/** The options of ovsdb-tool(1), but --help and --version. */
export const options: readonly Option<Settings>[] = [
  {
    long: 'more',
    short: 'm',
    apply: (settings) => {
      settings.verbosity++;
    },
  },
  {
    long: 'rbac-role',
    argument: 'required',
    apply: (settings, role) => {
      settings.role = role;
    },
  },
  ...logOptions('ovsdb-tool'),
];

import { type LogSettings, logOptions } from '../rpc/log-options.ts';
import type { Option } from '../rpc/options.ts';

/** What the command line's options say. */
export interface Settings extends LogSettings {
  /** How much of each record of a log is shown. */
  verbosity: number;
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
  // Roles limit what clients do. Whoever can write the file may do anything with it.
  { long: 'rbac-role', argument: 'required', apply: () => {} },
  ...logOptions('ovsdb-tool'),
];

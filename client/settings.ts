import { parseSeconds } from '../rpc/delay.ts';
import type { LogSettings, ProcessSettings } from '../rpc/log-options.ts';
import { logOptions, processOptions } from '../rpc/log-options.ts';
import { type Option, UsageError } from '../rpc/options.ts';
import { type TableStyle, tableOptions, tableStyle } from '../rpc/table.ts';
import { type TlsSettings, tlsOptions } from '../rpc/tls-options.ts';

/** What the command line's options say. */
export interface Settings extends LogSettings, ProcessSettings, TlsSettings {
  readonly style: TableStyle;
  /** Seconds after which the program ends itself. */
  timeout: number | undefined;
  /** Whether a monitor's tables tell the time. */
  timestamp: boolean;
  /** Whether a backup may be restored to a database of another schema. */
  force: boolean;
  /** Whether the server keeps the connection when a database goes: asked for if it can be, or must be, or not. */
  changeAware: 'if possible' | 'required' | 'no';
}

export const defaultSettings = (): Settings => ({
  style: tableStyle('table'),
  log: { verbose: [] },
  process: { chdir: true, unixctl: 'none' },
  tls: {},
  timeout: parseSeconds(process.env.OVS_CTL_TIMEOUT),
  timestamp: false,
  force: false,
  changeAware: 'if possible',
});

const parseTimeout = (text: string): number => {
  const seconds = parseSeconds(text);
  if (seconds === undefined) throw new UsageError(`value ${text} on -t or --timeout is invalid`);
  return seconds;
};

/** The options of ovsdb-client(1), but --help and --version. */
export const options: readonly Option<Settings>[] = [
  {
    long: 'timestamp',
    apply: (settings) => {
      settings.timestamp = true;
    },
  },
  {
    long: 'force',
    apply: (settings) => {
      settings.force = true;
    },
  },
  {
    long: 'timeout',
    short: 't',
    argument: 'required',
    apply: (settings, seconds) => {
      settings.timeout = parseTimeout(seconds);
    },
  },
  {
    long: 'db-change-aware',
    apply: (settings) => {
      settings.changeAware = 'required';
    },
  },
  {
    long: 'no-db-change-aware',
    apply: (settings) => {
      settings.changeAware = 'no';
    },
  },
  // For clusters: every server of ours leads.
  { long: 'leader-only', apply: () => {} },
  { long: 'no-leader-only', apply: () => {} },
  ...logOptions('ovsdb-client'),
  ...processOptions('ovsdb-client'),
  ...tableOptions,
  ...tlsOptions,
];

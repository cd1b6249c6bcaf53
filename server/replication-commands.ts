import { type Command, plainCommand } from '../rpc/command.ts';
import type { ActiveBackup } from './active-backup.ts';
import { ExcludedTables } from './excluded-tables.ts';

const prefix = 'ovsdb-server/';

/**
 * The commands about active and backup servers (ovsdb-server(1), "Active-Backup Commands").
 * @param changes wraps those that change the server
 * @param status tells how far the backup is
 */
export const replicationCommands = (
  pair: ActiveBackup,
  changes: (run: Command['run']) => Command['run'],
  status: () => string,
): readonly Command[] => {
  const setter = (name: string, set: (value: string) => string): Command => ({
    name: `${prefix}${name}`,
    usage: '',
    min: 1,
    max: 1,
    run: changes(([value = '']) => set(value)),
  });
  const action = (name: string, act: () => string): Command => ({
    ...plainCommand(`${prefix}${name}`, act),
    run: changes(act),
  });
  return [
    setter('set-active-ovsdb-server', (target) => {
      pair.target = target;
      return '';
    }),
    setter('set-active-ovsdb-server-probe-interval', (interval) => {
      // No error, as in Open vSwitch.
      if (!/^[+-]?\d+$/.test(interval)) return 'Invalid probe interval, integer value expected';
      pair.probeInterval = Math.max(0, Number(interval));
      return '';
    }),
    setter('set-sync-exclude-tables', (tables) => {
      pair.excluded = new ExcludedTables(tables);
      return '';
    }),
    action('connect-active-ovsdb-server', () =>
      pair.connect() ? '' : 'Unable to connect: active server is not specified.',
    ),
    action('disconnect-active-ovsdb-server', () => {
      pair.disconnect();
      return '';
    }),
    plainCommand(`${prefix}get-active-ovsdb-server`, () => pair.target ?? ''),
    plainCommand(`${prefix}get-sync-exclude-tables`, () => pair.excluded.toString()),
    plainCommand(`${prefix}sync-status`, status),
  ];
};

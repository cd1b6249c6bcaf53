import { type Command, CommandError, plainCommand } from '../rpc/command.ts';
import { ExcludedTables } from './excluded-tables.ts';
import type { Service } from './service.ts';

const prefix = 'ovsdb-server/';

const parseInterval = (text: string): number => {
  if (!/^[+-]?\d+$/.test(text)) throw new CommandError('Invalid probe interval, integer value expected');
  return Math.max(0, Number(text));
};

/**
 * The commands about active and backup servers, and relays (ovsdb-server(1), "Active-Backup Commands").
 * @param changes wraps those that change the server
 */
export const replicationCommands = (
  service: Service,
  changes: (run: Command['run']) => Command['run'],
): readonly Command[] => {
  const { pair } = service;
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
      pair.settings = { ...pair.settings, probeInterval: parseInterval(interval) };
      return '';
    }),
    setter('set-relay-source-probe-interval', (interval) => {
      service.relayProbeInterval = parseInterval(interval);
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
    plainCommand(`${prefix}sync-status`, () => service.syncStatus),
  ];
};

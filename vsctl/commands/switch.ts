import { Datum, defaultDatum } from '../../schema/datum.ts';
import type { Command } from '../command.ts';
import type { Context, Output } from '../context.ts';
import { showCommand } from './show.ts';

/** Columns that the emergency reset empties. */
const resetColumns: ReadonlyMap<string, readonly string[]> = new Map([
  ['Open_vSwitch', ['manager_options', 'ssl']],
  ['Bridge', ['controller', 'fail_mode', 'mirrors', 'netflow', 'sflow', 'ipfix', 'other_config']],
  ['Port', ['other_config']],
  ['Interface', ['ingress_policing_rate', 'ingress_policing_burst']],
]);

/** Undoes what controllers and monitoring have configured, and leaves bridges, ports and interfaces as they are. */
const emergencyReset = ({ view }: Context): Output => {
  const rowsOf = (name: string) =>
    view.all(
      view.table(name),
      (resetColumns.get(name) ?? []).map((each) => view.column(name, each)),
    );
  for (const name of resetColumns.keys())
    view.wantAll(
      view.table(name),
      (resetColumns.get(name) ?? []).map((each) => view.column(name, each)),
    );
  for (const [name, columns] of resetColumns) {
    for (const row of rowsOf(name)) {
      for (const each of columns) {
        const column = view.column(name, each);
        const keepsAddress = name === 'Bridge' && each === 'other_config';
        const kept = keepsAddress ? hardwareAddress(view.get(row, column)) : undefined;
        if (keepsAddress) view.guard(row, column);
        view.assign(row, column, kept ?? defaultDatum(column.type));
      }
    }
  }
  return '';
};

/** Of a bridge's other_config, its address is kept. */
const hardwareAddress = (config: Datum): Datum | undefined => {
  const address = config.get('hwaddr');
  return address === undefined ? undefined : Datum.empty.put('hwaddr', address);
};

export const switchCommands: readonly Command[] = [
  {
    name: 'init',
    about: 'create the configuration if there is none yet',
    minArguments: 0,
    maxArguments: 0,
    usage: '',
    options: [],
    writes: true,
    run: () => '',
  },
  showCommand,
  {
    name: 'emer-reset',
    minArguments: 0,
    maxArguments: 0,
    usage: '',
    about: 'remove controllers, mirrors and flow export',
    options: [],
    writes: true,
    run: emergencyReset,
  },
];

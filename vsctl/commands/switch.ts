import { Datum, defaultDatum } from '../../schema/datum.ts';
import { printDatum } from '../../schema/print.ts';
import type { TableSchema } from '../../schema/schema.ts';
import type { Command } from '../command.ts';
import type { Context, Output } from '../context.ts';
import type { RowRef } from '../edit.ts';

/** What `show` prints of a table's rows: the column that a row's line ends with, and those below it. */
interface Shown {
  readonly title?: string;
  readonly columns: readonly string[];
}

const shown: ReadonlyMap<string, Shown> = new Map([
  ['Open_vSwitch', { columns: ['manager_options', 'bridges', 'ovs_version'] }],
  ['Bridge', { title: 'name', columns: ['controller', 'fail_mode', 'datapath_type', 'ports'] }],
  ['Port', { title: 'name', columns: ['tag', 'trunks', 'interfaces'] }],
  ['Interface', { title: 'name', columns: ['type', 'options', 'error'] }],
  ['Controller', { title: 'target', columns: ['is_connected'] }],
  ['Manager', { title: 'target', columns: ['is_connected'] }],
]);

const show = (context: Context): Output => {
  const rows = context.view.all(context.view.table('Open_vSwitch'));
  load(context, rows);
  return rows.map((row) => showRow(context, row, 0)).join('');
};

/** Reads what is to be shown, one level of the tree at a time. */
const load = (context: Context, rows: readonly RowRef[]): void => {
  const { view } = context;
  const byTable = new Map<TableSchema, RowRef[]>();
  for (const row of rows) {
    const members = byTable.get(row.table) ?? [];
    byTable.set(row.table, members);
    members.push(row);
  }
  const below: RowRef[] = [];
  for (const [table, members] of byTable) {
    const { title, columns = [] } = shown.get(table.name) ?? {};
    const needed = (title === undefined ? columns : [title, ...columns]).map((name) => table.column(name));
    view.load(members, needed);
    for (const row of members) for (const column of needed) below.push(...context.model.references(row, column));
  }
  if (below.length > 0) load(context, below);
};

const showRow = (context: Context, row: RowRef, level: number): string => {
  const { view, model } = context;
  const { title, columns = [] } = shown.get(row.table.name) ?? {};
  const indent = '    '.repeat(level);
  const column = title === undefined ? undefined : row.table.column(title);
  const heading =
    column === undefined ? row.uuid : `${row.table.name} ${printDatum(view.get(row, column), column.type)}`;
  let text = `${indent}${heading}\n`;
  for (const name of columns) {
    const each = row.table.column(name);
    if (shown.has(each.type.key.refTable ?? '')) {
      for (const member of model.references(row, each)) text += showRow(context, member, level + 1);
    } else if (!view.get(row, each).equals(defaultDatum(each.type))) {
      text += `${indent}    ${name}: ${printDatum(view.get(row, each), each.type)}\n`;
    }
  }
  return text;
};

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
        const kept = name === 'Bridge' && each === 'other_config' ? hardwareAddress(view.get(row, column)) : undefined;
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
  {
    name: 'show',
    about: 'print an overview of the configuration',
    minArguments: 0,
    maxArguments: 0,
    usage: '',
    options: [],
    writes: false,
    run: show,
  },
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

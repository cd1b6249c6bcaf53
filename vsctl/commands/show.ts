import { type Datum, defaultDatum } from '../../schema/datum.ts';
import { printDatum } from '../../schema/print.ts';
import type { Column, DatabaseSchema, TableSchema } from '../../schema/schema.ts';
import type { Command } from '../command.ts';
import type { Context, Invocation, Output } from '../context.ts';
import type { RowRef } from '../edit.ts';
import { CommandFailure } from '../failure.ts';
import { findTable } from '../name.ts';
import type { RowReader } from '../view.ts';

/** The table that the overview begins with. */
const rootTable = 'Open_vSwitch';

/** What `show` prints of a table's rows: the column that a row's line ends with, and those below it. */
interface Shown {
  readonly title?: string;
  readonly columns: readonly string[];
}

const shown: ReadonlyMap<string, Shown> = new Map([
  [rootTable, { columns: ['manager_options', 'bridges', 'ovs_version'] }],
  ['Bridge', { title: 'name', columns: ['controller', 'fail_mode', 'datapath_type', 'ports'] }],
  ['Port', { title: 'name', columns: ['tag', 'trunks', 'interfaces'] }],
  ['Interface', { title: 'name', columns: ['type', 'options', 'error'] }],
  ['Controller', { title: 'target', columns: ['is_connected'] }],
  ['Manager', { title: 'target', columns: ['is_connected'] }],
]);

/** By table: a row is shown if its text, with all that is below it, contains one of these, in whatever case. */
type Filter = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * TABLE(TEXT|TEXT…),… or TEXT|… alone, which is about everything.
 * @throws CommandFailure
 */
const parseFilter = (schema: DatabaseSchema, argument: string): Filter => {
  const filter = new Map<string, Set<string>>();
  for (const rule of argument.split(',').filter((each) => each !== '')) {
    const [table, texts] = parseRule(schema, rule);
    const wanted = filter.get(table) ?? new Set();
    for (const text of texts.split('|')) if (text !== '') wanted.add(text.toLowerCase());
    filter.set(table, wanted);
  }
  return filter;
};

const parseRule = (schema: DatabaseSchema, rule: string): [table: string, texts: string] => {
  const open = rule.indexOf('(');
  if (open < 0) return [rootTable, rule];
  if (!rule.endsWith(')')) throw new CommandFailure("Malformed filter: missing closing ')'");
  return [findTable(schema, rule.slice(0, open)).name, rule.slice(open + 1, -1)];
};

/** How to print the rows of one table. */
interface Layout {
  readonly name: string;
  readonly title: Column | undefined;
  readonly columns: readonly {
    readonly column: Column;
    /** The table of the rows that the column refers to, if they are shown in its place. */
    readonly nested: TableSchema | undefined;
    /** The value that is not shown. */
    readonly standard: Datum;
  }[];
  readonly wanted: ReadonlySet<string> | undefined;
}

const layoutsOf = (schema: DatabaseSchema, filter: Filter): ReadonlyMap<string, Layout> => {
  const layouts = new Map<string, Layout>();
  for (const [name, { title, columns }] of shown) {
    const table = schema.tables.get(name);
    if (table === undefined) continue;
    layouts.set(name, {
      name,
      title: title === undefined ? undefined : table.column(title),
      columns: columns.map((each) => {
        const column = table.column(each);
        const { refTable = '' } = column.type.key;
        const nested = shown.has(refTable) ? schema.tables.get(refTable) : undefined;
        return { column, nested, standard: defaultDatum(column.type) };
      }),
      wanted: filter.get(name),
    });
  }
  return layouts;
};

const show = (context: Context, { options }: Invocation): Output => {
  const { view, schema } = context;
  const layouts = layoutsOf(schema, parseFilter(schema, options.get('--filter') ?? ''));
  // Nearly every row of these tables is shown, so all are read whole, at once.
  for (const { name, title, columns } of layouts.values()) {
    const needed = columns.map(({ column }) => column);
    view.wantAll(view.table(name), title === undefined ? needed : [title, ...needed]);
  }
  return view
    .all(view.table(rootTable))
    .map((row) => rowText(context, layouts, row, ''))
    .join('');
};

const rowText = (context: Context, layouts: ReadonlyMap<string, Layout>, row: RowRef, indent: string): string => {
  const layout = layouts.get(row.table.name);
  const reader = context.view.reader(row);
  if (layout === undefined || reader === undefined) return '';
  const { name, title, columns, wanted } = layout;
  const below = `${indent}    `;
  let text = `${indent}${title === undefined ? row.uuid : `${name} ${printed(reader, title)}`}\n`;
  for (const { column, nested, standard } of columns) {
    const datum = reader.get(column) ?? standard;
    if (nested !== undefined) {
      for (const uuid of datum.keys()) {
        text += rowText(context, layouts, context.view.reference(nested, String(uuid)), below);
      }
    } else if (!datum.equals(standard)) {
      text += `${below}${column.name}: ${printDatum(datum, column.type)}\n`;
    }
  }
  return wanted === undefined || containsAny(text, wanted) ? text : '';
};

const printed = (reader: RowReader, column: Column): string =>
  printDatum(reader.get(column) ?? defaultDatum(column.type), column.type);

const containsAny = (text: string, parts: ReadonlySet<string>): boolean => {
  const lower = text.toLowerCase();
  return [...parts].some((each) => lower.includes(each));
};

export const showCommand: Command = {
  name: 'show',
  about: 'print an overview of the configuration',
  minArguments: 0,
  maxArguments: 0,
  usage: '',
  options: ['--filter='],
  writes: false,
  run: show,
};

import { compareStrings } from '../../schema/atom.ts';
import { Datum } from '../../schema/datum.ts';
import type { Command } from '../command.ts';
import type { Context, Invocation, Output } from '../context.ts';
import type { RowRef } from '../edit.ts';
import { CommandFailure } from '../failure.ts';
import type { Bridge } from '../model.ts';
import { lines } from './bridge.ts';

/** A column that refers to rows with a target: a bridge's controllers, or the switch's managers. */
interface Targets {
  readonly row: RowRef;
  readonly column: string;
  /** Connection methods for which there is no warning. */
  readonly methods: ReadonlySet<string>;
}

const activeMethods = ['tcp', 'ssl', 'unix'];
const passiveMethods = ['ptcp', 'pssl', 'punix'];

const controllersOf = ({ row }: Bridge): Targets => ({
  row,
  column: 'controller',
  methods: new Set([...activeMethods, ...passiveMethods]),
});

const managersOf = ({ root }: Context): Targets => ({
  row: root,
  column: 'manager_options',
  methods: new Set([...activeMethods, ...passiveMethods]),
});

const getTargets = ({ view, model }: Context, { row, column }: Targets): Output => {
  const rows = model.references(row, row.table.column(column));
  view.load(
    rows,
    rows.slice(0, 1).map(({ table }) => table.column('target')),
  );
  return lines(rows.map((each) => String(view.scalar(each, each.table.column('target')))).sort(compareStrings));
};

const clearTargets = ({ view }: Context, { row, column }: Targets): Output => {
  view.assign(row, row.table.column(column), Datum.empty);
  return '';
};

const setTargets = (
  context: Context,
  { row, column: columnName, methods }: Targets,
  targets: readonly string[],
  { options }: Invocation,
): Output => {
  const { view, warn } = context;
  const column = row.table.column(columnName);
  const table = view.table(column.type.key.refTable ?? '');
  const probe = options.get('--inactivity-probe');
  const rows = targets.map((target) => {
    if (!methods.has(target.slice(0, target.indexOf(':')))) {
      warn('vsctl', `target type "${target}" is possibly erroneous`);
    }
    const each = view.insert(table);
    view.assign(each, table.column('target'), Datum.of(target));
    if (probe !== undefined) {
      view.assign(each, table.column('inactivity_probe'), Datum.of(Number.parseInt(probe, 10) || 0));
    }
    return each;
  });
  view.assign(row, column, Datum.of(...rows.map(({ uuid }) => uuid)));
  return '';
};

const getFailMode = ({ view, model }: Context, { arguments: [name = ''] }: Invocation): Output => {
  const mode = view.scalar(model.bridge(name).row, view.column('Bridge', 'fail_mode'));
  return mode === undefined || mode === '' ? '' : `${mode}\n`;
};

const setFailMode = ({ view, model }: Context, { arguments: [name = '', mode = ''] }: Invocation): Output => {
  const { row } = model.realBridge(name);
  if (mode !== 'standalone' && mode !== 'secure') {
    throw new CommandFailure('fail-mode must be "standalone" or "secure"');
  }
  view.assign(row, view.column('Bridge', 'fail_mode'), Datum.of(mode));
  return '';
};

const deleteFailMode = ({ view, model }: Context, { arguments: [name = ''] }: Invocation): Output => {
  view.assign(model.realBridge(name).row, view.column('Bridge', 'fail_mode'), Datum.empty);
  return '';
};

const ofBridge = { minArguments: 1, maxArguments: 1, usage: 'BRIDGE', options: [] };
const ofSwitch = { minArguments: 0, maxArguments: 0, usage: '', options: [] };

export const controllerCommands: readonly Command[] = [
  {
    ...ofBridge,
    name: 'get-controller',
    about: 'print the controllers of a bridge',
    writes: false,
    run: (context, { arguments: [name = ''] }) => getTargets(context, controllersOf(context.model.bridge(name))),
  },
  {
    ...ofBridge,
    name: 'del-controller',
    about: 'remove the controllers of a bridge',
    writes: true,
    run: (context, { arguments: [name = ''] }) => clearTargets(context, controllersOf(context.model.realBridge(name))),
  },
  {
    name: 'set-controller',
    minArguments: 1,
    maxArguments: Infinity,
    usage: 'BRIDGE TARGET...',
    about: 'set the OpenFlow controllers of a bridge',
    options: ['--inactivity-probe='],
    writes: true,
    run: (context, invocation) => {
      const [name = '', ...targets] = invocation.arguments;
      return setTargets(context, controllersOf(context.model.realBridge(name)), targets, invocation);
    },
  },
  {
    ...ofBridge,
    name: 'get-fail-mode',
    about: 'print what a bridge does without a controller',
    writes: false,
    run: getFailMode,
  },
  {
    ...ofBridge,
    name: 'del-fail-mode',
    about: 'go back to the default, standalone',
    writes: true,
    run: deleteFailMode,
  },
  {
    name: 'set-fail-mode',
    minArguments: 2,
    maxArguments: 2,
    usage: 'BRIDGE MODE',
    about: 'set what it does then: standalone or secure',
    options: [],
    writes: true,
    run: setFailMode,
  },
  {
    ...ofSwitch,
    name: 'get-manager',
    about: 'print the managers',
    writes: false,
    run: (context) => getTargets(context, managersOf(context)),
  },
  {
    ...ofSwitch,
    name: 'del-manager',
    about: 'remove the managers',
    writes: true,
    run: (context) => clearTargets(context, managersOf(context)),
  },
  {
    name: 'set-manager',
    minArguments: 1,
    maxArguments: Infinity,
    usage: 'TARGET...',
    about: 'set where the server listens and connects to',
    options: ['--inactivity-probe='],
    writes: true,
    run: (context, invocation) => setTargets(context, managersOf(context), invocation.arguments, invocation),
  },
];

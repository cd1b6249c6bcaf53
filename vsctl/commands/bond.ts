import { Datum } from '../../schema/datum.ts';
import type { Command } from '../command.ts';
import type { Context, Invocation, Output } from '../context.ts';
import { CommandFailure } from '../failure.ts';
import { addPort, commandText } from './port.ts';

/** Interfaces come first; the first word with a "=" begins the settings. */
const splitArguments = (words: readonly string[]): { interfaces: readonly string[]; settings: readonly string[] } => {
  const at = words.findIndex((word) => word.includes('='));
  const count = at < 0 ? words.length : at;
  return { interfaces: words.slice(0, count), settings: words.slice(count) };
};

const addBond = (context: Context, invocation: Invocation): Output => {
  const [bridgeName = '', name = '', ...rest] = invocation.arguments;
  const { interfaces, settings } = splitArguments(rest);
  if (interfaces.length < 2) {
    throw new CommandFailure(`add-bond requires at least 2 interfaces, but only ${interfaces.length} were specified`);
  }
  const fakeInterface = invocation.options.has('--fake-iface');
  return addPort(context, invocation, { bridgeName, name, interfaces, settings, fakeInterface });
};

const addBondInterface = (context: Context, invocation: Invocation): Output => {
  const { view, model, newInterfaces } = context;
  const [portName = '', name = ''] = invocation.arguments;
  const port = model.port(portName);
  const holder = invocation.options.has('--may-exist') ? model.findInterface(name)?.port : undefined;
  if (holder?.row === port.row) return '';
  if (holder !== undefined) {
    throw new CommandFailure(`"${commandText(invocation)}" but ${name} is actually attached to port ${holder.name}`);
  }
  model.checkConflicts(name, `cannot create an interface named ${name}`);
  const table = view.table('Interface');
  const device = view.insert(table);
  view.assign(device, table.column('name'), Datum.of(name));
  newInterfaces.push(device);
  view.put(port.row, view.column('Port', 'interfaces'), device.uuid);
  return '';
};

const deleteBondInterface = ({ view, model }: Context, { options, arguments: words }: Invocation): Output => {
  const [first = '', second] = words;
  const name = second ?? first;
  const found = options.has('--if-exists') ? model.findInterface(name) : model.interface(name);
  if (found === undefined) return '';
  const { port, row } = found;
  if (second !== undefined && model.port(first).row !== port.row) {
    throw new CommandFailure(`port ${first} does not have an interface ${name}`);
  }
  const column = view.column('Port', 'interfaces');
  const count = view.get(port.row, column).size;
  view.guard(port.row, column);
  if (count === 1) {
    throw new CommandFailure(`cannot delete last interface from port ${port.name}`);
  }
  view.remove(port.row, column, row.uuid);
  view.delete(row);
  return '';
};

export const bondCommands: readonly Command[] = [
  {
    name: 'add-bond',
    minArguments: 4,
    maxArguments: Infinity,
    usage: 'BRIDGE BOND IFACE... [COLUMN[:KEY]=VALUE]...',
    synopsis: 'BRIDGE PORT IFACE... [COLUMN[:KEY]=VALUE]...',
    about: 'make one port of several network devices',
    options: ['--may-exist', '--fake-iface'],
    writes: true,
    run: addBond,
  },
  {
    name: 'add-bond-iface',
    minArguments: 2,
    maxArguments: 2,
    usage: 'BOND IFACE',
    about: 'add a network device to a bond',
    options: ['--may-exist'],
    writes: true,
    run: addBondInterface,
  },
  {
    name: 'del-bond-iface',
    minArguments: 1,
    maxArguments: 2,
    usage: '[BOND] IFACE',
    about: 'remove a network device from a bond',
    options: ['--if-exists'],
    writes: true,
    run: deleteBondInterface,
  },
];

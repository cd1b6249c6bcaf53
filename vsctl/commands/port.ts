import { compareStrings } from '../../schema/atom.ts';
import { Datum } from '../../schema/datum.ts';
import type { Command } from '../command.ts';
import { commandLine } from '../comment.ts';
import type { Context, Invocation, Output } from '../context.ts';
import type { RowRef } from '../edit.ts';
import { CommandFailure } from '../failure.ts';
import type { Bridge, Port } from '../model.ts';
import { assignColumn } from '../setting.ts';
import type { View } from '../view.ts';
import { lines } from './bridge.ts';

/** A new port with these interfaces, not yet in a bridge. */
export const insertPort = (view: View, name: string, interfaces: readonly RowRef[]): RowRef => {
  const table = view.table('Port');
  const port = view.insert(table);
  view.assign(port, table.column('name'), Datum.of(name));
  view.assign(port, table.column('interfaces'), Datum.of(...interfaces.map(({ uuid }) => uuid)));
  return port;
};

/** Deletes a port with its interfaces, and takes it out of the bridge. */
export const deletePort = (view: View, port: RowRef, bridge: RowRef): void => {
  const interfaces = view.get(port, view.column('Port', 'interfaces'));
  for (const uuid of interfaces.keys()) view.delete(view.reference(view.table('Interface'), String(uuid)));
  view.delete(port);
  view.remove(bridge, view.column('Bridge', 'ports'), port.uuid);
};

interface NewPort {
  readonly bridgeName: string;
  readonly name: string;
  readonly interfaces: readonly string[];
  readonly settings: readonly string[];
  readonly fakeInterface: boolean;
}

/** Creates a port, or insists that it is as wanted if `--may-exist` allows it to be there. */
export const addPort = (context: Context, invocation: Invocation, wanted: NewPort): Output => {
  const { view, model, newInterfaces } = context;
  const { bridgeName, name, interfaces, settings, fakeInterface } = wanted;
  if (name === '') throw new CommandFailure('port name must not be empty string');
  if (interfaces.includes('')) throw new CommandFailure('interface name must not be empty string');
  if (invocation.options.has('--may-exist')) {
    const port = model.findPort(name);
    if (port !== undefined && port.name !== port.bridge.name)
      return checkSamePort(context, port, wanted, commandText(invocation));
  }
  model.checkConflicts(name, `cannot create a port named ${name}`);
  for (const each of interfaces) model.checkConflicts(each, `cannot create an interface named ${each}`);
  const bridge = model.bridge(bridgeName);
  const devices = interfaces.map((each) => {
    const device = view.insert(view.table('Interface'));
    view.assign(device, view.column('Interface', 'name'), Datum.of(each));
    return device;
  });
  newInterfaces.push(...devices);
  const port = insertPort(view, name, devices);
  if (fakeInterface) view.assign(port, view.column('Port', 'bond_fake_iface'), Datum.of(true));
  if (bridge.fake !== undefined) view.assign(port, view.column('Port', 'tag'), Datum.of(bridge.fake.vlan));
  for (const setting of settings) assignColumn(context, port, setting);
  view.put(bridge.row, view.column('Bridge', 'ports'), port.uuid);
  return '';
};

/** A command as it was given, for a message to quote. */
export const commandText = ({ name, options, arguments: words }: Invocation): string => {
  const given = [...options].map(([option, value]) => (value === undefined ? option : `${option}=${value}`));
  return commandLine([...given, name, ...words]);
};

/** Whether a port that exists is the one that `--may-exist` was to make. */
const checkSamePort = (
  { model }: Context,
  port: Port,
  { bridgeName, name, interfaces }: NewPort,
  command: string,
): Output => {
  if (port.bridge.name !== bridgeName) {
    throw new CommandFailure(`"${command}" but ${name} is actually attached to bridge ${port.bridge.name}`);
  }
  const actual = model.interfaceNames(port);
  const wanted = [...interfaces].sort(compareStrings);
  if (actual.join('\0') !== wanted.join('\0')) {
    throw new CommandFailure(`"${command}" but ${name} actually has interface(s) ${actual.join(', ')}`);
  }
  return '';
};

/** The port that `del-port` is to delete, or undefined if it may be absent and is. */
const portToDelete = ({ model }: Context, { options }: Invocation, target: string): Port | undefined => {
  const mustExist = !options.has('--if-exists');
  if (!options.has('--with-iface')) return mustExist ? model.port(target) : model.findPort(target);
  const port = model.findPort(target) ?? model.findInterface(target)?.port;
  if (mustExist && port === undefined) throw new CommandFailure(`no port or interface named ${target}`);
  return port;
};

const delPort = (context: Context, invocation: Invocation): Output => {
  const { view, model } = context;
  const [first = '', second] = invocation.arguments;
  const target = second ?? first;
  const bridge = second === undefined ? undefined : model.bridge(first);
  const port = portToDelete(context, invocation, target);
  if (port === undefined) return '';
  if (port.name === port.bridge.name) {
    throw new CommandFailure(
      `cannot delete port ${port.name} because it is the local port for bridge ${port.name} (deleting this port requires deleting the entire bridge)`,
    );
  }
  if (bridge !== undefined && bridge.name !== port.bridge.name) throw wrongBridge(bridge, port, target);
  deletePort(view, port.row, port.bridge.row);
  return '';
};

const wrongBridge = (bridge: Bridge, port: Port, target: string): CommandFailure => {
  const isChild = port.bridge.fake?.parent.name === bridge.name;
  const hint = isChild ? ` (although its child bridge ${port.bridge.name} does)` : '';
  return new CommandFailure(`bridge ${bridge.name} does not have a port ${target}${hint}`);
};

const listPorts = ({ model }: Context, { arguments: [name = ''] }: Invocation): Output =>
  lines(model.ports(model.bridge(name)).map((port) => port.name));

const portToBridge = ({ model }: Context, { arguments: [name = ''] }: Invocation): Output => {
  const port = model.port(name);
  if (port.bridge.name === name) throw new CommandFailure(`no port named ${name}`);
  return `${port.bridge.name}\n`;
};

const addPortCommand: Command = {
  name: 'add-port',
  synopsis: 'BRIDGE PORT [COLUMN[:KEY]=VALUE]...',
  about: 'attach a network device to a bridge',
  minArguments: 2,
  maxArguments: Infinity,
  usage: 'BRIDGE NEW-PORT [COLUMN[:KEY]=VALUE]...',
  options: ['--may-exist'],
  writes: true,
  run: (context, invocation) => {
    const [bridgeName = '', name = '', ...settings] = invocation.arguments;
    return addPort(context, invocation, {
      bridgeName,
      name,
      interfaces: [name],
      settings,
      fakeInterface: false,
    });
  },
};

export const portCommands: readonly Command[] = [
  addPortCommand,
  {
    name: 'del-port',
    minArguments: 1,
    maxArguments: 2,
    usage: '[BRIDGE] PORT|IFACE',
    synopsis: '[BRIDGE] PORT',
    about: 'delete a port',
    options: ['--if-exists', '--with-iface'],
    writes: true,
    run: delPort,
  },
  {
    name: 'list-ports',
    about: 'print its ports but the local one',
    minArguments: 1,
    maxArguments: 1,
    usage: 'BRIDGE',
    options: [],
    writes: false,
    run: listPorts,
  },
  {
    name: 'port-to-br',
    minArguments: 1,
    maxArguments: 1,
    usage: 'PORT',
    about: 'print the bridge that a port is on',
    options: [],
    writes: false,
    run: portToBridge,
  },
];

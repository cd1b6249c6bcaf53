import { compareStrings } from '../../schema/atom.ts';
import { Datum } from '../../schema/datum.ts';
import type { Column } from '../../schema/schema.ts';
import type { Command } from '../command.ts';
import type { Context, Invocation, Output } from '../context.ts';
import type { RowRef } from '../edit.ts';
import { CommandFailure } from '../failure.ts';
import type { Bridge } from '../model.ts';
import { deletePort, insertPort } from './port.ts';

const addBridge = (
  { view, model, root, newInterfaces }: Context,
  { options, arguments: [name = '', parent, vlan] }: Invocation,
) => {
  if (name === '') throw new CommandFailure('bridge name must not be empty string');
  if (parent !== undefined && vlan === undefined) {
    throw new CommandFailure("'add-br' command takes exactly 1 or 3 arguments");
  }
  const tag = vlan === undefined ? 0 : parseVlan(vlan);
  if (options.has('--may-exist')) {
    const bridge = model.findBridge(name);
    if (bridge !== undefined) return checkSame(bridge, name, parent, tag);
  }
  model.checkConflicts(name, `cannot create a bridge named ${name}`);
  const table = view.table('Interface');
  const device = view.insert(table);
  view.assign(device, table.column('name'), Datum.of(name));
  view.assign(device, table.column('type'), Datum.of('internal'));
  newInterfaces.push(device);
  if (parent === undefined) addRealBridge({ view, root }, name, device);
  else addFakeBridge({ view, model }, name, parent, tag, device);
  return '';
};

const parseVlan = (text: string): number => {
  const vlan = /^\s*[+-]?\d+/.test(text) ? Number.parseInt(text, 10) : 0;
  if (vlan < 0 || vlan > 4095) throw new CommandFailure('add-br: vlan must be between 0 and 4095');
  return vlan;
};

/** Whether a bridge that exists is the one that `--may-exist` was to make. */
const checkSame = ({ fake }: Bridge, name: string, parent: string | undefined, vlan: number): Output => {
  if (parent === undefined) {
    if (fake === undefined) return '';
    throw new CommandFailure(`"--may-exist add-br ${name}" but ${name} is a VLAN bridge for VLAN ${fake.vlan}`);
  }
  const command = `"--may-exist add-br ${name} ${parent} ${vlan}"`;
  if (fake === undefined) throw new CommandFailure(`${command} but ${name} is not a VLAN bridge`);
  if (fake.parent.name !== parent) {
    throw new CommandFailure(`${command} but ${name} has the wrong parent ${fake.parent.name}`);
  }
  if (fake.vlan !== vlan) {
    throw new CommandFailure(`${command} but ${name} is a VLAN bridge for the wrong VLAN ${fake.vlan}`);
  }
  return '';
};

const addRealBridge = ({ view, root }: Pick<Context, 'view' | 'root'>, name: string, device: RowRef): void => {
  const port = insertPort(view, name, [device]);
  const table = view.table('Bridge');
  const bridge = view.insert(table);
  view.assign(bridge, table.column('name'), Datum.of(name));
  view.put(bridge, table.column('ports'), port.uuid);
  view.put(root, view.column('Open_vSwitch', 'bridges'), bridge.uuid);
};

const addFakeBridge = (
  { view, model }: Pick<Context, 'view' | 'model'>,
  name: string,
  parentName: string,
  vlan: number,
  device: RowRef,
): void => {
  const parent = model.findBridge(parentName);
  if (parent?.fake !== undefined) throw new CommandFailure('cannot create bridge with fake bridge as parent');
  if (parent === undefined) throw new CommandFailure(`parent bridge ${parentName} does not exist`);
  const [taken] = model.fakeBridges(parent, vlan);
  if (taken !== undefined) {
    throw new CommandFailure(`bridge ${parentName} already has a child VLAN bridge ${taken.name} on VLAN ${vlan}`);
  }
  const port = insertPort(view, name, [device]);
  view.assign(port, view.column('Port', 'fake_bridge'), Datum.of(true));
  view.assign(port, view.column('Port', 'tag'), Datum.of(vlan));
  view.put(parent.row, view.column('Bridge', 'ports'), port.uuid);
};

const deleteBridge = ({ view, model, root }: Context, { options, arguments: [name = ''] }: Invocation): Output => {
  const bridge = options.has('--if-exists') ? model.findBridge(name) : model.bridge(name);
  if (bridge === undefined) return '';
  if (bridge.fake !== undefined) {
    for (const port of model.portsOnVlan(bridge.row, bridge.fake.vlan)) deletePort(view, port, bridge.row);
    deletePort(view, bridge.fake.port, bridge.row);
    return '';
  }
  for (const port of model.references(bridge.row, view.column('Bridge', 'ports'))) deletePort(view, port, bridge.row);
  view.remove(root, view.column('Open_vSwitch', 'bridges'), bridge.row.uuid);
  view.delete(bridge.row);
  return '';
};

const listBridges = ({ model }: Context, { options }: Invocation): Output => {
  const [real, fake] = [options.has('--real'), options.has('--fake')];
  const bridges = [...(real || !fake ? model.realBridges() : []), ...(fake || !real ? model.fakeBridges() : [])];
  return lines(bridges.map(({ name }) => name).sort(compareStrings));
};

/** Each word on a line of its own. */
export const lines = (words: readonly string[]): string => words.map((word) => `${word}\n`).join('');

const bridgeExists = ({ model }: Context, { arguments: [name = ''] }: Invocation): Output => {
  if (model.findBridge(name) === undefined) throw new CommandFailure('', 2);
  return '';
};

/** Where a bridge keeps its external ids: a fake one in its port's, each key with a prefix. */
const externalIds = ({ view }: Context, { row, fake }: Bridge): { row: RowRef; column: Column; prefix: string } => {
  if (fake === undefined) return { row, column: view.column('Bridge', 'external_ids'), prefix: '' };
  return { row: fake.port, column: view.column('Port', 'external_ids'), prefix: 'fake-bridge-' };
};

const setExternalId = (context: Context, { arguments: [name = '', key = '', value] }: Invocation): Output => {
  const { row, column, prefix } = externalIds(context, context.model.bridge(name));
  const whole = prefix + key;
  if (value !== undefined) context.view.put(row, column, whole, value);
  else if (context.view.get(row, column).has(whole)) context.view.remove(row, column, whole);
  return '';
};

const getExternalId = (context: Context, { arguments: [name = '', key] }: Invocation): Output => {
  const { row, column, prefix } = externalIds(context, context.model.bridge(name));
  const ids = context.view.get(row, column);
  if (key !== undefined) {
    const value = ids.get(prefix + key);
    return value === undefined ? '' : `${value}\n`;
  }
  const own = [...ids.elements()].filter(([each]) => String(each).startsWith(prefix));
  return lines(own.map(([each, value]) => `${String(each).slice(prefix.length)}=${value}`));
};

export const bridgeCommands: readonly Command[] = [
  {
    name: 'add-br',
    minArguments: 1,
    maxArguments: 3,
    usage: 'NEW-BRIDGE [PARENT] [NEW-VLAN]',
    synopsis: 'BRIDGE [PARENT VLAN]',
    about: 'make a bridge, or a fake one on a VLAN of PARENT',
    options: ['--may-exist'],
    writes: true,
    run: addBridge,
  },
  {
    name: 'del-br',
    minArguments: 1,
    maxArguments: 1,
    usage: 'BRIDGE',
    about: 'delete a bridge and all of its ports',
    options: ['--if-exists'],
    writes: true,
    run: deleteBridge,
  },
  {
    name: 'list-br',
    minArguments: 0,
    maxArguments: 0,
    usage: '',
    about: 'print the names of all bridges',
    options: ['--real', '--fake'],
    writes: false,
    run: listBridges,
  },
  {
    name: 'br-exists',
    minArguments: 1,
    maxArguments: 1,
    usage: 'BRIDGE',
    about: 'exit with 0 if there is such a bridge, else 2',
    options: [],
    writes: false,
    run: bridgeExists,
  },
  {
    name: 'br-to-vlan',
    minArguments: 1,
    maxArguments: 1,
    usage: 'BRIDGE',
    about: "print a fake bridge's VLAN, or 0 of a real one",
    options: [],
    writes: false,
    run: ({ model }, { arguments: [name = ''] }) => `${model.bridge(name).fake?.vlan ?? 0}\n`,
  },
  {
    name: 'br-to-parent',
    minArguments: 1,
    maxArguments: 1,
    usage: 'BRIDGE',
    about: "print a fake bridge's parent, or a real one",
    options: [],
    writes: false,
    run: ({ model }, { arguments: [name = ''] }) => `${model.bridge(name).fake?.parent.name ?? name}\n`,
  },
  {
    name: 'br-set-external-id',
    minArguments: 2,
    maxArguments: 3,
    usage: 'BRIDGE KEY [VALUE]',
    about: 'set a key of its external ids, or remove it',
    options: [],
    writes: true,
    run: setExternalId,
  },
  {
    name: 'br-get-external-id',
    minArguments: 1,
    maxArguments: 2,
    usage: 'BRIDGE [KEY]',
    about: 'print one of its external ids, or all',
    options: [],
    writes: false,
    run: getExternalId,
  },
];

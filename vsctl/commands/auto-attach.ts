import { Datum } from '../../schema/datum.ts';
import type { Command } from '../command.ts';
import type { Context, Invocation, Output } from '../context.ts';
import type { RowRef } from '../edit.ts';
import { CommandFailure } from '../failure.ts';
import { lines } from './bridge.ts';

const parseNumber = (text: string): number => {
  if (!/^\s*[+-]?\d+$/.test(text)) throw new CommandFailure(`Invalid argument ${text}`);
  return Number(text);
};

/** The bridge's AutoAttach row, if it has one; a fake bridge shares its parent's. */
const findAutoAttach = ({ view, model }: Context, name: string): { bridge: RowRef; row: RowRef | undefined } => {
  const bridge = model.bridge(name).row;
  const column = view.column('Bridge', 'auto_attach');
  const [row] = model.references(bridge, column);
  view.guard(bridge, column);
  return { bridge, row };
};

const addMapping = (context: Context, { arguments: [name = '', isid = '', vlan = ''] }: Invocation): Output => {
  const [key, value] = [parseNumber(isid), parseNumber(vlan)];
  const { view } = context;
  const { bridge, row: known } = findAutoAttach(context, name);
  const row = known ?? view.insert(view.table('AutoAttach'));
  if (known === undefined) view.assign(bridge, view.column('Bridge', 'auto_attach'), Datum.of(row.uuid));
  const column = view.column('AutoAttach', 'mappings');
  if (known === undefined || view.at(row, column, key) === undefined) view.put(row, column, key, value);
  view.guard(row, column);
  return '';
};

const deleteMapping = (context: Context, { arguments: [name = '', isid = '', vlan = ''] }: Invocation): Output => {
  const [key, value] = [parseNumber(isid), parseNumber(vlan)];
  const { view } = context;
  const { row } = findAutoAttach(context, name);
  const column = view.column('AutoAttach', 'mappings');
  if (row === undefined) return '';
  if (view.at(row, column, key) === value) view.remove(row, column, key);
  view.guard(row, column);
  return '';
};

const getMappings = (context: Context, { arguments: [name = ''] }: Invocation): Output => {
  const { row } = findAutoAttach(context, name);
  if (row === undefined) return '';
  const mappings = context.view.get(row, context.view.column('AutoAttach', 'mappings'));
  return lines([...mappings.elements()].map(([isid, vlan]) => `${isid} ${vlan}`));
};

const usage = 'BRIDGE ARG ARG';

export const autoAttachCommands: readonly Command[] = [
  {
    name: 'add-aa-mapping',
    synopsis: 'BRIDGE I-SID VLAN',
    about: 'map a service of IEEE 802.1aq to a VLAN',
    minArguments: 3,
    maxArguments: 3,
    usage,
    options: [],
    writes: true,
    run: addMapping,
  },
  {
    name: 'del-aa-mapping',
    synopsis: 'BRIDGE I-SID VLAN',
    about: 'remove that mapping',
    minArguments: 3,
    maxArguments: 3,
    usage,
    options: [],
    writes: true,
    run: deleteMapping,
  },
  {
    name: 'get-aa-mapping',
    minArguments: 1,
    maxArguments: 1,
    usage: 'BRIDGE',
    about: 'print the mappings of a bridge',
    options: [],
    writes: false,
    run: getMappings,
  },
];

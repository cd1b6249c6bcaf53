import { Datum } from '../../schema/datum.ts';
import type { Command } from '../command.ts';
import type { Context, Invocation, Output } from '../context.ts';
import type { RowRef } from '../edit.ts';
import { CommandFailure } from '../failure.ts';
import { parseValue } from '../value.ts';

const findDatapath = ({ view, root }: Context, name: string): RowRef | undefined => {
  const uuid = view.get(root, view.column('Open_vSwitch', 'datapaths')).get(name);
  return uuid === undefined ? undefined : view.reference(view.table('Datapath'), String(uuid));
};

/** @throws CommandFailure */
const getDatapath = (context: Context, name: string): RowRef => {
  const datapath = findDatapath(context, name);
  if (datapath === undefined) throw new CommandFailure(`datapath ${name} does not exist`);
  return datapath;
};

/** zone=ID, in decimal, or as C writes hexadecimal and octal. */
const parseZone = (text: string): number => {
  const [, number = ''] = /^(?:zone=)?\s*(-?(?:0x[0-9a-f]+|\d+))/i.exec(text) ?? [];
  if (number === '') throw new CommandFailure(`Invalid argument ${text}`);
  return /^-?0\d/.test(number) ? Number.parseInt(number, 8) : Number(number);
};

const findZone = ({ view }: Context, datapath: RowRef, zone: number): RowRef | undefined => {
  const uuid = view.get(datapath, view.column('Datapath', 'ct_zones')).get(zone);
  return uuid === undefined ? undefined : view.reference(view.table('CT_Zone'), String(uuid));
};

/** KEY=VALUE…, where what is no number counts as zero. */
const parseTimeouts = (words: readonly string[]): Datum => {
  let timeouts = Datum.empty;
  for (const word of words) {
    const [key = '', value = ''] = word.split('=');
    timeouts = timeouts.put(key, Number.parseInt(value, 10) || 0);
  }
  return timeouts;
};

/** A timeout policy with these timeouts: zones share equal ones. */
const shareTimeoutPolicy = ({ view }: Context, timeouts: Datum): RowRef => {
  const table = view.table('CT_Timeout_Policy');
  const column = table.column('timeouts');
  const rows = view.all(table, [column]);
  view.load(rows, [column]);
  const known = rows.find((row) => view.get(row, column).equals(timeouts));
  if (known !== undefined) return known;
  const policy = view.insert(table);
  view.assign(policy, column, timeouts);
  return policy;
};

const addTimeoutPolicy = (context: Context, { options, arguments: words }: Invocation): Output => {
  const [name = '', zoneText = '', ...timeouts] = words;
  const { view } = context;
  const number = parseZone(zoneText);
  const datapath = getDatapath(context, name);
  const known = findZone(context, datapath, number);
  if (known !== undefined && !options.has('--may-exist')) {
    throw new CommandFailure(`zone id ${number} already exists`);
  }
  const policy = shareTimeoutPolicy(context, parseTimeouts(timeouts));
  const zone = findOrAddZone(context, datapath, number);
  view.assign(zone, view.column('CT_Zone', 'timeout_policy'), Datum.of(policy.uuid));
  return '';
};

const deleteTimeoutPolicy = (
  context: Context,
  { options, arguments: [name = '', zoneText = ''] }: Invocation,
): Output => {
  const number = parseZone(zoneText);
  const datapath = getDatapath(context, name);
  const zone = findZone(context, datapath, number);
  const { view } = context;
  if (zone !== undefined && view.get(zone, view.column('CT_Zone', 'limit')).size > 0) {
    view.assign(zone, view.column('CT_Zone', 'timeout_policy'), Datum.empty);
  } else if (zone !== undefined) {
    view.remove(datapath, view.column('Datapath', 'ct_zones'), number);
  } else if (!options.has('--if-exists')) {
    throw new CommandFailure(`zone id ${number} does not exist`);
  }
  return '';
};

const listTimeoutPolicies = (context: Context, { arguments: [name = ''] }: Invocation): Output => {
  const { view, model } = context;
  const datapath = findDatapath(context, name);
  if (datapath === undefined) throw new CommandFailure(`datapath: ${name} record not found`);
  const policyColumn = view.column('CT_Zone', 'timeout_policy');
  const zones = [...view.get(datapath, view.column('Datapath', 'ct_zones')).elements()].map(([number, uuid]) => ({
    number,
    row: view.reference(view.table('CT_Zone'), String(uuid)),
  }));
  view.load(
    zones.map(({ row }) => row),
    [policyColumn],
  );
  return zones
    .map(({ number, row }) => {
      const [policy] = model.references(row, policyColumn);
      return `Zone:${number}, Timeout Policies: ${policy === undefined ? 'system default' : timeoutsText(context, policy)}\n`;
    })
    .join('');
};

const timeoutsText = ({ view }: Context, policy: RowRef): string =>
  pairs(view.get(policy, policy.table.column('timeouts')));

const pairs = (map: Datum): string => [...map.elements()].map(([key, value]) => `${key}=${value}`).join(' ');

const listCapabilities = (context: Context, { arguments: [name = ''] }: Invocation): Output => {
  const datapath = findDatapath(context, name);
  if (datapath === undefined) throw new CommandFailure(`datapath "${name}" record not found`);
  return `${pairs(context.view.get(datapath, datapath.table.column('capabilities')))}\n`;
};

/** The row and column that hold a limit: that of a zone, which is made if need be, or the datapath's default. */
const limitOf = ({ view }: Context, datapath: RowRef, zone: RowRef | undefined) =>
  zone === undefined
    ? { row: datapath, column: view.column('Datapath', 'ct_zone_default_limit') }
    : { row: zone, column: view.column('CT_Zone', 'limit') };

const setLimit = (context: Context, { arguments: [name = '', zoneText = '', limit = ''] }: Invocation): Output => {
  const { view, symbols } = context;
  const datapath = getDatapath(context, name);
  const zone = zoneText === 'default' ? undefined : findOrAddZone(context, datapath, parseZone(zoneText));
  const { row, column } = limitOf(context, datapath, zone);
  view.assign(row, column, parseValue(limit, column.type, symbols));
  return '';
};

const findOrAddZone = (context: Context, datapath: RowRef, number: number): RowRef => {
  const { view } = context;
  const known = findZone(context, datapath, number);
  if (known !== undefined) return known;
  const zone = view.insert(view.table('CT_Zone'));
  view.put(datapath, view.column('Datapath', 'ct_zones'), number, zone.uuid);
  return zone;
};

/** Takes a zone's limit away, and the zone itself if there is nothing else to it. */
const deleteLimit = (context: Context, { options, arguments: [name = '', zoneText = ''] }: Invocation): Output => {
  const { view } = context;
  const datapath = getDatapath(context, name);
  const number = zoneText === 'default' ? undefined : parseZone(zoneText);
  const zone = number === undefined ? undefined : findZone(context, datapath, number);
  if (number !== undefined && zone === undefined) {
    if (options.has('--if-exists')) return '';
    throw new CommandFailure(`zone id ${number} does not exist`);
  }
  const { row, column } = limitOf(context, datapath, zone);
  view.assign(row, column, Datum.empty);
  if (
    number !== undefined &&
    zone !== undefined &&
    view.get(zone, view.column('CT_Zone', 'timeout_policy')).size === 0
  ) {
    view.remove(datapath, view.column('Datapath', 'ct_zones'), number);
  }
  return '';
};

const listLimits = (context: Context, { arguments: [name = ''] }: Invocation): Output => {
  const { view } = context;
  const datapath = getDatapath(context, name);
  const column = view.column('CT_Zone', 'limit');
  const standard = view.scalar(datapath, view.column('Datapath', 'ct_zone_default_limit'));
  const lines = standard === undefined ? [] : [`Default, Limit: ${standard}\n`];
  for (const [number, uuid] of view.get(datapath, view.column('Datapath', 'ct_zones')).elements()) {
    const limit = view.scalar(view.reference(view.table('CT_Zone'), String(uuid)), column);
    if (limit !== undefined) lines.push(`Zone: ${number}, Limit: ${limit}\n`);
  }
  return lines.join('');
};

export const conntrackCommands: readonly Command[] = [
  {
    name: 'add-zone-tp',
    minArguments: 3,
    maxArguments: Infinity,
    usage: '',
    synopsis: 'DATAPATH zone=ZONE KEY=SECONDS...',
    about: 'set timeouts of a zone, such as icmp_first=60',
    options: ['--may-exist'],
    writes: true,
    run: addTimeoutPolicy,
  },
  {
    name: 'del-zone-tp',
    minArguments: 2,
    maxArguments: 2,
    usage: '',
    synopsis: 'DATAPATH zone=ZONE',
    about: 'remove the timeouts of a zone',
    options: ['--if-exists'],
    writes: true,
    run: deleteTimeoutPolicy,
  },
  {
    name: 'list-zone-tp',
    minArguments: 1,
    maxArguments: 1,
    usage: '',
    synopsis: 'DATAPATH',
    about: 'print the timeouts of all zones',
    options: [],
    writes: false,
    run: listTimeoutPolicies,
  },
  {
    name: 'set-zone-limit',
    minArguments: 3,
    maxArguments: 3,
    usage: '',
    synopsis: 'DATAPATH zone=ZONE|default LIMIT',
    about: 'limit the connections of a zone',
    options: [],
    writes: true,
    run: setLimit,
  },
  {
    name: 'del-zone-limit',
    minArguments: 2,
    maxArguments: 2,
    usage: '',
    synopsis: 'DATAPATH zone=ZONE|default',
    about: 'remove that limit',
    options: ['--if-exists'],
    writes: true,
    run: deleteLimit,
  },
  {
    name: 'list-zone-limits',
    minArguments: 1,
    maxArguments: 1,
    usage: '',
    synopsis: 'DATAPATH',
    about: 'print the limits of all zones',
    options: [],
    writes: false,
    run: listLimits,
  },
  {
    name: 'list-dp-cap',
    minArguments: 1,
    maxArguments: 1,
    usage: '',
    synopsis: 'DATAPATH',
    about: 'print what a datapath can do',
    options: [],
    writes: false,
    run: listCapabilities,
  },
];

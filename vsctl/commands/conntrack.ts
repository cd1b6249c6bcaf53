import type { Atom } from '../../schema/atom.ts';
import { Datum } from '../../schema/datum.ts';
import type { Command } from '../command.ts';
import type { Context, Invocation, Output } from '../context.ts';
import type { RowRef } from '../edit.ts';
import { CommandFailure } from '../failure.ts';

const findDatapath = ({ view, root }: Context, name: string): RowRef | undefined => {
  const column = view.column('Open_vSwitch', 'datapaths');
  const uuid = view.get(root, column).get(name);
  view.guard(root, column);
  return uuid === undefined ? undefined : view.reference(view.table('Datapath'), String(uuid));
};

/** @throws CommandFailure */
const getDatapath = (context: Context, name: string): RowRef => {
  const datapath = findDatapath(context, name);
  if (datapath === undefined) throw new CommandFailure(`datapath ${name} does not exist`);
  return datapath;
};

/** The number that a text begins with, as C's scanf() reads one: decimal, hexadecimal or octal, in 64 bits. */
const scanInteger = (text: string): bigint | undefined => {
  const [, sign, digits = ''] = /^\s*([-+]?)(0x[0-9a-f]+|0(?!x)[0-7]*|[1-9]\d*)/i.exec(text) ?? [];
  if (digits === '') return undefined;
  const magnitude = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return BigInt.asIntN(64, sign === '-' ? -magnitude : magnitude);
};

/** What the zones' timeout policies are addressed by: zone=ID */
const parseZoneArgument = (text: string): number => {
  const zone = text.startsWith('zone=') ? scanInteger(text.slice('zone='.length)) : undefined;
  if (zone === undefined) throw new CommandFailure(`invalid zone argument, ${text}`);
  return Number(zone);
};

/** What the zones' limits are addressed by: ID, or "default" for the datapath's own, which is undefined. */
const parseZoneId = (text: string): number | undefined => {
  if (text === 'default') return undefined;
  const zone = scanInteger(text);
  if (zone === undefined) throw new CommandFailure(`invalid zone id, ${text}`);
  return Number(zone);
};

const findZone = ({ view }: Context, datapath: RowRef, zone: number): RowRef | undefined => {
  const column = view.column('Datapath', 'ct_zones');
  const uuid = view.get(datapath, column).get(zone);
  view.guard(datapath, column);
  return uuid === undefined ? undefined : view.reference(view.table('CT_Zone'), String(uuid));
};

/** KEY=VALUE…, where what is no number counts as zero, and of two values for a key the first. */
const parseTimeouts = (words: readonly string[]): Datum => {
  let timeouts = Datum.empty;
  for (const word of words) {
    const [key = '', value = ''] = word.split('=');
    if (!timeouts.has(key)) timeouts = timeouts.put(key, Number.parseInt(value, 10) || 0);
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
  if (known !== undefined) {
    view.guard(known, column);
    return known;
  }
  const policy = view.insert(table);
  view.assign(policy, column, timeouts);
  return policy;
};

const hasPolicy = ({ view }: Context, zone: RowRef): boolean => {
  const column = view.column('CT_Zone', 'timeout_policy');
  const policy = view.get(zone, column);
  view.guard(zone, column);
  return policy.size > 0;
};

const addTimeoutPolicy = (context: Context, { options, arguments: words }: Invocation): Output => {
  const [name = '', zoneText = '', ...timeouts] = words;
  const { view } = context;
  const number = parseZoneArgument(zoneText);
  const datapath = getDatapath(context, name);
  const known = findZone(context, datapath, number);
  if (known !== undefined && hasPolicy(context, known) && !options.has('--may-exist')) {
    throw new CommandFailure(`zone id ${number} already has a policy`);
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
  const number = parseZoneArgument(zoneText);
  const { view } = context;
  const datapath = getDatapath(context, name);
  const zone = findZone(context, datapath, number);
  if (zone === undefined || !hasPolicy(context, zone)) {
    if (options.has('--if-exists')) return '';
    throw new CommandFailure(`zone id ${number} does not have a policy`);
  }
  if (limitOf(context, zone) === undefined) {
    view.remove(datapath, view.column('Datapath', 'ct_zones'), number);
  } else {
    view.assign(zone, view.column('CT_Zone', 'timeout_policy'), Datum.empty);
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

const limitOf = ({ view }: Context, zone: RowRef): Atom | undefined => {
  const column = view.column('CT_Zone', 'limit');
  const limit = view.scalar(zone, column);
  view.guard(zone, column);
  return limit;
};

/** The most connections that a zone may be limited to. */
const maxLimit = 2n ** 32n - 1n;

const setLimit = (context: Context, { arguments: [name = '', zoneText = '', text = ''] }: Invocation): Output => {
  const { view } = context;
  const number = parseZoneId(zoneText);
  const limit = scanInteger(text);
  if (limit === undefined) throw new CommandFailure(`invalid limit, ${text}`);
  const datapath = getDatapath(context, name);
  if (number !== undefined && (number < 0 || number > 65535)) {
    throw new CommandFailure(`zone_id (${number}) out of range`);
  }
  if (limit < 0n || limit > maxLimit) throw new CommandFailure(`limit (${limit}) out of range`);
  const value = Datum.of(Number(limit));
  if (number === undefined) view.assign(datapath, view.column('Datapath', 'ct_zone_default_limit'), value);
  else view.assign(findOrAddZone(context, datapath, number), view.column('CT_Zone', 'limit'), value);
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

const deleteLimit = (context: Context, { options, arguments: [name = '', zoneText = ''] }: Invocation): Output => {
  const number = parseZoneId(zoneText);
  const datapath = getDatapath(context, name);
  const mustExist = !options.has('--if-exists');
  if (number === undefined) deleteDefaultLimit(context, datapath, name, mustExist);
  else deleteZoneLimit(context, datapath, number, mustExist);
  return '';
};

const deleteDefaultLimit = ({ view }: Context, datapath: RowRef, name: string, mustExist: boolean): void => {
  const column = view.column('Datapath', 'ct_zone_default_limit');
  const limit = view.scalar(datapath, column);
  view.guard(datapath, column);
  if (mustExist && limit === undefined) {
    throw new CommandFailure(`datapath ${name} does not have a limit`);
  }
  view.assign(datapath, column, Datum.empty);
};

/** Takes a zone's limit away, and the zone itself if there is nothing else to it. */
const deleteZoneLimit = (context: Context, datapath: RowRef, number: number, mustExist: boolean): void => {
  const { view } = context;
  const zone = findZone(context, datapath, number);
  if (zone === undefined || limitOf(context, zone) === undefined) {
    if (mustExist) throw new CommandFailure(`zone_id ${number} does not have a limit`);
    return;
  }
  if (hasPolicy(context, zone)) view.assign(zone, view.column('CT_Zone', 'limit'), Datum.empty);
  else view.remove(datapath, view.column('Datapath', 'ct_zones'), number);
};

const listLimits = (context: Context, { arguments: [name = ''] }: Invocation): Output => {
  const { view } = context;
  const datapath = findDatapath(context, name);
  if (datapath === undefined) throw new CommandFailure(`datapath: ${name} record not found`);
  const standard = view.scalar(datapath, view.column('Datapath', 'ct_zone_default_limit'));
  const lines = standard === undefined ? [] : [`Default, Limit: ${standard}\n`];
  for (const [number, uuid] of view.get(datapath, view.column('Datapath', 'ct_zones')).elements()) {
    const limit = limitOf(context, view.reference(view.table('CT_Zone'), String(uuid)));
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
    usage: 'ARG ARG ARG',
    synopsis: 'DATAPATH ZONE|default LIMIT',
    about: 'limit the connections of a zone',
    options: [],
    writes: true,
    run: setLimit,
  },
  {
    name: 'del-zone-limit',
    minArguments: 2,
    maxArguments: 2,
    usage: 'ARG ARG',
    synopsis: 'DATAPATH ZONE|default',
    about: 'remove that limit',
    options: ['--if-exists'],
    writes: true,
    run: deleteLimit,
  },
  {
    name: 'list-zone-limits',
    minArguments: 1,
    maxArguments: 1,
    usage: 'ARG',
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

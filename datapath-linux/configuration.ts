/** The rows of an Open_vSwitch database that the switch acts on, as plain typed values. */
import type { Replica } from '../rpc/replica.ts';
import type { Atom } from '../schema/atom.ts';
import { Datum } from '../schema/datum.ts';
import type { Row } from '../schema/row.ts';

export interface InterfaceRow {
  readonly uuid: string;
  readonly name: string;
  readonly type: string;
  readonly options: ReadonlyMap<string, string>;
  readonly mac: string | undefined;
  readonly mtuRequest: number | undefined;
  readonly ofport: number | undefined;
  readonly ofportRequest: number | undefined;
}

export interface PortRow {
  readonly name: string;
  readonly interfaces: readonly InterfaceRow[];
  /** Any of tag, trunks, vlan_mode and cvlans is set. */
  readonly usesVlans: boolean;
}

export interface BridgeRow {
  readonly uuid: string;
  readonly name: string;
  readonly datapathType: string;
  readonly otherConfig: ReadonlyMap<string, string>;
  /** In the order of their names. */
  readonly ports: readonly PortRow[];
}

export interface Configuration {
  readonly uuid: string;
  readonly nextCfg: number;
  readonly otherConfig: ReadonlyMap<string, string>;
  /** In the order of their names. */
  readonly bridges: readonly BridgeRow[];
}

/** What the switch reads of each table, and what it writes and therefore compares with. */
export const monitoredColumns = {
  Open_vSwitch: [
    'bridges',
    'next_cfg',
    'other_config',
    'cur_cfg',
    'ovs_version',
    'db_version',
    'system_type',
    'system_version',
    'iface_types',
    'datapath_types',
    'dpdk_initialized',
    'dpdk_version',
  ],
  Bridge: ['name', 'datapath_type', 'other_config', 'ports', 'datapath_id', 'datapath_version'],
  Port: ['name', 'interfaces', 'tag', 'trunks', 'vlan_mode', 'cvlans'],
  Interface: [
    'name',
    'type',
    'options',
    'mac',
    'mtu_request',
    'ofport_request',
    'ofport',
    'error',
    'ifindex',
    'mac_in_use',
    'admin_state',
    'link_state',
    'link_resets',
    'link_speed',
    'duplex',
    'mtu',
    'status',
  ],
} as const;

function datum(row: Row, name: string): Datum {
  const column = row.table.columns.get(name);
  return column ? row.get(column) : Datum.empty;
}

const textOf = (atom: Atom | undefined): string => (typeof atom === 'string' ? atom : '');
const numberOf = (atom: Atom | undefined): number | undefined => (atom === undefined ? undefined : Number(atom));

function textMap(row: Row, name: string): ReadonlyMap<string, string> {
  return new Map([...datum(row, name).elements()].map(([key, value]) => [textOf(key), textOf(value)]));
}

/** Rows are immutable, so each is read once. */
const interfaces = new WeakMap<Row, InterfaceRow>();

function readInterface(row: Row): InterfaceRow {
  const known = interfaces.get(row);
  if (known) return known;
  const read = {
    uuid: row.uuid,
    name: textOf(datum(row, 'name').first),
    type: textOf(datum(row, 'type').first),
    options: textMap(row, 'options'),
    mac: textOf(datum(row, 'mac').first) || undefined,
    mtuRequest: numberOf(datum(row, 'mtu_request').first),
    ofport: numberOf(datum(row, 'ofport').first),
    ofportRequest: numberOf(datum(row, 'ofport_request').first),
  };
  interfaces.set(row, read);
  return read;
}

/** The rows of `table` that a column refers to; a reference the replica does not know (yet) is left out. */
function referenced(replica: Replica, table: string, row: Row, column: string): Row[] {
  const rows = replica.rows(table);
  return [...datum(row, column).keys()].flatMap((key) => rows.get(textOf(key)) ?? []);
}

function readPort(replica: Replica, row: Row): PortRow {
  return {
    name: textOf(datum(row, 'name').first),
    interfaces: referenced(replica, 'Interface', row, 'interfaces').map(readInterface),
    usesVlans: ['tag', 'trunks', 'vlan_mode', 'cvlans'].some((column) => datum(row, column).size > 0),
  };
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

function readBridge(replica: Replica, row: Row): BridgeRow {
  return {
    uuid: row.uuid,
    name: textOf(datum(row, 'name').first),
    datapathType: textOf(datum(row, 'datapath_type').first),
    otherConfig: textMap(row, 'other_config'),
    ports: referenced(replica, 'Port', row, 'ports')
      .map((port) => readPort(replica, port))
      .sort(byName),
  };
}

/** What the database asks for; undefined while it holds no Open_vSwitch row, which is no request for anything. */
export function readConfiguration(replica: Replica): Configuration | undefined {
  const [root] = replica.rows('Open_vSwitch').values();
  return (
    root && {
      uuid: root.uuid,
      nextCfg: numberOf(datum(root, 'next_cfg').first) ?? 0,
      otherConfig: textMap(root, 'other_config'),
      bridges: referenced(replica, 'Bridge', root, 'bridges')
        .map((row) => readBridge(replica, row))
        .sort(byName),
    }
  );
}

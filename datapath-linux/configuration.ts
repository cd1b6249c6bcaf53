/** The rows of an Open_vSwitch database that the switch acts on, as plain typed values. */
import type { Replica } from '../rpc/replica.ts';
import type { Atom } from '../schema/atom.ts';
import { Datum } from '../schema/datum.ts';
import type { Row } from '../schema/row.ts';
import { RowView } from './row-view.ts';

export interface InterfaceRow {
  readonly uuid: string;
  readonly name: string;
  readonly type: string;
  readonly options: ReadonlyMap<string, string>;
  readonly mac: string | undefined;
  readonly mtuRequest: number | undefined;
  readonly ofport: number | undefined;
  readonly ofportRequest: number | undefined;
  /** All its columns, for the aspects to parse what concerns them. */
  readonly view: RowView;
}

export interface PortRow {
  readonly uuid: string;
  readonly name: string;
  readonly interfaces: readonly InterfaceRow[];
  readonly view: RowView;
}

export interface BridgeRow {
  readonly uuid: string;
  readonly name: string;
  readonly datapathType: string;
  readonly otherConfig: ReadonlyMap<string, string>;
  /** In the order of their names. */
  readonly ports: readonly PortRow[];
  readonly view: RowView;
}

export interface Configuration {
  readonly uuid: string;
  /** As it stands, which may be more than a number holds. */
  readonly nextCfg: Atom;
  readonly otherConfig: ReadonlyMap<string, string>;
  /** In the order of their names. */
  readonly bridges: readonly BridgeRow[];
}

/** The columns that the switch alone writes: that they have changed is its own doing. */
export const reportedColumns = {
  Open_vSwitch: [
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
  Bridge: ['datapath_id', 'datapath_version', 'rstp_status', 'status'],
  Port: ['bond_active_slave', 'status', 'statistics', 'rstp_status'],
  Interface: [
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
    'lacp_current',
    'status',
  ],
  Controller: ['is_connected', 'status'],
} as const;

/**
 * What the switch reads of each table, and what it writes and therefore compares with. A column that it writes every
 * few seconds (counters) is better left out: each write would come back as a change to look at. Few ports have statistics.
 */
export const monitoredColumns = {
  Open_vSwitch: ['bridges', 'next_cfg', 'other_config', ...reportedColumns.Open_vSwitch],
  Bridge: [
    'name',
    'datapath_type',
    'other_config',
    'ports',
    'mirrors',
    'flood_vlans',
    'stp_enable',
    'rstp_enable',
    'mcast_snooping_enable',
    'controller',
    'sflow',
    'netflow',
    'ipfix',
    'auto_attach',
    ...reportedColumns.Bridge,
  ],
  Port: [
    'name',
    'interfaces',
    'tag',
    'trunks',
    'vlan_mode',
    'cvlans',
    'fake_bridge',
    'other_config',
    'bond_mode',
    'bond_updelay',
    'bond_downdelay',
    'bond_fake_iface',
    'lacp',
    'mac',
    'qos',
    'protected',
    ...reportedColumns.Port,
  ],
  Interface: [
    'name',
    'type',
    'options',
    'other_config',
    'mac',
    'mtu_request',
    'ofport_request',
    'ingress_policing_rate',
    'ingress_policing_burst',
    'ingress_policing_kpkts_rate',
    'ingress_policing_kpkts_burst',
    'lldp',
    'bfd',
    'cfm_mpid',
    ...reportedColumns.Interface,
  ],
  Mirror: [
    'name',
    'select_all',
    'select_src_port',
    'select_dst_port',
    'select_vlan',
    'output_port',
    'output_vlan',
    'snaplen',
    'filter',
  ],
  QoS: ['type', 'queues', 'other_config'],
  Queue: ['dscp', 'other_config'],
  Controller: [...reportedColumns.Controller],
} as const;

/** Rows are immutable, so each needs one view. */
const views = new WeakMap<Row, RowView>();

function viewOf(replica: Replica, row: Row): RowView {
  const known = views.get(row);
  if (known) return known;
  const view = new RowView({
    uuid: row.uuid,
    datum: (name) => {
      const column = row.table.columns.get(name);
      return column ? row.get(column) : Datum.empty;
    },
    follow: (table, uuid) => {
      const other = replica.rows(table).get(uuid);
      return other && viewOf(replica, other);
    },
  });
  views.set(row, view);
  return view;
}

/** Each interface is read once, as long as its row stays the same. */
const interfaces = new WeakMap<RowView, InterfaceRow>();

/** More than the kernel's messages hold is as much too large as the most that they do. */
const mtuOf = (view: RowView): number | undefined => {
  const mtu = view.integer('mtu_request');
  return mtu === undefined ? undefined : Math.min(mtu, 2 ** 31 - 1);
};

function readInterface(view: RowView): InterfaceRow {
  const known = interfaces.get(view);
  if (known) return known;
  const read = {
    uuid: view.uuid,
    name: view.text('name') ?? '',
    type: view.text('type') ?? '',
    options: view.map('options'),
    mac: view.text('mac'),
    mtuRequest: mtuOf(view),
    ofport: view.integer('ofport'),
    ofportRequest: view.integer('ofport_request'),
    view,
  };
  interfaces.set(view, read);
  return read;
}

const ports = new WeakMap<RowView, PortRow>();

/** The same as before, as long as its row and those of its interfaces stay the same. */
function readPort(view: RowView): PortRow {
  const known = ports.get(view);
  if (known?.interfaces.every((row) => view.follow('Interface', row.uuid) === row.view)) return known;
  const interfaces = view.references('interfaces', 'Interface').map(readInterface);
  const read = { uuid: view.uuid, name: view.text('name') ?? '', interfaces, view };
  // Until all of its interfaces are known, it is not read to its end.
  if (interfaces.length === view.datum('interfaces').size) ports.set(view, read);
  return read;
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/** Sorting is cheap where most are in order: those that were there `before` come first, as they were. */
function inOrder(ports: readonly PortRow[], before: readonly PortRow[] = []): readonly PortRow[] {
  const [now, known] = [new Set(ports), new Set(before)];
  return [...before.filter((port) => now.has(port)), ...ports.filter((port) => !known.has(port))].sort(byName);
}

const readBridge = (view: RowView, before: ReadonlyMap<string, BridgeRow>): BridgeRow => ({
  uuid: view.uuid,
  name: view.text('name') ?? '',
  datapathType: view.text('datapath_type') ?? '',
  otherConfig: view.map('other_config'),
  ports: inOrder(view.references('ports', 'Port').map(readPort), before.get(view.uuid)?.ports),
  view,
});

/** By uuid: the bridges as they were last read. */
const lastBridges = new WeakMap<Replica, ReadonlyMap<string, BridgeRow>>();

function readBridges(replica: Replica, root: RowView): readonly BridgeRow[] {
  const before = lastBridges.get(replica) ?? new Map();
  const bridges = root.references('bridges', 'Bridge').map((view) => readBridge(view, before));
  lastBridges.set(replica, new Map(bridges.map((bridge) => [bridge.uuid, bridge])));
  return bridges.sort(byName);
}

/** What the database asks for; undefined while it holds no Open_vSwitch row, which is no request for anything. */
export function readConfiguration(replica: Replica): Configuration | undefined {
  const [row] = replica.rows('Open_vSwitch').values();
  if (!row) return undefined;
  const root = viewOf(replica, row);
  return {
    uuid: root.uuid,
    nextCfg: root.datum('next_cfg').first ?? 0,
    otherConfig: root.map('other_config'),
    bridges: readBridges(replica, root),
  };
}

/** What the switch tells about a bridge or an interface, as columns of its row. Pure. */
import type { Atom } from '../schema/atom.ts';
import { Datum } from '../schema/datum.ts';
import { toInteger } from '../schema/json.ts';
import type { Device } from './device.ts';
import type { Hardware } from './hardware.ts';
import type { LinkStatistics } from './netlink/statistics.ts';

/** Values for some columns of one row. */
export type Columns = ReadonlyMap<string, Datum>;

const optional = (value: Atom | undefined): Datum => (value === undefined ? Datum.empty : Datum.of(value));
export const textMap = (entries: Readonly<Record<string, string>>): Datum =>
  Datum.fromElements(Object.entries(entries));

const upOrDown = (up: boolean): string => (up ? 'up' : 'down');

export interface InterfaceFacts {
  readonly device: Device;
  readonly ofport: number | undefined;
  readonly problem: string | undefined;
  readonly hardware: Hardware;
  /** Carrier changes since the switch knows the device. */
  readonly linkResets: number;
  /** Keys of `status` that its kind of port gives. */
  readonly status: Readonly<Record<string, string>>;
  /** Open vSwitch has no network device for it. */
  readonly virtual: boolean;
}

/** The columns of an interface whose device is in its bridge. */
export function presentInterface(facts: InterfaceFacts): Columns {
  const { ofport, problem, linkResets } = facts;
  const { host } = facts.device;
  const { driver, settings } = facts.hardware;
  const driverStatus = driver && {
    driver_name: driver.name,
    driver_version: driver.version,
    firmware_version: driver.firmware,
  };
  return new Map([
    ['ofport', Datum.of(ofport ?? -1)],
    ['error', optional(problem)],
    ['ifindex', Datum.of(host.ifindex)],
    ['mac_in_use', optional(host.address || undefined)],
    ['admin_state', Datum.of(upOrDown(host.up))],
    ['link_state', Datum.of(upOrDown(host.up && host.carrier))],
    ['link_resets', Datum.of(linkResets)],
    ['link_speed', optional(settings?.speed)],
    ['duplex', optional(settings?.duplex)],
    ['mtu', optional(facts.virtual ? undefined : host.mtu)],
    ['status', textMap({ ...driverStatus, ...facts.status })],
  ]);
}

/** The columns of an interface that is not there, and why. */
export function absentInterface(problem: string): Columns {
  const empty = ['ifindex', 'mac_in_use', 'admin_state', 'link_state', 'link_resets', 'link_speed', 'duplex', 'mtu'];
  return new Map([
    ['ofport', Datum.of(-1)],
    ['error', Datum.of(problem)],
    ...[...empty, 'status'].map((column): [string, Datum] => [column, Datum.empty]),
  ]);
}

/** The value of Interface.statistics. */
export const statisticsDatum = ({ counters }: Pick<LinkStatistics, 'counters'>): Datum =>
  Datum.fromElements(Object.entries(counters).map(([key, value]) => [key, toInteger(value) ?? 0]));

/** The bridge's columns: `other_config:datapath-id`, or else the local port's address with two zero bytes in front. */
export function bridgeColumns(localAddress: string, configuredId: string | undefined, version: string): Columns {
  const [, digits] = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(configuredId ?? '') ?? [];
  const configured = digits === undefined ? '' : digits.toLowerCase().padStart(16, '0');
  const isUsable = /[1-9a-f]/.test(configured);
  return new Map([
    ['datapath_id', Datum.of(isUsable ? configured : `0000${localAddress.replaceAll(':', '')}`)],
    ['datapath_version', Datum.of(version)],
  ]);
}

export interface About {
  readonly ovsVersion: string;
  readonly schemaVersion: string;
  readonly systemType: string;
  readonly systemVersion: string;
}

/** The Open_vSwitch columns that say what this switch is. */
export const aboutColumns = ({ ovsVersion, schemaVersion, systemType, systemVersion }: About): Columns =>
  new Map([
    ['ovs_version', Datum.of(ovsVersion)],
    ['db_version', Datum.of(schemaVersion)],
    ['system_type', Datum.of(systemType)],
    ['system_version', Datum.of(systemVersion)],
  ]);

/** The Open_vSwitch columns that say what this switch can do. */
export const abilityColumns = (interfaceTypes: readonly string[], datapathTypes: readonly string[]): Columns =>
  new Map([
    ['iface_types', Datum.of(...interfaceTypes)],
    ['datapath_types', Datum.of(...datapathTypes)],
    ['dpdk_initialized', Datum.of(false)],
    ['dpdk_version', Datum.of('none')],
  ]);

/** Tells the database what became of its configuration: which columns of which rows to write. */
import type { Replica } from '../rpc/replica.ts';
import { Datum } from '../schema/datum.ts';
import type { OutJson } from '../schema/json.ts';
import type { BridgeRow, Configuration, InterfaceRow } from './configuration.ts';
import { type DesiredBridge, datapathTypes, interfaceTypes } from './desired.ts';
import { type Device, locate } from './device.ts';
import { localAddress } from './diff.ts';
import { HardwareCache } from './hardware.ts';
import type { LinkStatistics } from './netlink/statistics.ts';
import { allocateOfports } from './ofport.ts';
import type { Outcome } from './reconciler.ts';
import {
  type About,
  abilityColumns,
  aboutColumns,
  absentInterface,
  bridgeColumns,
  type Columns,
  presentInterface,
  statisticsDatum,
} from './status.ts';
import { updateRow } from './update.ts';

export interface ReporterOptions {
  readonly replica: Replica;
  readonly about: () => About;
  /** Bridge.datapath_version */
  readonly datapathVersion: string;
  /** The counters of all devices, or of the ones with these ifindexes. */
  readonly readStatistics: (ifindexes?: readonly number[]) => readonly LinkStatistics[];
}

/** Remembers what the rows do not tell: numbers of ports that vanished, carriers first seen, counters last written. */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #hardware = new HardwareCache();
  /** By interface row: its last OpenFlow port number. */
  readonly #ofports = new Map<string, number>();
  /** By ifindex: the carrier changes when the switch first saw the device. */
  readonly #carrierChanges = new Map<number, number>();
  /** By interface row: the counters last written. */
  readonly #statistics = new Map<string, Datum>();
  /** By interface row: the devices that are in their bridge. */
  #devices: ReadonlyMap<string, Device> = new Map();
  #toldAbout = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** After a failure or with a new connection: the server may not hold what was written. */
  forget(): void {
    this.#statistics.clear();
    this.#toldAbout = false;
  }

  /** Whether some port's device is in another namespace, whose changes nobody announces here. */
  get seesOtherNamespaces(): boolean {
    return [...this.#devices.values()].some(({ port }) => port.linkNamespaceId !== undefined);
  }

  /** The operations that report an outcome, `cur_cfg` among them. */
  report(configuration: Configuration, outcome: Outcome): OutJson[] {
    const rows = configuration.bridges.flatMap((bridge) => interfacesOf(bridge));
    this.#devices = findDevices(outcome);
    this.#keepOnly(new Set(rows.map(({ uuid }) => uuid)));
    const statistics = this.#statisticsOfNewcomers();
    return [
      ...configuration.bridges.flatMap((bridge) => this.#bridge(bridge, outcome, statistics)),
      ...this.#update('Open_vSwitch', configuration.uuid, this.#switchColumns(configuration)),
    ];
  }

  /** The operations that report the counters which have changed since they were last written. */
  reportStatistics(): OutJson[] {
    if (this.#devices.size === 0) return [];
    const statistics = byIfindex(this.#options.readStatistics());
    return [...this.#devices].flatMap(([uuid, { port }]) =>
      this.#update('Interface', uuid, new Map(), this.#statisticsColumns(uuid, statistics.get(port.ifindex))),
    );
  }

  #bridge(bridge: BridgeRow, outcome: Outcome, statistics: ReadonlyMap<number, LinkStatistics>): OutJson[] {
    const ofports = this.#allocate(bridge);
    const interfaces = interfacesOf(bridge).flatMap((row) => {
      const device = this.#devices.get(row.uuid);
      const problem = outcome.problems.get(row.name);
      const columns = device
        ? this.#present(row, device, ofports.get(row.name), problem)
        : absentInterface(problem ?? `could not open network device ${row.name} (No such device)`);
      const counters = device
        ? this.#statisticsColumns(row.uuid, statistics.get(device.port.ifindex))
        : this.#clearedStatistics(row.uuid);
      return this.#update('Interface', row.uuid, columns, counters);
    });
    const desired = outcome.desired.bridges.find(({ name }) => name === bridge.name);
    return desired ? [...interfaces, ...this.#bridgeRow(bridge, desired, outcome)] : interfaces;
  }

  #bridgeRow(bridge: BridgeRow, desired: DesiredBridge, { kernel }: Outcome): OutJson[] {
    const address = localAddress(desired, kernel);
    const columns = bridgeColumns(address, bridge.otherConfig.get('datapath-id'), this.#options.datapathVersion);
    return this.#update('Bridge', bridge.uuid, columns);
  }

  #present(row: InterfaceRow, device: Device, ofport: number | undefined, problem: string | undefined): Columns {
    const { host, port } = device;
    const first = this.#carrierChanges.get(host.ifindex) ?? host.carrierChanges;
    this.#carrierChanges.set(host.ifindex, first);
    if (ofport !== undefined) this.#ofports.set(row.uuid, ofport);
    // A device whose number was given to another since starts anew.
    const linkResets = Math.max(0, host.carrierChanges - first);
    return presentInterface({ device, ofport, problem, hardware: this.#hardware.of(port), linkResets });
  }

  #allocate(bridge: BridgeRow): ReadonlyMap<string, number> {
    const present = interfacesOf(bridge).filter(({ uuid }) => this.#devices.has(uuid));
    return allocateOfports(
      present.map(({ uuid, name, ofport, ofportRequest }) => ({
        name,
        local: name === bridge.name,
        current: ofport,
        remembered: this.#ofports.get(uuid),
        requested: ofportRequest,
      })),
    );
  }

  /** Counters are told together with the first word about an interface, for those who wait for that. */
  #statisticsOfNewcomers(): ReadonlyMap<number, LinkStatistics> {
    const newcomers = [...this.#devices].filter(([uuid]) => !this.#statistics.has(uuid));
    const ifindexes = newcomers.map(([, { port }]) => port.ifindex);
    return byIfindex(ifindexes.length > 0 ? this.#options.readStatistics(ifindexes) : []);
  }

  #statisticsColumns(uuid: string, statistics: LinkStatistics | undefined): Columns {
    if (statistics === undefined) return new Map();
    const datum = statisticsDatum(statistics);
    if (this.#statistics.get(uuid)?.equals(datum)) return new Map();
    this.#statistics.set(uuid, datum);
    return new Map([['statistics', datum]]);
  }

  #clearedStatistics(uuid: string): Columns {
    return this.#statistics.delete(uuid) ? new Map([['statistics', Datum.empty]]) : new Map();
  }

  #switchColumns({ nextCfg }: Configuration): Columns {
    const about = this.#toldAbout ? new Map() : aboutColumns(this.#options.about());
    this.#toldAbout = true;
    return new Map([...about, ...abilityColumns(interfaceTypes, datapathTypes), ['cur_cfg', Datum.of(nextCfg)]]);
  }

  #update(table: string, uuid: string, columns: Columns, unmonitored?: Columns): OutJson[] {
    const row = this.#options.replica.rows(table).get(uuid);
    const operation = row && updateRow(row, columns, unmonitored);
    return operation === undefined ? [] : [operation];
  }

  #keepOnly(uuids: ReadonlySet<string>): void {
    for (const map of [this.#ofports, this.#statistics]) {
      for (const uuid of map.keys()) if (!uuids.has(uuid)) map.delete(uuid);
    }
    const devices = [...this.#devices.values()];
    const ifindexes = new Set(devices.flatMap(({ host, port }) => [host.ifindex, port.ifindex]));
    for (const ifindex of this.#carrierChanges.keys()) {
      if (!ifindexes.has(ifindex)) this.#carrierChanges.delete(ifindex);
    }
    this.#hardware.keepOnly(ifindexes);
  }
}

const interfacesOf = (bridge: BridgeRow): InterfaceRow[] => bridge.ports.flatMap(({ interfaces }) => interfaces);

const byIfindex = (statistics: readonly LinkStatistics[]): ReadonlyMap<number, LinkStatistics> =>
  new Map(statistics.map((each) => [each.ifindex, each]));

/** The devices of all ports that are in their bridge, by interface row. */
function findDevices({ desired, kernel }: Outcome): ReadonlyMap<string, Device> {
  const found = new Map<string, Device>();
  for (const bridge of desired.bridges) {
    for (const port of bridge.ports) {
      const device = port.uuid === undefined ? undefined : locate(port, bridge, kernel);
      if (device && port.uuid !== undefined) found.set(port.uuid, device);
    }
  }
  return found;
}

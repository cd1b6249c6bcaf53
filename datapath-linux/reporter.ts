/** Tells the database what became of its configuration: which columns of which rows to write. */
import type { Replica } from '../rpc/replica.ts';
import { Datum } from '../schema/datum.ts';
import type { OutJson } from '../schema/json.ts';
import type { Finding, RowReport } from './aspect/aspect.ts';
import type { BridgeRow, Configuration, InterfaceRow } from './configuration.ts';
import { datapathTypes } from './desired.ts';
import { localAddress } from './diff.ts';
import { hardwareOf, noHardware } from './hardware.ts';
import type { NetlinkClient } from './netlink/client.ts';
import type { LinkStatistics } from './netlink/statistics.ts';
import { allocateOfports, type PortNumbering } from './ofport.ts';
import { findDevices, type PlacedDevice } from './placed-devices.ts';
import { interfaceTypes } from './port/kinds.ts';
import { noSuchDevice } from './port/port.ts';
import type { Outcome } from './reconciler.ts';
import { Reports } from './reports.ts';
import {
  type About,
  abilityColumns,
  aboutColumns,
  absentInterface,
  bridgeColumns,
  type Columns,
  presentInterface,
  statisticsDatum,
  textMap,
} from './status.ts';
import { updateRow } from './update.ts';

export interface ReporterOptions {
  readonly replica: Replica;
  readonly about: () => About;
  /** Bridge.datapath_version */
  readonly datapathVersion: string;
  /** Open_vSwitch.statistics */
  readonly readHostStatistics: () => ReadonlyMap<string, string>;
  /** The counters of all devices, or of the ones with these ifindexes. */
  readonly readStatistics: (ifindexes?: readonly number[]) => readonly LinkStatistics[];
  /** For the counters of aspects. */
  readonly client: NetlinkClient;
}

/** Remembers what the rows do not tell: numbers of ports that vanished, devices as they were, counters last written. */
export class Reporter {
  readonly #options: ReporterOptions;
  /** By interface row: its last OpenFlow port number. */
  readonly #ofports = new Map<string, number>();
  /** By interface row: the counters last written. */
  readonly #statistics = new Map<string, LinkStatistics>();
  /** By interface row: the devices that are in their bridge. */
  #devices: ReadonlyMap<string, PlacedDevice> = new Map();
  /** The aspects at the last outcome. */
  #findings: readonly Finding[] = [];
  /** By row: the counters of aspects last written. */
  readonly #counters = new Map<string, Columns>();
  /** Those of the host, as last written; undefined when that is not known. */
  #hostStatistics: Datum | undefined;
  #toldAbout = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** After a failure or with a new connection: the server may not hold what was written. */
  forget(): void {
    this.#statistics.clear();
    this.#counters.clear();
    this.#hostStatistics = undefined;
    this.#toldAbout = false;
  }

  /** Whether something is told that changes without notice: devices in other namespaces, the routes of tunnels. */
  get tellsUnannounced(): boolean {
    return [...this.#devices.values()].some(
      ({ device, owner }) => device.port.linkNamespaceId !== undefined || owner.unannounced === true,
    );
  }

  /** The operations that report an outcome, `cur_cfg` among them. */
  report(configuration: Configuration, outcome: Outcome): OutJson[] {
    this.#findings = outcome.findings;
    const reports = new Reports(outcome.findings.flatMap((finding) => finding.report()));
    const { devices, changed } = findDevices(outcome, this.#devices);
    this.#devices = devices;
    const statistics = this.#statisticsOfNewcomers(changed);
    const isTold = ({ uuid }: InterfaceRow): boolean =>
      devices.has(uuid) && !changed.has(uuid) && !reports.has('Interface', uuid);
    return [
      ...configuration.bridges.flatMap((bridge) => [
        ...this.#interfaces(bridge, outcome, reports, isTold, statistics),
        ...bridge.ports
          .filter(({ uuid, interfaces }) => reports.has('Port', uuid) || !interfaces.every(isTold))
          .flatMap(({ uuid }) => this.#update('Port', uuid, reports.columns('Port', uuid))),
        ...this.#bridge(bridge, outcome, reports),
      ]),
      ...reports.others.flatMap(({ table, uuid, columns }) => this.#update(table, uuid, columns ?? new Map())),
      ...this.#update(
        'Open_vSwitch',
        configuration.uuid,
        this.#switchColumns(configuration),
        this.#isHostTold(configuration) ? new Map() : this.#hostColumns(configuration),
      ),
    ];
  }

  /** Whether nothing needs to be said of the host until the next time that counters are told. */
  #isHostTold(configuration: Configuration): boolean {
    const last = this.#hostStatistics;
    return last !== undefined && last.size > 0 === wantsHostStatistics(configuration);
  }

  #hostColumns(configuration: Configuration): Columns {
    const told = wantsHostStatistics(configuration)
      ? Datum.fromElements([...this.#options.readHostStatistics()])
      : Datum.empty;
    if (this.#hostStatistics?.equals(told)) return new Map();
    this.#hostStatistics = told;
    return new Map([['statistics', told]]);
  }

  /** The operations that report the counters which have changed since they were last written. */
  reportStatistics(configuration: Configuration): OutJson[] {
    this.#forgetGone();
    const statistics = this.#devices.size === 0 ? new Map() : byIfindex(this.#options.readStatistics());
    const counters = this.#findings.flatMap((finding) => finding.counters(this.#options.client));
    const counted = new Set(counters.map(({ uuid }) => uuid));
    for (const uuid of this.#counters.keys()) if (!counted.has(uuid)) this.#counters.delete(uuid);
    return [
      ...[...this.#devices].flatMap(([uuid, { device }]) =>
        this.#update('Interface', uuid, new Map(), this.#statisticsColumns(uuid, statistics.get(device.port.ifindex))),
      ),
      ...counters.flatMap((report) => this.#update(report.table, report.uuid, new Map(), this.#changed(report))),
      ...this.#update('Open_vSwitch', configuration.uuid, new Map(), this.#hostColumns(configuration)),
    ];
  }

  /** The counters of an aspect that are not as last written. */
  #changed({ uuid, columns = new Map() }: RowReport): Columns {
    const last = this.#counters.get(uuid);
    this.#counters.set(uuid, columns);
    return new Map([...columns].filter(([name, value]) => last?.get(name)?.equals(value) !== true));
  }

  /** `isTold`: whether nothing has changed about an interface since it was last told of. */
  #interfaces(
    bridge: BridgeRow,
    outcome: Outcome,
    reports: Reports,
    isTold: (row: InterfaceRow) => boolean,
    statistics: ReadonlyMap<number, LinkStatistics>,
  ): OutJson[] {
    const ofports = this.#allocate(bridge);
    const isAsTold = (row: InterfaceRow): boolean =>
      isTold(row) && !outcome.problems.has(row.name) && ofports.get(row.name) === row.ofport;
    const changed = interfacesOf(bridge).filter((row) => !isAsTold(row));
    return changed.flatMap((row) => {
      const placed = this.#devices.get(row.uuid);
      const problem = outcome.problems.get(row.name);
      const columns = placed
        ? this.#present(row, placed, ofports.get(row.name), problem)
        : absentInterface(problem ?? noSuchDevice(row.name));
      const counters = placed
        ? this.#statisticsColumns(row.uuid, statistics.get(placed.device.port.ifindex))
        : this.#clearedStatistics(row.uuid);
      return this.#update('Interface', row.uuid, reports.addTo('Interface', row.uuid, columns), counters);
    });
  }

  #bridge(bridge: BridgeRow, { desired, kernel, bridgeProblems }: Outcome, reports: Reports): OutJson[] {
    const wanted = desired.bridges.find(({ name }) => name === bridge.name);
    if (!wanted) return [];
    const address = localAddress(wanted, kernel);
    const columns = bridgeColumns(address, bridge.otherConfig.get('datapath-id'), this.#options.datapathVersion);
    const problem = bridgeProblems.get(bridge.name);
    const status = textMap(problem === undefined ? {} : { error: problem });
    return this.#update(
      'Bridge',
      bridge.uuid,
      reports.addTo('Bridge', bridge.uuid, new Map([...columns, ['status', status]])),
    );
  }

  #present(
    row: InterfaceRow,
    { device, owner, carrierChanges }: PlacedDevice,
    ofport: number | undefined,
    problem: string | undefined,
  ): Columns {
    const { host, port } = device;
    if (ofport !== undefined) this.#ofports.set(row.uuid, ofport);
    // A device whose number was given to another since starts anew.
    const linkResets = Math.max(0, host.carrierChanges - carrierChanges);
    const status = owner.status?.(row.name, device) ?? {};
    const virtual = owner.virtual === true;
    const hardware = virtual ? noHardware : hardwareOf(port);
    return presentInterface({ device, ofport, problem, hardware, linkResets, status, virtual });
  }

  #allocate(bridge: BridgeRow): ReadonlyMap<string, number> {
    const present: PortNumbering[] = [];
    for (const { uuid, name, ofport, ofportRequest } of interfacesOf(bridge)) {
      if (!this.#devices.has(uuid)) continue;
      const remembered = this.#ofports.get(uuid);
      present.push({ name, local: name === bridge.name, current: ofport, remembered, requested: ofportRequest });
    }
    return allocateOfports(present);
  }

  /** Counters are told together with the first word about an interface, for those who wait for that. */
  #statisticsOfNewcomers(changed: ReadonlyMap<string, PlacedDevice>): ReadonlyMap<number, LinkStatistics> {
    const newcomers = [...changed].filter(([uuid]) => !this.#statistics.has(uuid));
    const ifindexes = newcomers.map(([, { device }]) => device.port.ifindex);
    return byIfindex(ifindexes.length > 0 ? this.#options.readStatistics(ifindexes) : []);
  }

  #statisticsColumns(uuid: string, statistics: LinkStatistics | undefined): Columns {
    if (statistics === undefined) return new Map();
    if (this.#statistics.get(uuid)?.equals(statistics)) return new Map();
    this.#statistics.set(uuid, statistics.copy());
    return new Map([['statistics', statisticsDatum(statistics)]]);
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

  /** Of rows that are gone nothing is remembered for long. */
  #forgetGone(): void {
    const rows = this.#options.replica.rows('Interface');
    for (const map of [this.#ofports, this.#statistics]) {
      for (const uuid of map.keys()) if (!rows.has(uuid)) map.delete(uuid);
    }
  }
}

const wantsHostStatistics = ({ otherConfig }: Configuration): boolean =>
  otherConfig.get('enable-statistics') === 'true';

function interfacesOf(bridge: BridgeRow): InterfaceRow[] {
  const found: InterfaceRow[] = [];
  for (const { interfaces } of bridge.ports) for (const row of interfaces) found.push(row);
  return found;
}

const byIfindex = (statistics: readonly LinkStatistics[]): ReadonlyMap<number, LinkStatistics> =>
  new Map(statistics.map((each) => [each.ifindex, each]));

/**
 * The spanning tree that a kernel bridge takes part in (IEEE 802.1D-1998), as the columns ask for it, and what it has
 * come to. The kernel knows no RSTP: where that is asked for, the bridge speaks STP, which RSTP's bridges understand.
 */
import { Datum } from '../../schema/datum.ts';
import type { Desired, DesiredBridge } from '../desired.ts';
import { bridgePort, hiddenBridge } from '../device.ts';
import { clamp, integerOf } from '../integer.ts';
import type { KernelState } from '../kernel.ts';
import { deviceAddress } from '../mac.ts';
import type { BridgePortSettings, BridgeSettings } from '../netlink/bridge.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import { readLinkSettings } from '../netlink/ethtool.ts';
import type { Link } from '../netlink/link.ts';
import { changeBridgePort } from '../netlink/link-kind.ts';
import { changeLink } from '../netlink/request.ts';
import { parseSpanningTreeCounters } from '../netlink/spanning-tree.ts';
import { dumpMasterCounters } from '../netlink/statistics.ts';
import { once } from '../once.ts';
import { demandingPorts } from '../port/plain.ts';
import type { Port } from '../port/port.ts';
import type { RowView } from '../row-view.ts';
import { textMap } from '../status.ts';
import type { Step } from '../step.ts';
import type { AspectDefinition, RowReport } from './aspect.ts';

type Protocol = 'stp' | 'rstp';

/** Which keys of other_config count: RSTP wins over STP, as in the C daemon. */
function protocolOf({ row }: Pick<DesiredBridge, 'row'>): Protocol | undefined {
  if (row.view.flag('rstp_enable')) return 'rstp';
  return row.view.flag('stp_enable') ? 'stp' : undefined;
}

export const speaksStp = (bridge: Pick<DesiredBridge, 'row'>): boolean => protocolOf(bridge) !== undefined;

const priorityDefault = 0x8000;
/** In seconds. */
const timers = {
  hello: { preset: 2, min: 1, max: 10 },
  maxAge: { preset: 20, min: 6, max: 40 },
  forwardDelay: { preset: 15, min: 4, max: 30 },
} as const;

const timer = (text: string | undefined, { preset, min, max }: { preset: number; min: number; max: number }): number =>
  clamp(integerOf(text) ?? preset, min, max);

/** The settings of the kernel bridge. Timers that contradict each other are stretched, as IEEE 802.1D asks. */
export function spanningTreeSettings(bridge: Pick<DesiredBridge, 'row'>): BridgeSettings {
  const protocol = protocolOf(bridge);
  if (protocol === undefined) return { stpState: 0 };
  const configured = bridge.row.otherConfig;
  const maxAge = timer(configured.get(`${protocol}-max-age`), timers.maxAge);
  const forwardDelay = Math.max(
    timer(configured.get(`${protocol}-forward-delay`), timers.forwardDelay),
    Math.floor(maxAge / 2) + 1,
  );
  return {
    stpState: 1,
    helloTime: timer(configured.get('stp-hello-time'), timers.hello) * 100,
    maxAge: maxAge * 100,
    forwardDelay: forwardDelay * 100,
    priority: (integerOf(configured.get(`${protocol}-priority`)) ?? priorityDefault) & 0xffff,
  };
}

/** `other_config:stp-system-id` or `rstp-address`: the address in the bridge's identifier. */
function systemAddress(bridge: DesiredBridge): string | undefined {
  const protocol = protocolOf(bridge);
  if (protocol === undefined) return undefined;
  return deviceAddress(bridge.row.otherConfig.get(protocol === 'rstp' ? 'rstp-address' : 'stp-system-id'));
}

/** As the C daemon has it: the spanning tree is for links to other switches. Others neither send BPDUs nor heed them. */
export function takesPart(port: Port, bridge: Pick<DesiredBridge, 'row'>): boolean {
  const protocol = protocolOf(bridge);
  if (protocol === undefined || port.row === undefined || port.kind === 'internal' || port.local) return false;
  return port.interfaces.length === 1 && port.row.view.map('other_config').get(`${protocol}-enable`) !== 'false';
}

const costMax = 0xffff;
/** The priority of a port has eight bits in Open vSwitch and six in the kernel; the port's identifier is the same. */
const priorityShift = 2;

const configuredFor = (port: Port, bridge: Pick<DesiredBridge, 'row'>, key: string): number | undefined =>
  integerOf(port.row?.view.map('other_config').get(`${protocolOf(bridge)}-${key}`));

/** The path cost that the port's row gives it. */
function givenCost(port: Port, bridge: Pick<DesiredBridge, 'row'>): number | undefined {
  const cost = configuredFor(port, bridge, 'path-cost');
  return cost !== undefined && cost > 0 ? Math.min(cost, costMax) : undefined;
}

/** By link speed in Mbit/s, from the highest down (IEEE 802.1D-1998, table 8-5); 100 where it is not known. */
const costs = [
  [10_000, 2],
  [1000, 4],
  [100, 19],
  [16, 62],
  [10, 100],
  [4, 250],
] as const;
const speedDefault = 100e6;

/** The cost of a link of that speed, in bits per second: the kernel's own choice is lost once it was given another. */
export function costOf(speed: number = speedDefault): number {
  const [, cost] = costs.find(([megabits]) => speed >= megabits * 1e6) ?? [0, 19];
  return cost;
}

/** The settings of a port, but for a cost that is not given: see `pathCosts`. */
export function spanningTreePortSettings(port: Port, bridge: Pick<DesiredBridge, 'row'>): BridgePortSettings {
  if (!takesPart(port, bridge)) return {};
  const cost = givenCost(port, bridge);
  const priority = configuredFor(port, bridge, 'port-priority') ?? 128;
  return { ...(cost !== undefined && { cost }), priority: (priority & 0xff) >> priorityShift };
}

const states = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'] as const;
export type PortState = (typeof states)[number];
const forwardingState = states.indexOf('forwarding');

export const stateOf = (port: BridgePortSettings): PortState => states[port.state ?? 0] ?? 'disabled';

/** What the port is in the spanning tree, in IEEE 802.1D's words. */
export function roleOf(port: BridgePortSettings, bridge: BridgeSettings): string {
  if (stateOf(port) === 'disabled') return 'disabled';
  if (port.number === bridge.rootPort) return 'root';
  return port.designatedBridge === bridge.bridgeId && port.designatedPort === port.id ? 'designated' : 'alternate';
}

/** A bridge without a spanning tree blocks none of its ports: one that a tree has blocked would stay so. */
export function unblocked(link: Link, bridge: Pick<DesiredBridge, 'row'>): BridgePortSettings {
  const isBlocked = ['listening', 'learning', 'blocking'].includes(stateOf(link.bridgePort ?? {}));
  return !speaksStp(bridge) && isBlocked ? { state: forwardingState } : {};
}

/** The ports that take part, once they are in their bridge. */
export function treePorts(bridge: DesiredBridge, kernel: KernelState): { readonly port: Port; readonly link: Link }[] {
  if (!speaksStp(bridge)) return [];
  return bridge.ports.flatMap((port) => {
    const link = takesPart(port, bridge) ? bridgePort(port, bridge, kernel) : undefined;
    return link ? [{ port, link }] : [];
  });
}

interface Found {
  readonly costs: PathCosts;
  /** By ifindex of the ports that take part: for how many seconds they have been in their states. */
  readonly seconds: ReadonlyMap<number, number>;
}

/** By ifindex of the ports that take part and are given no cost: what it is by the speed of their links. */
type PathCosts = ReadonlyMap<number, number>;

const readPathCosts = ({ bridges }: Desired, kernel: KernelState): PathCosts =>
  new Map(
    bridges.filter(speaksStp).flatMap((bridge) =>
      treePorts(bridge, kernel).flatMap(({ port, link: { ifindex, name } }): [number, number][] => {
        if (givenCost(port, bridge) !== undefined) return [];
        return [[ifindex, costOf(readLinkSettings(name)?.speed)]];
      }),
    ),
  );

function costSteps(bridge: DesiredBridge, found: PathCosts, kernel: KernelState): Step[] {
  if (!speaksStp(bridge)) return [];
  return treePorts(bridge, kernel).flatMap(({ port, link }): Step[] => {
    const cost = found.get(link.ifindex);
    if (cost === undefined || link.bridgePort?.cost === undefined || link.bridgePort.cost === cost) return [];
    const what = `set the path cost of port ${port.name} by its speed`;
    return [{ op: 'send', subject: { port: port.name }, what, messages: [changeBridgePort(link.ifindex, { cost })] }];
  });
}

function addressSteps(bridge: DesiredBridge, kernel: KernelState): Step[] {
  const address = systemAddress(bridge);
  const link = hiddenBridge(bridge, kernel);
  if (!link || address === undefined || link.address === address) return [];
  const what = `set the spanning tree address of bridge ${bridge.name}`;
  const messages = [changeLink({ name: bridge.device }, { address })];
  return [{ op: 'send', subject: { bridge: bridge.name }, what, messages }];
}

/** Remembers since when ports have been in their states, which the kernel does not tell. */
class StateClock {
  readonly #now: () => number;
  #since: ReadonlyMap<number, { readonly state: PortState; readonly at: number }> = new Map();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** By ifindex: for how many seconds, as far as was seen. */
  read({ bridges }: Desired, kernel: KernelState): ReadonlyMap<number, number> {
    const now = this.#now();
    const links = bridges.flatMap((bridge) => treePorts(bridge, kernel).map(({ link }) => link));
    this.#since = new Map(
      links.map(({ ifindex, bridgePort }) => {
        const state = stateOf(bridgePort ?? {});
        const known = this.#since.get(ifindex);
        return [ifindex, known?.state === state ? known : { state, at: now }];
      }),
    );
    return new Map([...this.#since].map(([ifindex, { at }]) => [ifindex, Math.floor((now - at) / 1000)]));
  }
}

const toldColumns = ['status', 'statistics'] as const;

const hasTold = once((row: RowView) => toldColumns.some((column) => row.datum(column).size > 0));

/** A port that takes part no more has nothing to tell of it. */
const clearPorts = (bridge: DesiredBridge): RowReport[] =>
  demandingPorts(bridge).flatMap((port): RowReport[] => {
    const { row } = port;
    if (!row || !hasTold(row.view) || takesPart(port, bridge)) return [];
    return [{ table: 'Port', uuid: row.uuid, columns: new Map(toldColumns.map((column) => [column, Datum.empty])) }];
  });

type Seconds = Found['seconds'];

const portStatus = (link: Link, bridge: BridgeSettings, seconds: Seconds): Readonly<Record<string, string>> => {
  const { bridgePort = {} } = link;
  return {
    stp_port_id: String(bridgePort.id ?? 0),
    stp_state: stateOf(bridgePort),
    stp_sec_in_state: String(seconds.get(link.ifindex) ?? 0),
    stp_role: roleOf(bridgePort, bridge),
  };
};

function reportBridge(bridge: DesiredBridge, seconds: Seconds, kernel: KernelState): RowReport[] {
  const details = hiddenBridge(bridge, kernel)?.bridge;
  if (!details || !speaksStp(bridge)) return [];
  const status = {
    stp_bridge_id: details.bridgeId ?? '',
    stp_designated_root: details.rootId ?? '',
    stp_root_path_cost: String(details.rootPathCost ?? 0),
  };
  const ports = treePorts(bridge, kernel).flatMap(({ port, link }): RowReport[] =>
    port.row ? [{ table: 'Port', uuid: port.row.uuid, status: portStatus(link, details, seconds) }] : [],
  );
  return [{ table: 'Bridge', uuid: bridge.row.uuid, status }, ...ports];
}

function problemOf(bridge: DesiredBridge): string | undefined {
  if (!bridge.row.view.flag('rstp_enable')) return undefined;
  return `rstp_enable: the kernel has no RSTP; bridge ${bridge.name} speaks STP instead, which works with RSTP but takes up to a minute to change over`;
}

const statisticsOf = (counters: Readonly<Record<string, bigint>>): Datum =>
  Datum.fromElements(Object.entries(counters).map(([key, value]) => [key, Number(value)]));

/** What is refreshed every few seconds: what ports have counted, and for how long they have been in their states. */
function readCounters(desired: Desired, seconds: Seconds, kernel: KernelState, client: NetlinkClient): RowReport[] {
  const bridges = desired.bridges.filter(speaksStp);
  if (bridges.length === 0) return [];
  const byIfindex = new Map(
    client.dump(dumpMasterCounters(), parseSpanningTreeCounters).map((found) => [found.ifindex, found]),
  );
  return bridges.flatMap((bridge) => {
    const details = hiddenBridge(bridge, kernel)?.bridge;
    return treePorts(bridge, kernel).flatMap(({ port, link }): RowReport[] => {
      const counters = byIfindex.get(link.ifindex)?.counters;
      if (!port.row || !counters || !details) return [];
      const statistics = statisticsOf(counters);
      const status = textMap(portStatus(link, details, seconds));
      return [
        {
          table: 'Port',
          uuid: port.row.uuid,
          columns: new Map([
            ['statistics', statistics],
            ['status', status],
          ]),
        },
      ];
    });
  });
}

/** `now`: a clock, in milliseconds. */
export function spanningTree(now: () => number): AspectDefinition<Desired, Found> {
  const clock = new StateClock(now);
  return {
    name: 'spanning-tree',
    want: (desired) => desired,
    read: (desired, kernel) => ({ costs: readPathCosts(desired, kernel), seconds: clock.read(desired, kernel) }),
    /** The settings themselves are set with all others of bridges and ports (settings.ts). */
    diff: ({ bridges }, { costs }, kernel) =>
      bridges.flatMap((bridge) => [...addressSteps(bridge, kernel), ...costSteps(bridge, costs, kernel)]),
    problems: ({ bridges }) => ({
      bridges: new Map(
        bridges.flatMap((bridge) => {
          const problem = problemOf(bridge);
          return problem === undefined ? [] : [[bridge.name, problem]];
        }),
      ),
    }),
    report: ({ bridges }, { seconds }, kernel) =>
      bridges.flatMap((bridge) => [...reportBridge(bridge, seconds, kernel), ...clearPorts(bridge)]),
    counters: (desired, kernel, client) => readCounters(desired, clock.read(desired, kernel), kernel, client),
  };
}

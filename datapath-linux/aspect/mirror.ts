/** Mirrors: programs at the ports that they select, and at their output ports (see bpf/mirror-program.ts). */
import { readCounter } from '../bpf/load.ts';
import {
  counterSize,
  type MirrorOutput,
  type MirrorPlace,
  mirror,
  reserveEgress,
  reserveIngress,
} from '../bpf/mirror-program.ts';
import type { Desired, DesiredBridge } from '../desired.ts';
import { bridgePort } from '../device.ts';
import type { KernelState } from '../kernel.ts';
import { admitted, carriesTag, carriesVlan, untaggedVlan } from '../mirror/carriage.ts';
import { type MirrorGroup, mirrorPlan, outputPorts } from '../mirror/plan.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import { readFilter } from '../netlink/filter.ts';
import { dumpFilters, parseTrafficObject, places } from '../netlink/traffic-control.ts';
import { once } from '../once.ts';
import type { Port } from '../port/port.ts';
import { statisticsDatum } from '../status.ts';
import type { AspectDefinition, RowReport } from './aspect.ts';
import { counterOf, type FilterSource, priorities, type WantedFilter, wantedProgram } from './filters.ts';

const planOf = once(mirrorPlan);

interface Placed {
  readonly port: Port;
  readonly ifindex: number;
}

/** The ports that are in the bridge. */
const placedPorts = (bridge: DesiredBridge, kernel: KernelState): Placed[] =>
  bridge.ports.flatMap((port) => {
    const link = bridgePort(port, bridge, kernel);
    return link ? [{ port, ifindex: link.ifindex }] : [];
  });

/** Where a group's copies go; undefined while its output port is not there. */
function outputOf(group: MirrorGroup, placed: readonly Placed[], reserved: ReadonlySet<Port>) {
  const { output, bytes } = group;
  if ('vlan' in output) {
    const { vlan } = output;
    const carriers = placed.filter(({ port }) => !reserved.has(port) && carriesVlan(port, vlan));
    const indexes = (tagged: boolean): number[] =>
      carriers.filter(({ port }) => carriesTag(port, vlan) === tagged).map(({ ifindex }) => ifindex);
    return { tagged: indexes(true), untagged: indexes(false), vlan, bytes: undefined };
  }
  const target = placed.find(({ port }) => port === output.port);
  if (!target) return undefined;
  const isTagged = carriesTag(output.port, undefined);
  const indexes = [target.ifindex];
  return { tagged: isTagged ? indexes : [], untagged: isTagged ? [] : indexes, vlan: undefined, bytes };
}

function groupFilters(
  bridge: DesiredBridge,
  group: MirrorGroup,
  priority: number,
  output: MirrorOutput,
  placed: readonly Placed[],
): WantedFilter[] {
  const subject = { bridge: bridge.name };
  const once = group.destinations.size > 0;
  const filter = ({ port, ifindex }: Placed, place: MirrorPlace): WantedFilter =>
    wantedProgram(
      { subject, ifindex, parent: places[place.direction], priority, what: `mirror frames of port ${port.name}` },
      { program: mirror(place, output), counter: { name: group.name, size: counterSize } },
    );
  return placed.flatMap((each) => {
    const selected = group.sources.get(each.port);
    const taken = selected && admitted(each.port, selected);
    const received = taken?.length ? taken : undefined;
    const sent = group.destinations.get(each.port);
    const common = { untaggedVlan: untaggedVlan(each.port), once };
    return [
      ...(received || once ? [filter(each, { ...common, direction: 'ingress', vlans: received })] : []),
      ...(sent ? [filter(each, { ...common, direction: 'egress', vlans: sent })] : []),
    ];
  });
}

/** Output ports get copies only, and what comes in there goes nowhere. */
function reservation({ port, ifindex }: Placed, bridge: DesiredBridge): WantedFilter[] {
  const place = {
    subject: { bridge: bridge.name },
    ifindex,
    priority: priorities.reservation,
    what: `reserve port ${port.name} for mirrors`,
  };
  return [
    wantedProgram({ ...place, parent: places.ingress }, { program: reserveIngress() }),
    wantedProgram({ ...place, parent: places.egress }, { program: reserveEgress() }),
  ];
}

function bridgeFilters(bridge: DesiredBridge, kernel: KernelState): WantedFilter[] {
  const { groups } = planOf(bridge);
  if (groups.length === 0 || !kernel.capabilities.has('bpf')) return [];
  const placed = placedPorts(bridge, kernel);
  const reserved = outputPorts(groups);
  return [
    ...placed.filter(({ port }) => reserved.has(port)).flatMap((each) => reservation(each, bridge)),
    ...groups.flatMap((group, index) => {
      const output = outputOf(group, placed, reserved);
      return output ? groupFilters(bridge, group, priorities.mirror + index, output, placed) : [];
    }),
  ];
}

export const mirrorFilters: FilterSource = ({ bridges }, kernel) =>
  bridges.flatMap((bridge) => bridgeFilters(bridge, kernel));

/** The counters of a group, from any of its programs. */
function readGroup(group: MirrorGroup, filters: readonly WantedFilter[], client: NetlinkClient) {
  const filter = filters.find(({ mark }) => counterOf(mark) === group.name);
  if (!filter) return undefined;
  try {
    const present = client.dump(dumpFilters(filter.ifindex, filter.parent), (payload) =>
      readFilter(parseTrafficObject(payload)),
    );
    const found = present.find((each) => each?.mark === filter.mark)?.programId;
    const [, packets, bytes] = found === undefined ? [] : readCounter(found, counterSize);
    return packets === undefined || bytes === undefined ? undefined : { packets, bytes };
  } catch {
    // The port or its program went away since: the next time tells.
    return undefined;
  }
}

function bridgeCounters(bridge: DesiredBridge, kernel: KernelState, client: NetlinkClient): RowReport[] {
  const filters = bridgeFilters(bridge, kernel);
  return planOf(bridge).groups.flatMap((group) => {
    const read = readGroup(group, filters, client);
    if (!read) return [];
    const statistics = statisticsDatum({ counters: { tx_bytes: read.bytes, tx_packets: read.packets } });
    return group.mirrors.map((uuid) => ({ table: 'Mirror', uuid, columns: new Map([['statistics', statistics]]) }));
  });
}

function problemOf(bridge: DesiredBridge, kernel: KernelState): string | undefined {
  const { groups, problems } = planOf(bridge);
  if (groups.length === 0 && problems.length === 0) return undefined;
  const lacking = groups.length > 0 && !kernel.capabilities.has('bpf');
  const absent = groups.flatMap(({ output, labels }) =>
    'port' in output && !bridgePort(output.port, bridge, kernel)
      ? labels.map((label) => `${label} copies nothing: its output port ${output.port.name} is not there`)
      : [],
  );
  return [...problems, ...absent, ...(lacking ? ['mirrors need the right to load BPF programs (CAP_BPF)'] : [])].join(
    '; ',
  );
}

/** Their filters are in filter-sources.ts. */
export const mirrors: AspectDefinition<Desired, undefined> = {
  name: 'mirrors',
  want: (desired) => desired,
  read: () => undefined,
  diff: () => [],
  problems: ({ bridges }, _found, kernel) => ({
    bridges: new Map(
      bridges.flatMap((bridge) => {
        const problem = problemOf(bridge, kernel);
        return problem ? [[bridge.name, problem] as const] : [];
      }),
    ),
  }),
  counters: ({ bridges }, kernel, client) => bridges.flatMap((bridge) => bridgeCounters(bridge, kernel, client)),
};

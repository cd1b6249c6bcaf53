/**
 * Queueing (Port.qos): in which order, and how fast, frames leave the switch through a port. It is kept where the
 * kernel bridge sends them: of an internal port at the end of the pair that is in the bridge, so that it is what goes
 * to the host that is shaped; of a bond at each of its members.
 */

import { markedMax, markPriorities } from '../bpf/dscp-program.ts';
import { type Desired, type DesiredBridge, demandingPlaces } from '../desired.ts';
import { hiddenBridge } from '../device.ts';
import type { KernelState } from '../kernel.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import { readLinkSettings } from '../netlink/ethtool.ts';
import type { Link } from '../netlink/link.ts';
import { classCodecs } from '../netlink/queueing.ts';
import { handleOf, majorOf, places } from '../netlink/traffic-control.ts';
import { once } from '../once.ts';
import type { Port } from '../port/port.ts';
import type { RowView } from '../row-view.ts';
import type { Step } from '../step.ts';
import type { AspectDefinition, Problems } from './aspect.ts';
import { type FilterSource, priorities, wantedProgram } from './filters.ts';
import { queueMinor } from './qos/classes.ts';
import { asksForSpeed, classfulHandle, hasQueues, leaveAlone, type Planned, planDiscipline } from './qos/discipline.ts';
import { type QosRequest, qosOf } from './qos/request.ts';
import { isForeign, isOurs, type Present, queueingSteps } from './qos/steps.ts';
import { isInOurHands, type Traffic, trafficOf } from './traffic.ts';

/** An interface whose port has a QoS row. */
export interface Shaped {
  readonly interfaceName: string;
  readonly link: Link;
  readonly request: QosRequest;
}

interface Device {
  readonly link: Link;
  readonly present: Present;
  /** undefined where nobody asks for a discipline: one of ours goes. */
  readonly shaped: Shaped | undefined;
  readonly planned: Planned | undefined;
}

/** The devices of interfaces whose ports have QoS. Pure. */
export function shapedInterfaces(desired: Desired, kernel: KernelState): Shaped[] {
  return shapedPorts(desired).flatMap(({ bridge, port, request }) => {
    const master = hiddenBridge(bridge, kernel);
    if (!master) return [];
    return port.interfaces.flatMap(({ name }) => {
      const device = port.locate(name, kernel, master);
      return device ? [{ interfaceName: name, link: device.port, request }] : [];
    });
  });
}

const requestsQos = once((row: RowView) => row.datum('qos').size > 0);

interface ShapedPort {
  readonly bridge: DesiredBridge;
  readonly port: Port;
  readonly request: QosRequest;
}

const shapedPorts = once((desired: Desired) => {
  const found: ShapedPort[] = [];
  for (const { bridge, port } of demandingPlaces(desired)) {
    const request = port.row && requestsQos(port.row.view) ? qosOf(port.row.view) : undefined;
    if (request) found.push({ bridge, port, request });
  }
  return found;
});

/** What a shaped interface shall have, by the speed that its driver tells now. */
export const planFor = ({ link, request }: Shaped): Planned | undefined =>
  planDiscipline(request, {
    mtu: link.mtu,
    speed: asksForSpeed(request) ? readLinkSettings(link.name)?.speed : undefined,
  });

/** What is at the root of a device. The classes are read where a discipline with classes may be ours. */
export function presentOn({ ifindex }: Link, traffic: Traffic): Present {
  const root = traffic.root(ifindex);
  return { root, classes: root && classCodecs.has(root.kind) ? traffic.classes(ifindex) : [] };
}

function readDevices(desired: Desired, kernel: KernelState, client: NetlinkClient): Device[] {
  const shaped = new Map(shapedInterfaces(desired, kernel).map((each) => [each.link.ifindex, each]));
  const traffic = trafficOf(kernel, client);
  return [...new Set([...shaped.keys(), ...traffic.shaped])].flatMap((ifindex) => {
    const link = kernel.at(ifindex);
    const wanted = shaped.get(ifindex);
    if (!link || (!wanted && !isInOurHands(link))) return [];
    return [{ link, present: presentOn(link, traffic), shaped: wanted, planned: wanted && planFor(wanted) }];
  });
}

function stepsOf({ link, present, shaped, planned }: Device, kernel: KernelState): Step[] {
  if (shaped?.request.type === leaveAlone) return [];
  const subject = { port: shaped?.interfaceName ?? link.name };
  if (!shaped || !planned) {
    const what = `take the queueing off ${link.name} that is not wanted any more`;
    const messages = isOurs(present) ? queueingSteps(link.ifindex, undefined, present) : [];
    return messages.length > 0 ? [{ op: 'send', subject, what, messages }] : [];
  }
  if ('error' in planned || !kernel.capabilities.has(planned.kind) || isForeign(present, planned)) return [];
  const messages = queueingSteps(link.ifindex, planned, present);
  const what = `set ${shaped.request.type} on ${shaped.interfaceName}`;
  return messages.length > 0 ? [{ op: 'send', subject, what, messages }] : [];
}

/** Why an interface is not queued as asked for. */
function problemOf({ link, present, shaped, planned }: Device, kernel: KernelState): string | undefined {
  if (!shaped || !planned) return undefined;
  const cannot = `could not set ${shaped.request.type} on ${shaped.interfaceName}`;
  if ('error' in planned) return `${cannot}: ${planned.error}`;
  const { kind } = planned;
  if (!kernel.capabilities.has(kind)) {
    return `${cannot}: this kernel has no ${kind} (CONFIG_NET_SCH_${kind.toUpperCase()}, module sch_${kind})`;
  }
  if (isForeign(present, planned)) {
    return `${cannot}: the switch did not make the queueing discipline ${present.root?.kind} that is there; tc qdisc delete dev ${link.name} root makes way`;
  }
  return markingProblem(shaped, kernel);
}

/** Why what leaves through queues with a DSCP is not marked with it. */
function markingProblem({ interfaceName, request }: Shaped, { capabilities }: KernelState): string | undefined {
  const { size } = markedPriorities(request);
  if (size > markedMax) return `no packets of ${interfaceName} are marked: more than ${markedMax} queues have a dscp`;
  if (size === 0 || capabilities.has('bpf')) return undefined;
  return `the packets of ${interfaceName} keep their DSCP: marking them (Queue.dscp) needs the right to load BPF programs (CAP_BPF)`;
}

/** DSCP by priority, for queues that mark; other disciplines have none. */
function markedPriorities({ type, queues }: QosRequest): ReadonlyMap<number, number> {
  if (!hasQueues(type)) return new Map();
  return new Map(
    [...queues].flatMap(([number, { dscp }]) =>
      dscp === undefined ? [] : [[handleOf(majorOf(classfulHandle), queueMinor(number)), dscp]],
    ),
  );
}

/** The programs that mark what leaves through queues with a DSCP. */
export const markingFilters: FilterSource = (desired, kernel) =>
  shapedInterfaces(desired, kernel).flatMap(({ interfaceName, link, request }) => {
    const marked = markedPriorities(request);
    if (marked.size === 0 || marked.size > markedMax || !kernel.capabilities.has('bpf')) return [];
    const place = { ifindex: link.ifindex, parent: places.egress, priority: priorities.dscp } as const;
    const what = `mark what leaves through the queues of ${interfaceName}`;
    return wantedProgram({ ...place, subject: { port: interfaceName }, what }, { program: markPriorities(marked) });
  });

export const qos: AspectDefinition<Desired, readonly Device[]> = {
  name: 'qos',
  want: (desired) => desired,
  read: readDevices,
  diff: (_desired, devices, kernel) => devices.flatMap((device) => stepsOf(device, kernel)),
  problems: (_desired, devices, kernel): Problems => ({
    interfaces: new Map(
      devices.flatMap((device) => {
        const problem = problemOf(device, kernel);
        return problem !== undefined && device.shaped ? [[device.shaped.interfaceName, problem]] : [];
      }),
    ),
  }),
};

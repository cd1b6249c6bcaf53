/** The VLANs of bridge ports. What belongs into them is vlan/plan.ts's to know. */
import type { Desired, DesiredBridge } from '../desired.ts';
import { bridgePort, hiddenBridge } from '../device.ts';
import { isOwned, type KernelState } from '../kernel.ts';
import type { BpfInstruction } from '../netlink/filter.ts';
import { changeBridge } from '../netlink/link-kind.ts';
import { differingSettings } from '../netlink/settings.ts';
import { places } from '../netlink/traffic-control.ts';
import { deleteVlans, dumpVlans, parsePortVlans, setVlans, type VlanRange } from '../netlink/vlan.ts';
import { once } from '../once.ts';
import { demandingPorts } from '../port/plain.ts';
import type { Port } from '../port/port.ts';
import type { RowView } from '../row-view.ts';
import type { Step } from '../step.ts';
import { type Admission, admissionProgram, emissionProgram } from '../vlan/admission.ts';
import { vlanChanges } from '../vlan/change.ts';
import { isTransparent, tagTypes, vlanMode } from '../vlan/mode.ts';
import { type PortPlan, type VlanPlan, vlanPlan } from '../vlan/plan.ts';
import type { AspectDefinition, Problems } from './aspect.ts';
import { type FilterSource, priorities, type WantedFilter, wantedFilter } from './filters.ts';

/** By ifindex of a bridge port: its VLANs. */
export type FoundVlans = ReadonlyMap<number, readonly VlanRange[]>;

/** A port that is in its bridge, and what it has and shall have there. */
interface Member {
  readonly port: Port;
  readonly ifindex: number;
  readonly present: readonly VlanRange[];
  readonly wanted: readonly VlanRange[];
}

const send = (port: string, message: Buffer): Step => ({
  op: 'send',
  subject: { port },
  what: `set the VLANs of port ${port}`,
  messages: [message],
});

function membersOf(bridge: DesiredBridge, plan: VlanPlan | undefined, found: FoundVlans, kernel: KernelState) {
  return bridge.ports.flatMap((port): Member[] => {
    const link = bridgePort(port, bridge, kernel);
    if (!link) return [];
    const { ifindex } = link;
    return [{ port, ifindex, present: found.get(ifindex) ?? [], wanted: plan?.ports.get(port)?.ranges ?? [] }];
  });
}

/**
 * For all ports first the VLANs that they are to be in, then the ones of their untagged frames, then what they are to
 * leave: so that a VLAN which moves takes none of its frames along, and ports that keep theirs lose none.
 */
function memberSteps(members: readonly Member[]): Step[] {
  const changes = members.map((member) => ({ ...member, ...vlanChanges(member.present, member.wanted) }));
  return [
    ...changes.flatMap(({ port, ifindex, joined }) =>
      joined.length > 0 ? [send(port.name, setVlans(ifindex, joined))] : [],
    ),
    ...changes.flatMap(({ port, ifindex, pvid }) => (pvid ? [send(port.name, setVlans(ifindex, [pvid]))] : [])),
    ...changes.flatMap(({ port, ifindex, left, changed }) => [
      ...(left.length > 0 ? [send(port.name, deleteVlans(ifindex, left))] : []),
      ...(changed.length > 0 ? [send(port.name, setVlans(ifindex, changed))] : []),
    ]),
  ];
}

/** Looking at VLANs begins when the ports have theirs, and ends before they lose them: no frame is lost either way. */
function bridgeSteps(bridge: DesiredBridge, found: FoundVlans, kernel: KernelState): Step[] {
  const link = hiddenBridge(bridge, kernel);
  if (!link?.bridge) return [];
  const plan = vlanPlan(bridge, kernel);
  const wanted = { vlanFiltering: plan ? 1 : 0, vlanProtocol: plan?.protocol ?? tagTypes.customer };
  const change = differingSettings(link.bridge, wanted);
  const what = `turn VLAN filtering ${plan ? 'on' : 'off'} in bridge ${bridge.name}`;
  const turn: Step[] = change
    ? [{ op: 'send', subject: { bridge: bridge.name }, what, messages: [changeBridge(link.ifindex, change)] }]
    : [];
  const members = memberSteps(membersOf(bridge, plan, found, kernel));
  return plan ? [...members, ...turn] : [...turn, ...members];
}

/** Whether there is anything to read: VLANs are wanted, or some bridge of ours still looks at them. */
const isNeeded = ({ bridges }: Desired, kernel: KernelState): boolean =>
  bridges.some((bridge) => vlanPlan(bridge, kernel)) ||
  [...kernel.bridges].some((link) => link.bridge?.vlanFiltering === 1 && isOwned(link));

const priorityTagsOf = once((row: RowView) => row.map('other_config').get('priority-tags'));

function portProblem(port: Port, plan: PortPlan | undefined): string | undefined {
  if (plan?.problem !== undefined) return `could not configure the VLANs of port ${port.name}: ${plan.problem}`;
  const priorityTags = port.row && priorityTagsOf(port.row.view);
  if (priorityTags === undefined || priorityTags === 'no' || priorityTags === 'false') return undefined;
  return `other_config:priority-tags=${priorityTags} of port ${port.name} is not provided: the kernel bridge sends untagged frames without a priority`;
}

function problemsOf({ bridges }: Desired, kernel: KernelState): Problems {
  const interfaces = new Map<string, string>();
  const ofBridges = new Map<string, string>();
  for (const bridge of bridges) {
    const plan = vlanPlan(bridge, kernel);
    for (const port of plan ? bridge.ports : demandingPorts(bridge)) {
      const problem = portProblem(port, plan?.ports.get(port));
      if (problem !== undefined) for (const { name } of port.interfaces) interfaces.set(name, problem);
    }
    const problem = bridgeProblem(bridge, plan);
    if (problem !== undefined) ofBridges.set(bridge.name, problem);
  }
  return { interfaces, bridges: ofBridges };
}

function bridgeProblem(bridge: DesiredBridge, plan: VlanPlan | undefined): string | undefined {
  const problems = [
    bridge.row.view.integers('flood_vlans').length > 0 &&
      'flood_vlans is not provided: a kernel bridge learns addresses in all VLANs',
    plan?.protocol === tagTypes.service &&
      'a port in mode dot1q-tunnel makes the whole kernel bridge tell VLANs by 802.1ad tags: frames with 802.1Q tags do not pass its other ports',
    plan?.isLimited &&
      'more ports are in all VLANs than the memory of the kernel is good for: they are only in the VLANs that some port names; set trunks of those that need others',
  ].filter((problem) => typeof problem === 'string');
  return problems.length > 0 ? problems.join('; ') : undefined;
}

export const vlan: AspectDefinition<Desired, FoundVlans> = {
  name: 'vlan',
  want: (desired) => desired,
  read: (desired, kernel, client) =>
    isNeeded(desired, kernel)
      ? new Map(client.dump(dumpVlans(), parsePortVlans).map(({ ifindex, ranges }) => [ifindex, ranges]))
      : new Map(),
  diff: (desired, found, kernel) =>
    isNeeded(desired, kernel) ? desired.bridges.flatMap((bridge) => bridgeSteps(bridge, found, kernel)) : [],
  problems: (desired, _found, kernel) => problemsOf(desired, kernel),
};

type Place = typeof places.ingress | typeof places.egress;

/** What a port drops of what it receives, and of what it would send. */
function portFilters(port: Port, ifindex: number, admission: Admission): WantedFilter[] {
  const make = (parent: Place, program: readonly BpfInstruction[]) =>
    wantedFilter(
      {
        ifindex,
        parent,
        priority: priorities.admission,
        classifier: { kind: 'bpf', program },
        actions: [{ kind: 'gact', verdict: 'drop' }],
      },
      { port: port.name },
      `drop frames of other VLANs at port ${port.name}`,
    );
  const emission = emissionProgram(admission);
  return [make(places.ingress, admissionProgram(admission)), ...(emission ? [make(places.egress, emission)] : [])];
}

/** What the kernel bridge would take and Open vSwitch drops. */
export const vlanFilters: FilterSource = ({ bridges }, kernel) =>
  bridges.flatMap((bridge) =>
    [...(vlanPlan(bridge, kernel)?.ports ?? [])].flatMap(([port, { admission }]) => {
      const link = bridgePort(port, bridge, kernel);
      return link && admission ? portFilters(port, link.ifindex, admission) : [];
    }),
  );

/** Why a port with VLANs cannot be in its bridge: without filtering it would join every VLAN. */
export function vlanObstacle(port: Port, kernel: Pick<KernelState, 'capabilities'>): string | undefined {
  if (isTransparent(vlanMode(port.row?.view)) || kernel.capabilities.has('bridge-vlan')) return undefined;
  return `could not add port ${port.name}: VLANs are not provided by this kernel, which has no VLAN filtering in bridges, and without it the port would join every VLAN; clear its tag, trunks, vlan_mode and cvlans to add it`;
}

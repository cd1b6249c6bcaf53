/** The settings of the kernel bridges and of their ports, which several features put together. */
import type { Desired, DesiredBridge } from '../desired.ts';
import { bridgePort, hiddenBridge } from '../device.ts';
import { clamp, integerOf } from '../integer.ts';
import type { KernelState } from '../kernel.ts';
import { deviceAddress } from '../mac.ts';
import { type BridgePortSettings, type BridgeSettings, quietBridge } from '../netlink/bridge.ts';
import type { Link } from '../netlink/link.ts';
import { changeBridge, changeBridgePort } from '../netlink/link-kind.ts';
import { differingSettings } from '../netlink/settings.ts';
import type { Port } from '../port/port.ts';
import type { Step } from '../step.ts';
import type { AspectDefinition, Problems } from './aspect.ts';
import { multicastPortSettings, multicastProblem, multicastSettings } from './multicast.ts';
import { spanningTreePortSettings, spanningTreeSettings, speaksStp, unblocked } from './spanning-tree.ts';

/** How long learned addresses last, in seconds, and how many there may be. */
const ageing = { preset: 300, min: 15, max: 3600 } as const;
const addresses = { preset: 8192, min: 10, max: 1_000_000 } as const;

/** The control addresses 01:80:c2:00:00:0x that a bridge may pass on: the kernel keeps the first three for itself. */
const controlAddresses = { none: 0, bridge: 0xfff8, port: 0xfffd, portInTree: 0xfffc } as const;

export const forwardsControl = ({ row }: Pick<DesiredBridge, 'row'>): boolean =>
  row.otherConfig.get('forward-bpdu')?.toLowerCase() === 'true';

/** New ports join no VLAN of their own accord. */
export function bridgeSettings(bridge: DesiredBridge): BridgeSettings {
  const configured = bridge.row.otherConfig;
  const age = integerOf(configured.get('mac-aging-time')) ?? ageing.preset;
  const size = integerOf(configured.get('mac-table-size')) ?? addresses.preset;
  return {
    ...quietBridge,
    defaultPvid: 0,
    ageingTime: clamp(age, ageing.min, ageing.max) * 100,
    addressesMax: clamp(size, addresses.min, addresses.max),
    groupForwardMask: forwardsControl(bridge) ? controlAddresses.bridge : controlAddresses.none,
    ...multicastSettings(bridge),
    ...spanningTreeSettings(bridge),
  };
}

export function portSettings(port: Port, link: Link, bridge: DesiredBridge): BridgePortSettings {
  const mask = speaksStp(bridge) ? controlAddresses.portInTree : controlAddresses.port;
  return {
    isolated: port.row?.view.flag('protected') ? 1 : 0,
    groupForwardMask: forwardsControl(bridge) ? mask : controlAddresses.none,
    ...multicastPortSettings(port, bridge),
    ...spanningTreePortSettings(port, bridge),
    ...unblocked(link, bridge),
  };
}

/**
 * Without those that are not the bridge's own at the moment: while the spanning tree changes, the kernel makes addresses
 * age faster, and the timers are those of the tree's root. A tree that is turned off meanwhile leaves the bridge so.
 */
function ownSettings(bridge: DesiredBridge, present: BridgeSettings): BridgeSettings {
  const isRoot = !present.stpState || present.rootId === present.bridgeId;
  const isChanging = speaksStp(bridge) && present.stpState && present.topologyChange;
  return {
    ...bridgeSettings(bridge),
    ...(isChanging && { ageingTime: undefined }),
    ...(!isRoot && { helloTime: undefined, maxAge: undefined, forwardDelay: undefined }),
  };
}

/** Settings that a kernel does not have are left alone. */
function bridgeSteps(bridge: DesiredBridge, kernel: KernelState): Step[] {
  const link = hiddenBridge(bridge, kernel);
  const change = link?.bridge && differingSettings(link.bridge, ownSettings(bridge, link.bridge));
  if (!link || !change) return [];
  const what = `set ${Object.keys(change).join(', ')} of bridge ${bridge.name}`;
  return [{ op: 'send', subject: { bridge: bridge.name }, what, messages: [changeBridge(link.ifindex, change)] }];
}

function portSteps(port: Port, bridge: DesiredBridge, kernel: KernelState): Step[] {
  const link = bridgePort(port, bridge, kernel);
  const change = link?.bridgePort && differingSettings(link.bridgePort, portSettings(port, link, bridge));
  if (!link || !change) return [];
  const what = `set ${Object.keys(change).join(', ')} of port ${port.name}`;
  return [{ op: 'send', subject: { port: port.name }, what, messages: [changeBridgePort(link.ifindex, change)] }];
}

const addressProblem = (key: string, text: string | undefined): string | undefined =>
  text === undefined || deviceAddress(text) !== undefined
    ? undefined
    : `${key}=${text} is no Ethernet address that a device can have: it is left out`;

function problemsOf({ bridges }: Desired): Problems {
  const ofBridges = new Map<string, string>();
  const ofInterfaces = new Map<string, string>();
  for (const bridge of bridges) {
    const problem =
      addressProblem('other_config:hwaddr', bridge.row.otherConfig.get('hwaddr')) ?? multicastProblem(bridge);
    if (problem !== undefined) ofBridges.set(bridge.name, problem);
    for (const port of bridge.ports) {
      for (const { name, mac } of port.interfaces) {
        const unusable = addressProblem('mac', mac);
        if (unusable !== undefined && port.kind === 'internal') ofInterfaces.set(name, unusable);
      }
    }
  }
  return { bridges: ofBridges, interfaces: ofInterfaces };
}

export const settings: AspectDefinition<Desired, undefined> = {
  name: 'settings',
  isPortwise: true,
  want: (desired) => desired,
  read: () => undefined,
  diff: ({ bridges }, _found, kernel) =>
    bridges.flatMap((bridge) => [
      ...bridgeSteps(bridge, kernel),
      ...bridge.ports.flatMap((port) => portSteps(port, bridge, kernel)),
    ]),
  problems: problemsOf,
};

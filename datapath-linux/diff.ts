/**
 * What to do next so that the devices of the kernel become as desired. Pure.
 *
 * Deletes come before everything else: they free names, addresses and port numbers, and the other steps are for the
 * kernel as it is without what they delete. A step is given only when what it
 * needs is there (a port's, when its kernel bridge exists); the rest follows when the kernel has been read again.
 * Nothing to do means that the kernel is as desired, as far as it can be.
 */
import { spanningTreeSettings, speaksStp } from './aspect/spanning-tree.ts';
import { vlanObstacle } from './aspect/vlan.ts';
import type { Desired, DesiredBridge } from './desired.ts';
import { hiddenBridge } from './device.ts';
import { stepsOrFault } from './fault.ts';
import { isOwned, type KernelState } from './kernel.ts';
import { bridgeAlias, bridgeDevice, doomedGroup, ownedGroup, readMarks } from './names.ts';
import type { Link } from './netlink/link.ts';
import type { LinkChange } from './netlink/request.ts';
import { obstacle } from './obstacle.ts';
import { changeSteps } from './port/change.ts';
import type { Port, PortContext } from './port/port.ts';
import type { Delete, Release, Step } from './step.ts';

/** By bridge: the MTU that its internal ports followed when the kernel was last as desired. */
export type FollowedMtus = ReadonlyMap<string, number>;

export function diff(desired: Desired, kernel: KernelState, followed: FollowedMtus = new Map()): Step[] {
  const remaining = remainingKernel(desired, kernel);
  return [
    ...releases(desired, kernel),
    ...deletions(desired, kernel),
    ...desired.bridges.flatMap((bridge) => [
      ...bridgeSteps(bridge, remaining),
      ...portSteps(bridge, remaining, followed),
    ]),
  ];
}

/** The kernel without what is deleted and let go first: the one that all other steps, and those of the aspects, are for. */
export function remainingKernel(desired: Desired, kernel: KernelState): KernelState {
  const deleted = deletions(desired, kernel).map(({ ifindex }) => ifindex);
  const released = releases(desired, kernel).flatMap(({ ifindex, detach }) => (detach ? [ifindex] : []));
  return kernel.without(new Set(deleted), new Set(released));
}

/** Devices that bear our mark but are no port of ours any more, or cannot be one. */
function releases(desired: Desired, kernel: KernelState): Release[] {
  const wanted = new Set<number>();
  for (const bridge of desired.bridges) {
    for (const port of bridge.ports) {
      const links = port.taken.flatMap((name) => kernel.find(name) ?? []).filter((link) => !isOwned(link));
      if (links.length === 0 || obstacle(port, bridge, kernel) !== undefined) continue;
      for (const { ifindex } of links) wanted.add(ifindex);
    }
  }
  const steps: Release[] = [];
  for (const link of kernel.links) {
    const { marks, mtu, wasUp } = readMarks(link.altnames);
    if (marks.length === 0 || wanted.has(link.ifindex)) continue;
    const master = kernel.at(link.master);
    steps.push({
      op: 'release',
      subject: { port: link.name },
      ifindex: link.ifindex,
      detach: master !== undefined && isOwned(master),
      mtu: mtu === link.mtu ? undefined : mtu,
      up: wasUp ? true : undefined,
      marks,
    });
  }
  return steps;
}

/** Devices of our making that nobody wants, or that must be made anew. */
function deletions(desired: Desired, kernel: KernelState): Delete[] {
  const bridges = new Set(desired.bridges.map(({ name }) => bridgeDevice(name)));
  const owners = new Map<string, Port>();
  for (const { ports } of desired.bridges) {
    for (const port of ports) {
      // Left in its bridge, it would be in every VLAN.
      if (vlanObstacle(port, kernel) !== undefined) continue;
      // Of our devices taps alone have names that users choose, which may be that of a device behind another port.
      for (const name of port.owned) if (port.kind !== 'tap' || !owners.has(name)) owners.set(name, port);
    }
  }
  const isKept = (link: Link): boolean => {
    if (link.group === doomedGroup) return false;
    return bridges.has(link.name) ? link.kind === 'bridge' : owners.get(link.name)?.keeps(link, kernel) === true;
  };
  const steps: Delete[] = [];
  for (const link of kernel.links) {
    if (!isOwned(link) || isKept(link)) continue;
    steps.push({ op: 'delete', subject: { port: link.name }, ifindex: link.ifindex, name: link.name });
  }
  return steps;
}

/**
 * The kernel bridge is always up, and mute: the host must not answer on it for the addresses that it has elsewhere
 * (ARP is off), nor take up addresses or routes from advertisements that pass (IPv6 is off).
 */
function bridgeSteps(bridge: DesiredBridge, kernel: KernelState): Step[] {
  const subject = { bridge: bridge.name };
  const name = bridgeDevice(bridge.name);
  const link = kernel.find(name);
  if (!link) {
    const settings = speaksStp(bridge) && { settings: spanningTreeSettings(bridge) };
    return [{ op: 'create-bridge', subject, name, address: bridge.hiddenAddress, ...settings }];
  }
  if (!isOwned(link)) return [];
  const steps: Step[] = link.ipv6Disabled ? [] : [{ op: 'disable-ipv6', subject, name }];
  const alias = bridgeAlias(bridge.name);
  const wanted: LinkChange = { up: true, noArp: true, group: ownedGroup, alias, addressless6: true };
  return [...steps, ...changeSteps(subject, link, wanted, { strictSource4: true })];
}

/** The ports that can be in the bridge as the kernel is now. */
const realizable = (bridge: DesiredBridge, kernel: KernelState): Port[] =>
  bridge.ports.filter((port) => obstacle(port, bridge, kernel) === undefined);

/** The ports of other people's making and the taps decide the MTU that the host's own ports follow. */
function mtuToFollow(bridge: DesiredBridge, kernel: KernelState): number | undefined {
  const mtus = realizable(bridge, kernel).flatMap((port) => port.mtuLimit?.(kernel) ?? []);
  return mtus.length > 0 ? Math.min(...mtus) : undefined;
}

/** What `FollowedMtus` should remember now. */
export function followedMtus(desired: Desired, kernel: KernelState): FollowedMtus {
  const found = new Map<string, number>();
  for (const bridge of desired.bridges) {
    const mtu = mtuToFollow(bridge, kernel);
    if (mtu !== undefined) found.set(bridge.name, mtu);
  }
  return found;
}

function portSteps(bridge: DesiredBridge, kernel: KernelState, followed: FollowedMtus): Step[] {
  const master = hiddenBridge(bridge, kernel);
  if (!master) return [];
  const context: PortContext = {
    bridge,
    kernel,
    master,
    localAddress: localAddress(bridge, kernel),
    followed: followed.get(bridge.name),
    toFollow: mtuToFollow(bridge, kernel),
  };
  return realizable(bridge, kernel).flatMap((port) =>
    stepsOrFault(port.name, 'see to the device', () => port.steps(context)),
  );
}

/** The local port's address: configured, else that of a physical port (the lowest), else its own. */
export function localAddress(bridge: DesiredBridge, kernel: KernelState): string {
  if (bridge.localAddress !== undefined) return bridge.localAddress;
  const lent = realizable(bridge, kernel).flatMap((port) => port.lentAddress?.(kernel) ?? []);
  return lent.sort()[0] ?? bridge.defaultAddress;
}

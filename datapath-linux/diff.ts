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
import type { Capabilities } from './capabilities.ts';
import type { Desired, DesiredBridge } from './desired.ts';
import { hiddenBridge } from './device.ts';
import { stepsOrFault } from './fault.ts';
import { groupBy } from './group.ts';
import { isOwned, type KernelState } from './kernel.ts';
import { bridgeAlias, doomedGroup, ownedGroup, readMarks } from './names.ts';
import type { Link } from './netlink/link.ts';
import type { LinkChange } from './netlink/request.ts';
import { obstacle } from './obstacle.ts';
import { once } from './once.ts';
import { changeSteps } from './port/change.ts';
import { demandingPorts } from './port/plain.ts';
import type { Port, PortContext } from './port/port.ts';
import type { Delete, Release, Step } from './step.ts';

/** By bridge: the MTU that its internal ports followed when the kernel was last as desired. */
export type FollowedMtus = ReadonlyMap<string, number>;

export function diff(desired: Desired, kernel: KernelState, followed: FollowedMtus = new Map()): Step[] {
  const { steps, remaining } = removals(desired, kernel);
  return [...steps, ...additions(desired, remaining, portContexts(desired, remaining, followed))];
}

export interface Removals {
  readonly steps: readonly Step[];
  /** The kernel without what is removed: the one that all other steps, and those of the aspects, are for. */
  readonly remaining: KernelState;
}

/** What goes first. */
export function removals(desired: Desired, kernel: KernelState): Removals {
  const released = releases(desired, kernel);
  const deleted = deletions(desired, kernel);
  const detached = released.flatMap(({ ifindex, detach }) => (detach ? [ifindex] : []));
  const remaining = kernel.without(new Set(deleted.map(({ ifindex }) => ifindex)), new Set(detached));
  return { steps: [...released, ...deleted], remaining };
}

/** What follows, for `remaining`. Of ports that need nothing `desired` may be without; `contexts` are those of all. */
export function additions(desired: Desired, remaining: KernelState, contexts: PortContexts): Step[] {
  return desired.bridges.flatMap((bridge) => {
    const context = contexts.get(bridge.name);
    const ports = context ? realizable(bridge, remaining) : [];
    return [
      ...bridgeSteps(bridge, remaining),
      ...ports.flatMap((port) =>
        stepsOrFault(port.name, 'see to the device', () => (context ? port.steps(context) : [])),
      ),
    ];
  });
}

/** Devices that bear our mark but are no port of ours any more, or cannot be one. */
function releases(desired: Desired, kernel: KernelState): Release[] {
  const steps: Release[] = [];
  for (const link of kernel.links) {
    if (link.altnames.length === 0) continue;
    const { marks, mtu, wasUp } = readMarks(link.altnames);
    if (marks.length === 0 || isTaken(link, desired, kernel)) continue;
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

/** Whether a device that others made belongs to a port that can be in its bridge. */
function isTaken(link: Link, desired: Desired, kernel: KernelState): boolean {
  if (isOwned(link)) return false;
  return [link.name, ...link.altnames].some((name) =>
    takers(desired)
      .get(name)
      ?.some(({ port, bridge }) => obstacle(port, bridge, kernel) === undefined),
  );
}

interface Taker {
  readonly port: Port;
  readonly bridge: DesiredBridge;
}

/** By the name of a device: the ports that take it. */
const takers = once(({ bridges }: Desired): ReadonlyMap<string, readonly Taker[]> => {
  const all = bridges.flatMap((bridge) =>
    bridge.ports.flatMap((port) => port.taken.map((name) => ({ name, port, bridge }))),
  );
  return groupBy(all, ({ name }) => name);
});

/** By the name of a device of our making: the port that it belongs to, on a kernel with these capabilities. */
const ownersOn = once((capabilities: Capabilities) =>
  once(({ bridges }: Desired): ReadonlyMap<string, Port> => {
    const owners = new Map<string, Port>();
    const demanding = bridges.flatMap(demandingPorts);
    const obstructed = new Set(demanding.filter((port) => vlanObstacle(port, { capabilities }) !== undefined));
    for (const port of bridges.flatMap(({ ports }) => ports)) {
      // Left in its bridge, it would be in every VLAN.
      if (obstructed.has(port)) continue;
      // Of our devices taps alone have names that users choose, which may be that of a device behind another port.
      for (const name of port.owned) if (port.kind !== 'tap' || !owners.has(name)) owners.set(name, port);
    }
    return owners;
  }),
);

/** Devices of our making that nobody wants, or that must be made anew. */
function deletions(desired: Desired, kernel: KernelState): Delete[] {
  const bridges = new Set(desired.bridges.map(({ device }) => device));
  const owners = ownersOn(kernel.capabilities)(desired);
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
  const name = bridge.device;
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
  let lowest: number | undefined;
  for (const port of bridge.ports) {
    const mtu = port.mtuLimit?.(kernel);
    if (mtu === undefined || (lowest !== undefined && mtu >= lowest)) continue;
    if (obstacle(port, bridge, kernel) === undefined) lowest = mtu;
  }
  return lowest;
}

/** What `FollowedMtus` should remember now. */
export const followedMtus = (contexts: PortContexts): FollowedMtus =>
  new Map(
    [...contexts].flatMap(([bridge, { toFollow }]): [string, number][] =>
      toFollow === undefined ? [] : [[bridge, toFollow]],
    ),
  );

/** By bridge, where the kernel bridge behind it is there: what its ports share. */
export type PortContexts = ReadonlyMap<string, PortContext>;

export function portContexts({ bridges }: Desired, kernel: KernelState, followed: FollowedMtus): PortContexts {
  const found = new Map<string, PortContext>();
  for (const bridge of bridges) {
    const master = hiddenBridge(bridge, kernel);
    if (!master) continue;
    found.set(bridge.name, {
      bridge,
      kernel,
      master,
      localAddress: localAddress(bridge, kernel),
      followed: followed.get(bridge.name),
      toFollow: mtuToFollow(bridge, kernel),
    });
  }
  return found;
}

/** The local port's address: configured, else that of a physical port (the lowest), else its own. */
export function localAddress(bridge: DesiredBridge, kernel: KernelState): string {
  if (bridge.localAddress !== undefined) return bridge.localAddress;
  let lowest: string | undefined;
  for (const port of bridge.ports) {
    const address = port.lentAddress?.(kernel);
    if (address === undefined || (lowest !== undefined && address >= lowest)) continue;
    if (obstacle(port, bridge, kernel) === undefined) lowest = address;
  }
  return lowest ?? bridge.defaultAddress;
}

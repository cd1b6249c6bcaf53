/**
 * What to do next so that the kernel becomes as desired. Pure.
 *
 * Deletes come before everything else: they free names, addresses and port numbers, and the other steps are for the
 * kernel as it is without what they delete. A step is given only when what it
 * needs is there (a port's, when its kernel bridge exists); the rest follows when the kernel has been read again.
 * Nothing to do means that the kernel is as desired, as far as it can be.
 */
import type { Desired, DesiredBridge, DesiredPort, InternalPort, SystemPort, TapPort } from './desired.ts';
import { type Inner, isOwned, type KernelState } from './kernel.ts';
import { isGlobal } from './mac.ts';
import {
  bridgeAlias,
  bridgeDevice,
  doomedGroup,
  mtuMark,
  outerAlias,
  outerDevice,
  ownedGroup,
  readMarks,
  takenMark,
} from './names.ts';
import type { Link } from './netlink/link.ts';
import type { LinkChange } from './netlink/request.ts';
import { isOutdatedTap, obstacle } from './obstacle.ts';
import type { Delete, Step, Subject } from './step.ts';
import { isOpened, tapAlias } from './tap.ts';

/** By bridge: the MTU that its internal ports followed when the kernel was last as desired. */
export type FollowedMtus = ReadonlyMap<string, number>;

export function diff(desired: Desired, kernel: KernelState, followed: FollowedMtus = new Map()): Step[] {
  const deleted = deletions(desired, kernel);
  const remaining = kernel.without(new Set(deleted.map(({ ifindex }) => ifindex)));
  return [
    ...releases(desired, kernel),
    ...deleted,
    ...desired.bridges.flatMap((bridge) => [
      ...bridgeSteps(bridge, remaining),
      ...portSteps(bridge, remaining, followed),
      ...forwardingSteps(bridge, remaining),
    ]),
  ];
}

/** Devices that bear our mark but are no port of ours any more, or cannot be one. */
function releases(desired: Desired, kernel: KernelState): Step[] {
  const wanted = new Set<number>();
  for (const bridge of desired.bridges) {
    for (const port of bridge.ports) {
      const link = port.kind === 'internal' ? undefined : kernel.find(port.name);
      if (link && !isOwned(link) && obstacle(port, bridge, kernel) === undefined) wanted.add(link.ifindex);
    }
  }
  const steps: Step[] = [];
  for (const link of kernel.links) {
    const { marks, mtu } = readMarks(link.altnames);
    if (marks.length === 0 || wanted.has(link.ifindex)) continue;
    const master = kernel.at(link.master);
    steps.push({
      op: 'release',
      subject: { port: link.name },
      ifindex: link.ifindex,
      detach: master !== undefined && isOwned(master),
      mtu: mtu === link.mtu ? undefined : mtu,
      marks,
    });
  }
  return steps;
}

/** Devices of our making that nobody wants, or that must be made anew. */
function deletions(desired: Desired, kernel: KernelState): Delete[] {
  const kept = new Map<string, DesiredPort | DesiredBridge>();
  for (const bridge of desired.bridges) {
    kept.set(bridgeDevice(bridge.name), bridge);
    for (const port of bridge.ports) {
      if (port.kind === 'internal') kept.set(outerDevice(port.name), port);
      if (port.kind === 'tap') kept.set(port.name, port);
    }
  }
  const steps: Delete[] = [];
  for (const link of kernel.links) {
    if (!isOwned(link) || isKept(link, kept.get(link.name))) continue;
    steps.push({ op: 'delete', subject: { port: link.name }, ifindex: link.ifindex, name: link.name });
  }
  return steps;
}

function isKept(link: Link, wanted: DesiredPort | DesiredBridge | undefined): boolean {
  if (wanted === undefined || link.group === doomedGroup) return false;
  if (!('kind' in wanted)) return link.kind === 'bridge';
  if (wanted.kind === 'internal') return link.kind === 'veth';
  return wanted.kind === 'tap' && link.kind === 'tun' && (!isOutdatedTap(link, wanted) || isOpened(link));
}

/** The wanted values that differ from the present ones; undefined when all are as wanted. */
function differing(link: Link, wanted: LinkChange): LinkChange | undefined {
  const change: LinkChange = {
    up: wanted.up === link.up ? undefined : wanted.up,
    noArp: wanted.noArp === link.noArp ? undefined : wanted.noArp,
    address: wanted.address === link.address ? undefined : wanted.address,
    mtu: wanted.mtu === link.mtu ? undefined : wanted.mtu,
    master: wanted.master === link.master ? undefined : wanted.master,
    group: wanted.group === link.group ? undefined : wanted.group,
    alias: wanted.alias === link.alias ? undefined : wanted.alias,
    addressless6: wanted.addressless6 === link.addressless6 ? undefined : wanted.addressless6,
  };
  return Object.values(change).some((value) => value !== undefined) ? change : undefined;
}

function changeSteps(subject: Subject, link: Link, wanted: LinkChange, extra: LinkChange = {}): Step[] {
  const change = differing(link, wanted);
  return change ? [{ op: 'change', subject, link: { ifindex: link.ifindex }, change: { ...change, ...extra } }] : [];
}

/**
 * The kernel bridge is always up, and mute: the host must not answer on it for the addresses that it has elsewhere
 * (ARP is off), nor take up addresses or routes from advertisements that pass (IPv6 is off).
 */
function bridgeSteps(bridge: DesiredBridge, kernel: KernelState): Step[] {
  const subject = { bridge: bridge.name };
  const name = bridgeDevice(bridge.name);
  const link = kernel.find(name);
  if (!link) return [{ op: 'create-bridge', subject, name, address: bridge.hiddenAddress }];
  if (!isOwned(link)) return [];
  const steps: Step[] = [];
  const { bridge: details } = link;
  if (details && Object.values(details).some((value) => value !== false && value !== 0)) {
    steps.push({ op: 'reset-bridge', subject, ifindex: link.ifindex, hasVlans: details.defaultPvid !== 0 });
  }
  if (!link.ipv6Disabled) steps.push({ op: 'disable-ipv6', subject, name });
  const alias = bridgeAlias(bridge.name);
  const wanted: LinkChange = { up: true, noArp: true, group: ownedGroup, alias, addressless6: true };
  return [...steps, ...changeSteps(subject, link, wanted, { strictSource4: true })];
}

/** What every Ethernet device of the kernel's making takes, a tap the least. */
const mtuRange = { min: 68, max: 65521 } as const;

/**
 * An MTU that a device can be made with, and others can follow. One that is refused must not cost the port: it is asked
 * for on its own, once the device is there.
 */
const takenMtu = (mtu: number | undefined): number | undefined =>
  mtu !== undefined && mtu >= mtuRange.min && mtu <= mtuRange.max ? mtu : undefined;

/** The ports of other people's making and the taps decide the MTU that the host's own ports follow. */
function mtuToFollow(bridge: DesiredBridge, kernel: KernelState): number | undefined {
  const mtus = bridge.ports.flatMap((port) => {
    const link = port.kind === 'internal' ? undefined : kernel.find(port.name);
    return link && obstacle(port, bridge, kernel) === undefined ? [takenMtu(port.mtu) ?? link.mtu] : [];
  });
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

/** Circumstances that all ports of a bridge share. */
interface PortContext {
  readonly kernel: KernelState;
  readonly master: Link;
  readonly localAddress: string;
  readonly followed: number | undefined;
  readonly toFollow: number | undefined;
}

function portSteps(bridge: DesiredBridge, kernel: KernelState, followed: FollowedMtus): Step[] {
  const master = kernel.find(bridgeDevice(bridge.name));
  if (!master || !isOwned(master)) return [];
  const context: PortContext = {
    kernel,
    master,
    localAddress: localAddress(bridge, kernel),
    followed: followed.get(bridge.name),
    toFollow: mtuToFollow(bridge, kernel),
  };
  return bridge.ports.flatMap((port) => {
    if (obstacle(port, bridge, kernel) !== undefined) return [];
    switch (port.kind) {
      case 'internal':
        return internalSteps(port, context);
      case 'system':
        return systemSteps(port, context);
      case 'tap':
        return tapSteps(port, context);
      default:
        return port satisfies never;
    }
  });
}

/** The local port's address: configured, else that of a physical port (the lowest), else its own. */
export function localAddress(bridge: DesiredBridge, kernel: KernelState): string {
  if (bridge.localAddress !== undefined) return bridge.localAddress;
  const physical = bridge.ports.flatMap((port) => {
    const link = port.kind === 'system' ? kernel.find(port.name) : undefined;
    return link && isGlobal(link.address) && obstacle(port, bridge, kernel) === undefined ? [link.address] : [];
  });
  return physical.sort()[0] ?? bridge.defaultAddress;
}

function internalSteps(port: InternalPort, context: PortContext): Step[] {
  const { kernel, master, toFollow } = context;
  const subject = { port: port.name };
  const alias = outerAlias(port.name);
  const address = port.local ? context.localAddress : port.address;
  const outer = kernel.find(outerDevice(port.name));
  if (!outer) {
    const mtu = takenMtu(port.mtu) ?? toFollow;
    const names = { outer: outerDevice(port.name), inner: port.name };
    return [{ op: 'create-internal', subject, ...names, master: master.ifindex, alias, address, mtu }];
  }
  const inner = kernel.innerOf(outer);
  const mtu = inner ? innerMtu(port, inner, context) : outer.mtu;
  // In another namespace the device is somebody else's to configure.
  const innerSteps =
    inner && inner.namespaceId === undefined
      ? [
          ...changeSteps(subject, inner.link, { ...(address && { address }) }),
          ...changeSteps(subject, inner.link, { mtu }),
        ]
      : [];
  const wanted = { up: true, master: master.ifindex, group: ownedGroup, alias, addressless6: true } as const;
  return [...innerSteps, ...changeSteps(subject, outer, wanted), ...changeSteps(subject, outer, { mtu })];
}

/**
 * As requested; else never more than the other ports pass on, and growing with them if it was as large as they were.
 * A smaller MTU that somebody set by hand stays. Both ends of the pair are kept alike: a larger frame than the far end
 * takes would vanish without a trace.
 */
function innerMtu(port: InternalPort, { link, namespaceId }: Inner, { followed, toFollow }: PortContext): number {
  if (namespaceId !== undefined) return link.mtu;
  if (port.mtu !== undefined) return port.mtu;
  if (toFollow === undefined) return link.mtu;
  return link.mtu === followed ? toFollow : Math.min(link.mtu, toFollow);
}

/** The mark comes before the first change, so that a crash in between leaves nothing that cannot be undone. */
function systemSteps(port: SystemPort | TapPort, { kernel, master }: PortContext): Step[] {
  const link = kernel.find(port.name);
  if (!link) return [];
  const subject = { port: port.name };
  const { marks, mtu } = readMarks(link.altnames);
  const steps: Step[] = [];
  if (marks.length === 0) steps.push({ op: 'mark', subject, ifindex: link.ifindex, mark: takenMark(link.ifindex) });
  if (mtu === undefined && port.mtu !== undefined && port.mtu !== link.mtu) {
    steps.push({ op: 'mark', subject, ifindex: link.ifindex, mark: mtuMark(link.ifindex, link.mtu) });
  }
  return [...steps, ...changeSteps(subject, link, { master: master.ifindex }), ...mtuSteps(port, link)];
}

/** On its own: a device that refuses the MTU is a port all the same. */
const mtuSteps = ({ name, mtu }: DesiredPort, link: Link): Step[] =>
  mtu === undefined ? [] : changeSteps({ port: name }, link, { mtu });

/** A tap is up from the start, because those who open it may not set it up; later that is the administrator's. */
function tapSteps(port: TapPort, context: PortContext): Step[] {
  const { kernel, master } = context;
  const subject = { port: port.name };
  const { name, options, mtu } = port;
  const alias = tapAlias(options);
  const link = kernel.find(name);
  if (!link) return [{ op: 'create-tap', subject, name, master: master.ifindex, alias, options, mtu: takenMtu(mtu) }];
  if (!isOwned(link)) return systemSteps(port, context);
  const wanted = { master: master.ifindex, group: ownedGroup, addressless6: true } as const;
  const change = isOutdatedTap(link, port) ? wanted : { ...wanted, alias };
  return [...changeSteps(subject, link, change), ...mtuSteps(port, link)];
}

/**
 * When the local port bears the address of a physical one, the kernel bridge would keep its frames for itself: an
 * entry in its forwarding table sends them on.
 */
function forwardingSteps(bridge: DesiredBridge, kernel: KernelState): Step[] {
  const master = kernel.find(bridgeDevice(bridge.name));
  const outer = kernel.find(outerDevice(bridge.name));
  if (!master || !outer || !isOwned(outer) || outer.master !== master.ifindex) return [];
  const subject = { port: bridge.name };
  const address = localAddress(bridge, kernel);
  const isShared = kernel.links.some((link) => link.master === master.ifindex && link.address === address);
  // An entry is there once for each VLAN.
  const entries = new Set(kernel.forwardingOf(outer).flatMap((entry) => (entry.static ? [entry.address] : [])));
  const step = (forwarded: string, present: boolean): Step => {
    return { op: 'forward', subject, ifindex: outer.ifindex, address: forwarded, present };
  };
  const stale = [...entries].filter((entry) => !isShared || entry !== address);
  const missing = isShared && !entries.has(address);
  return [...stale.map((entry) => step(entry, false)), ...(missing ? [step(address, true)] : [])];
}

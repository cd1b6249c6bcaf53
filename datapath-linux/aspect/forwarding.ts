/**
 * Fixed entries of the bridges' forwarding tables. When the local port bears the address of a physical one, the kernel
 * bridge would keep its frames for itself: an entry sends them on.
 */
import type { Desired, DesiredBridge } from '../desired.ts';
import { bridgePort } from '../device.ts';
import { localAddress } from '../diff.ts';
import type { KernelState } from '../kernel.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import { DumpInterruptedError } from '../netlink/error.ts';
import {
  deleteForwarding,
  dumpForwarding,
  type ForwardingEntry,
  parseForwardingEntry,
  setForwarding,
} from '../netlink/forwarding.ts';
import type { Link } from '../netlink/link.ts';
import type { Port } from '../port/port.ts';
import type { Step } from '../step.ts';
import { vlanPlan } from '../vlan/plan.ts';
import type { AspectDefinition } from './aspect.ts';

/** By ifindex of a local port: its entries. */
export type Entries = ReadonlyMap<number, readonly ForwardingEntry[]>;

/** The local ports that are in their bridges, the only ports that ever get entries from the switch. */
function localPorts({ bridges }: Desired, kernel: KernelState) {
  return bridges.flatMap((bridge) => {
    const local = bridge.ports.find((port) => port.local);
    const link = local && bridgePort(local, bridge, kernel);
    return local && link ? [{ bridge, local, link }] : [];
  });
}

/** The VLANs for which the kernel makes an entry, of each one. */
function* vlansOf(local: Port, bridge: DesiredBridge, kernel: KernelState): Generator<number> {
  yield 0;
  for (const { first, last } of vlanPlan(bridge, kernel)?.ports.get(local)?.ranges ?? []) {
    for (let vlan = first; vlan <= last; vlan++) yield vlan;
  }
}

/** Whether the bridge, or another port of it, has the address of the local port, whose frames it would keep. */
const isShared = (address: string, local: Link, kernel: KernelState): boolean =>
  [...kernel.withAddress(address)].some((other) => other.master === local.master || other.ifindex === local.master);

/** Local ports without entries: as long as they share their address with nobody, there is nothing to read. */
const bare = new WeakSet<Link>();

function readEntries(client: NetlinkClient, link: Link): ForwardingEntry[] {
  try {
    const entries = client.dump(dumpForwarding(link.ifindex), parseForwardingEntry);
    if (entries.every((entry) => !entry.static)) bare.add(link);
    return entries;
  } catch (error) {
    // The port went away since the links were read: an event is on its way.
    if (error instanceof DumpInterruptedError) throw error;
    return [];
  }
}

export const forwarding: AspectDefinition<Desired, Entries> = {
  name: 'forwarding',
  want: (desired) => desired,
  read: (desired, kernel, client) =>
    new Map(
      localPorts(desired, kernel).flatMap(({ bridge, link }): [number, ForwardingEntry[]][] => {
        if (isShared(localAddress(bridge, kernel), link, kernel)) bare.delete(link);
        return bare.has(link) ? [] : [[link.ifindex, readEntries(client, link)]];
      }),
    ),
  diff: (desired, found, kernel) =>
    localPorts(desired, kernel).flatMap(({ bridge, local, link }) => {
      const address = localAddress(bridge, kernel);
      const shared = isShared(address, link, kernel);
      const present = (found.get(link.ifindex) ?? []).filter((entry) => entry.static);
      const addresses = new Set(present.map((entry) => entry.address));
      const vlans = new Set(present.flatMap((entry) => (entry.address === address ? [entry.vlan] : [])));
      const isMissing = [...vlansOf(local, bridge, kernel)].some((vlan) => !vlans.has(vlan));
      const step = (what: string, message: Buffer): Step => {
        return { op: 'send', subject: { port: bridge.name }, what, messages: [message] };
      };
      const stale = [...addresses].filter((entry) => !shared || entry !== address);
      return [
        ...stale.map((old) =>
          step(`stop sending frames for ${old} to ${bridge.name}`, deleteForwarding(link.ifindex, old)),
        ),
        ...(shared && isMissing
          ? [step(`send frames for ${address} to ${bridge.name}`, setForwarding(link.ifindex, address))]
          : []),
      ];
    }),
};

/**
 * Fixed entries of the bridges' forwarding tables. When the local port bears the address of a physical one, the kernel
 * bridge would keep its frames for itself: an entry sends them on.
 */
import type { Desired } from '../desired.ts';
import { bridgePort } from '../device.ts';
import { localAddress } from '../diff.ts';
import type { KernelState } from '../kernel.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import { DumpInterruptedError } from '../netlink/error.ts';
import { type ForwardingEntry, parseForwardingEntry } from '../netlink/forwarding.ts';
import type { Link } from '../netlink/link.ts';
import { deleteForwarding, dumpForwarding, setForwarding } from '../netlink/request.ts';
import type { Step } from '../step.ts';
import type { AspectDefinition } from './aspect.ts';

/** By ifindex of a local port: its entries. */
export type Entries = ReadonlyMap<number, readonly ForwardingEntry[]>;

/** The local ports that are in their bridges, the only ports that ever get entries from the switch. */
function localPorts({ bridges }: Desired, kernel: KernelState) {
  return bridges.flatMap((bridge) => {
    const local = bridge.ports.find((port) => port.local);
    const link = local && bridgePort(local, bridge, kernel);
    return link ? [{ bridge, link }] : [];
  });
}

function readEntries(client: NetlinkClient, { ifindex }: Link): ForwardingEntry[] {
  try {
    return client.dump(dumpForwarding(ifindex), parseForwardingEntry);
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
    new Map(localPorts(desired, kernel).map(({ link }) => [link.ifindex, readEntries(client, link)])),
  diff: (desired, found, kernel) =>
    localPorts(desired, kernel).flatMap(({ bridge, link }) => {
      const address = localAddress(bridge, kernel);
      const isShared = kernel.links.some(
        (other) => (other.master === link.master || other.ifindex === link.master) && other.address === address,
      );
      // An entry is there once for each VLAN.
      const present = found.get(link.ifindex) ?? [];
      const entries = new Set(present.flatMap((entry) => (entry.static ? [entry.address] : [])));
      const step = (what: string, message: Buffer): Step => {
        return { op: 'send', subject: { port: bridge.name }, what, messages: [message] };
      };
      const stale = [...entries].filter((entry) => !isShared || entry !== address);
      return [
        ...stale.map((old) =>
          step(`stop sending frames for ${old} to ${bridge.name}`, deleteForwarding(link.ifindex, old)),
        ),
        ...(isShared && !entries.has(address)
          ? [step(`send frames for ${address} to ${bridge.name}`, setForwarding(link.ifindex, address))]
          : []),
      ];
    }),
};

/**
 * What the switches at the other end of an active-backup bond are told when it turns to another member: that the
 * addresses behind this bridge are to be found there now. As the C daemon does it, in the name of each address that has
 * been learned elsewhere in the bridge: a request of the Reverse Address Resolution Protocol (RFC 903) to everyone, which
 * nobody answers.
 */
import { native } from '../native/index.ts';
import { logFor } from '../rpc/log.ts';
import type { Desired, DesiredBridge } from './desired.ts';
import { hiddenBridge } from './device.ts';
import type { KernelState } from './kernel.ts';
import { carriesTag, carriesVlan } from './mirror/carriage.ts';
import { bondModes } from './netlink/bond.ts';
import type { NetlinkClient } from './netlink/client.ts';
import { type BridgeEntry, dumpBridgeForwarding, parseBridgeEntry } from './netlink/forwarding.ts';
import type { Link } from './netlink/link.ts';
import { BondPort } from './port/bond.ts';
import { demandingPorts } from './port/plain.ts';
import type { Port } from './port/port.ts';
import { vlanPlan } from './vlan/plan.ts';

const log = logFor('bond');

const everyone = 'ffffffffffff';
const rarp = '8035';
/** Ethernet and IPv4, six and four bytes, a request: struct arphdr, then the addresses of sender and target. */
const request = '0001080006040003';
const noAddress = '00000000';

/** The frame that says where an address is; `vlan` 0: without a tag. */
export function learningPacket(address: string, vlan: number): Buffer {
  const source = address.replaceAll(':', '');
  const tag = vlan === 0 ? '' : `8100${vlan.toString(16).padStart(4, '0')}`;
  return Buffer.from([everyone, source, tag, rarp, request, source, noAddress, source, noAddress].join(''), 'hex');
}

/** The frames for all addresses that lead elsewhere, as the port carries their VLANs; `substitute` stands for none. */
export function learningPackets(
  port: Port,
  ifindex: number,
  entries: readonly BridgeEntry[],
  substitute: number | undefined,
): Buffer[] {
  return entries.flatMap(({ address, local, ifindex: place, vlan: found }) => {
    const vlan = found === substitute ? 0 : found;
    if (local || place === ifindex || !carriesVlan(port, vlan)) return [];
    return learningPacket(address, vlan !== 0 && carriesTag(port, vlan) ? vlan : 0);
  });
}

/** Remembers which members are in use. */
export class LearningPackets {
  /** By the ifindex of a bond: the ifindex of its member, or 0 when none worked. */
  #active: ReadonlyMap<number, number> = new Map();

  /** Sends them for the bonds that have turned to another member since the last time. */
  send({ bridges }: Desired, kernel: KernelState, client: NetlinkClient): void {
    const active = new Map<number, number>();
    for (const bridge of bridges) {
      for (const port of demandingPorts(bridge)) {
        const link = port instanceof BondPort ? kernel.find(port.device) : undefined;
        if (!link || link.bond?.mode !== bondModes.activeBackup) continue;
        const member = link.bond.active ?? 0;
        const before = this.#active.get(link.ifindex);
        active.set(link.ifindex, member);
        if (before !== undefined && before !== member && member !== 0) announce(port, link, bridge, kernel, client);
      }
    }
    this.#active = active;
  }
}

function announce(port: Port, link: Link, bridge: DesiredBridge, kernel: KernelState, client: NetlinkClient): void {
  const hidden = hiddenBridge(bridge, kernel);
  if (!hidden) return;
  try {
    const entries = client.dump(dumpBridgeForwarding(hidden.ifindex), parseBridgeEntry).flatMap((entry) => entry ?? []);
    const frames = learningPackets(port, link.ifindex, entries, vlanPlan(bridge, kernel)?.substitute);
    const socket = native().packetOpen(link.ifindex, 0);
    try {
      for (const frame of frames) native().writeFrame(socket, frame);
    } finally {
      native().close(socket);
    }
    log.dbg(`bond ${port.name}: sent ${frames.length} gratuitous learning packets`);
  } catch (error) {
    // The other end learns from what the hosts themselves send.
    log.warn(`bond ${port.name}: error sending gratuitous learning packets: ${error}`);
  }
}

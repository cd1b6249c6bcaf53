import { SocketAddress } from 'node:net';
import type { HostNetwork } from '../datapath-linux/host.ts';
import { isOwned, KernelState } from '../datapath-linux/kernel.ts';
import { outerDevice } from '../datapath-linux/names.ts';
import type { Address } from '../datapath-linux/netlink/address.ts';
import type { Link } from '../datapath-linux/netlink/link.ts';
import type { Bridge, Interface, Snapshot } from './snapshot.ts';
import type { TunProblem } from './tun-device.ts';

/** An interface of the database and its device. */
export interface Attachment {
  readonly bridge: string;
  readonly port: string;
  readonly iface: Interface;
  /** The bridge's own port. */
  readonly local: boolean;
  /** The host itself uses the device: the bridge's own port, or another of type internal. */
  readonly internal: boolean;
  /** The device, if it is in this network namespace. */
  readonly link: Link | undefined;
  /** The device was moved to another network namespace. */
  readonly elsewhere: boolean;
  /** The device's addresses, such as `10.0.0.1/24`, without those that come by themselves (link-local). */
  readonly addresses: readonly string[];
}

/** What the doctor looks at: the database and the kernel, and the device through which taps are opened. */
export interface Situation {
  /** The database server, such as `unix:/var/run/openvswitch/db.sock`. */
  readonly server: string;
  readonly switchRunning: boolean;
  readonly bridges: readonly ExaminedBridge[];
  readonly kernel: KernelState;
  readonly tun: TunProblem | undefined;
}

export interface ExaminedBridge {
  readonly name: string;
  readonly attachments: readonly Attachment[];
}

/** Brings together what the database says and what the kernel has. Pure. */
export const situationOf = (
  { server, switchRunning, bridges }: Snapshot,
  { links, addresses }: HostNetwork,
  tun: TunProblem | undefined,
): Situation => {
  const kernel = new KernelState(links);
  const texts = addressTexts(addresses);
  const examine = (bridge: Bridge): ExaminedBridge => ({
    name: bridge.name,
    attachments: bridge.ports.flatMap(({ name: port, interfaces }) =>
      interfaces.map((iface) => {
        const local = iface.name === bridge.name;
        const internal = local || iface.type === 'internal';
        const { link, elsewhere } = deviceOf(iface.name, internal, kernel);
        return {
          bridge: bridge.name,
          port,
          iface,
          local,
          internal,
          link,
          elsewhere,
          addresses: (link && texts.get(link.ifindex)) ?? [],
        };
      }),
    ),
  });
  return { server, switchRunning, bridges: bridges.map(examine), kernel, tun };
};

/** An internal port's device is known by the other end of its pair, whatever it is called now. */
const deviceOf = (name: string, internal: boolean, kernel: KernelState): Pick<Attachment, 'link' | 'elsewhere'> => {
  const outer = internal ? kernel.find(outerDevice(name)) : undefined;
  if (!outer || !isOwned(outer)) return { link: kernel.find(name), elsewhere: false };
  if (outer.linkNamespaceId !== undefined) return { link: undefined, elsewhere: true };
  return { link: kernel.innerOf(outer)?.link, elsewhere: false };
};

/** By ifindex. */
const addressTexts = (addresses: readonly Address[]): ReadonlyMap<number, readonly string[]> => {
  const texts = new Map<number, string[]>();
  for (const address of addresses) {
    if (address.linkLocal) continue;
    const known = texts.get(address.ifindex);
    if (known) known.push(addressText(address));
    else texts.set(address.ifindex, [addressText(address)]);
  }
  return texts;
};

const addressText = ({ family, address, prefixLength }: Address): string => {
  const shortest = new SocketAddress({ address, family: family === 'inet' ? 'ipv4' : 'ipv6' }).address;
  return `${shortest}/${prefixLength}`;
};

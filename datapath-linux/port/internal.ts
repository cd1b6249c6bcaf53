/** A device of our making that the host uses: a veth pair whose other end is in the kernel bridge. */
import type { InterfaceRow, PortRow } from '../configuration.ts';
import type { DesiredBridge } from '../desired.ts';
import type { Device } from '../device.ts';
import { type Inner, isOwned, type KernelState } from '../kernel.ts';
import { deviceAddress } from '../mac.ts';
import { isDeviceName, outerAlias, outerDevice, ownedGroup } from '../names.ts';
import type { Link } from '../netlink/link.ts';
import type { Step } from '../step.ts';
import { changeSteps, takenMtu } from './change.ts';
import { type Build, badName, occupied, type Port, type PortContext } from './port.ts';

export class InternalPort implements Port {
  readonly kind = 'internal';
  readonly name: string;
  readonly local: boolean;
  readonly row: PortRow | undefined;
  readonly interfaces: readonly InterfaceRow[];
  readonly device: string;
  readonly owned: readonly string[];
  readonly taken = [];
  readonly #address: string | undefined;
  readonly #mtu: number | undefined;

  /** `row` is undefined for a bridge's own port that no row mentions. */
  constructor(name: string, local: boolean, row?: InterfaceRow, port?: PortRow) {
    this.name = name;
    this.local = local;
    this.row = port;
    this.interfaces = row ? [row] : [];
    this.device = outerDevice(name);
    this.owned = [this.device];
    this.#address = local ? undefined : deviceAddress(row?.mac);
    this.#mtu = row?.mtuRequest;
  }

  keeps({ kind }: Link): boolean {
    return kind === 'veth';
  }

  obstacle(_bridge: DesiredBridge, kernel: KernelState): string | undefined {
    const outer = kernel.find(this.device);
    if (outer && isOwned(outer)) return undefined;
    const inTheWay = outer ?? kernel.find(this.name);
    if (!inTheWay) return undefined;
    return occupied(this.name, inTheWay, kernel);
  }

  /** In another namespace the name is somebody else's to choose. */
  reservations(_bridge: DesiredBridge, kernel: KernelState): ReadonlyMap<string, string> {
    const outer = kernel.find(this.device);
    const inner = outer && kernel.innerOf(outer);
    if (!inner || inner.namespaceId !== undefined) return new Map();
    const { link } = inner;
    if (link.name === this.name || link.altnames.includes(this.name)) return new Map();
    const text = `the device of ${this.name} has been renamed to ${link.name}: ip link set ${link.name} name ${this.name} mends it, while it is down`;
    return new Map([[this.name, text]]);
  }

  links(kernel: KernelState): readonly (Link | undefined)[] {
    const outer = kernel.find(this.device);
    return [outer, outer && kernel.innerOf(outer)?.link];
  }

  steps(context: PortContext): Step[] {
    const { kernel, master } = context;
    const subject = { port: this.name };
    const alias = outerAlias(this.name);
    const address = this.local ? context.localAddress : this.#address;
    const outer = kernel.find(this.device);
    if (!outer) {
      const mtu = takenMtu(this.#mtu) ?? context.toFollow;
      const names = { outer: this.device, inner: this.name };
      return [{ op: 'create-internal', subject, ...names, master: master.ifindex, alias, address, mtu }];
    }
    const inner = kernel.innerOf(outer);
    const mtu = inner ? this.#innerMtu(inner, context) : outer.mtu;
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
  #innerMtu({ link, namespaceId }: Inner, { followed, toFollow }: PortContext): number {
    if (namespaceId !== undefined) return link.mtu;
    if (this.#mtu !== undefined) return this.#mtu;
    if (toFollow === undefined) return link.mtu;
    return link.mtu === followed ? toFollow : Math.min(link.mtu, toFollow);
  }

  /** The host's end is wherever it was moved. */
  locate(_name: string, kernel: KernelState, master: Link): Device | undefined {
    const port = kernel.find(this.device);
    if (!port || port.master !== master.ifindex) return undefined;
    return { host: kernel.innerOf(port)?.link ?? port, port };
  }
}

export const buildInternal: Build = (row, { port, bridge }) =>
  isDeviceName(row.name)
    ? { port: new InternalPort(row.name, row.name === bridge.name, row, port) }
    : { error: badName(row.name) };

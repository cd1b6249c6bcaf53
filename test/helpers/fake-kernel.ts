/** A model of the kernel that is just good enough to carry out steps: the slow and simple thing to check `diff` against. */
import { KernelState } from '../../datapath-linux/kernel.ts';
import { ownedGroup } from '../../datapath-linux/names.ts';
import { quietBridge } from '../../datapath-linux/netlink/bridge.ts';
import { readI32 } from '../../datapath-linux/netlink/bytes.ts';
import { type ForwardingEntry, parseForwardingEntry } from '../../datapath-linux/netlink/forwarding.ts';
import { type Link, parseLink, plainLink } from '../../datapath-linux/netlink/link.ts';
import { type Message, messages } from '../../datapath-linux/netlink/message.ts';
import type { LinkChange } from '../../datapath-linux/netlink/request.ts';
import { canonical, type PortVlans, parsePortVlans, type VlanRange } from '../../datapath-linux/netlink/vlan.ts';
import type { CreateInternal, CreateTap, Release, Step } from '../../datapath-linux/step.ts';

const plain = { mtu: 1500, addressless6: false, ipv6Disabled: false };

export class FakeKernel {
  readonly #links = new Map<number, Link>();
  readonly #forwarding = new Map<number, ForwardingEntry[]>();
  readonly #vlans = new Map<number, Map<number, VlanRange>>();
  #next = 1;

  get state(): KernelState {
    return new KernelState([...this.#links.values()]);
  }

  get links(): readonly Link[] {
    return [...this.#links.values()];
  }

  /** By ifindex of a bridge port: its entries in the bridge's forwarding table. */
  get forwarding(): ReadonlyMap<number, readonly ForwardingEntry[]> {
    return this.#forwarding;
  }

  /** By ifindex of a bridge port: its VLANs. */
  get vlans(): ReadonlyMap<number, readonly VlanRange[]> {
    return new Map([...this.#vlans].map(([ifindex, vlans]) => [ifindex, canonical([...vlans.values()])]));
  }

  /** Adds a device. @throws when the name is taken */
  add(name: string, details: Partial<Link> = {}): Link {
    if (this.state.find(name)) throw new Error(`File exists: ${name}`);
    const ifindex = this.#next++;
    const address = `02:00:00:00:00:${ifindex.toString(16).padStart(2, '0').slice(-2)}`;
    const link = { ...plainLink(ifindex), ...plain, address, ...details, name };
    this.#links.set(ifindex, link);
    return link;
  }

  change(ifindex: number, change: Partial<Link>): void {
    const link = this.#links.get(ifindex);
    if (!link) return;
    this.#links.set(ifindex, { ...link, ...change });
    if (change.master !== undefined && change.master !== link.master) this.#vlans.delete(ifindex);
  }

  /** Deletes a device and its veth peer; ports of a deleted bridge stay, without it. */
  remove(ifindex: number): void {
    const link = this.#links.get(ifindex);
    if (!link) return;
    this.#links.delete(ifindex);
    this.#forwarding.delete(ifindex);
    this.#vlans.delete(ifindex);
    if (link.kind === 'veth') this.remove(link.link);
    for (const port of this.links) if (port.master === ifindex) this.change(port.ifindex, { master: 0 });
  }

  apply(steps: readonly Step[]): void {
    for (const step of steps) this.#carryOut(step);
  }

  #carryOut(step: Step): void {
    switch (step.op) {
      case 'release':
        this.#release(step.ifindex, step);
        break;
      case 'delete':
        this.remove(step.ifindex);
        break;
      case 'create-bridge':
        this.add(step.name, {
          kind: 'bridge',
          address: step.address,
          group: ownedGroup,
          bridge: { ...quietBridge, defaultPvid: 1, vlanFiltering: 0, vlanProtocol: 0x8100 },
        });
        break;
      case 'disable-ipv6':
        this.change(this.#index(step.name), { ipv6Disabled: true });
        break;
      case 'create-internal':
        this.#createInternal(step);
        break;
      case 'create-tap':
        this.#createTap(step);
        break;
      case 'mark':
        this.change(step.ifindex, { altnames: [...this.#at(step.ifindex).altnames, step.mark] });
        break;
      case 'change':
        this.#change('ifindex' in step.link ? step.link.ifindex : this.#index(step.link.name), step.change);
        break;
      case 'send':
        for (const request of step.messages) for (const message of messages(request)) this.#request(message);
        break;
      case 'load-programs':
      // Nothing runs in it.
      case 'filter':
        break;
      case 'fault':
        throw new Error(step.reason);
      default:
        step satisfies never;
    }
  }

  #createInternal({ outer, inner, mtu = 1500, address, master, alias }: CreateInternal): void {
    const { ifindex } = this.add(inner, { kind: 'veth', mtu, ...(address !== undefined && { address }) });
    const details = { kind: 'veth', mtu, master, alias, group: ownedGroup, link: ifindex };
    const port = this.add(outer, { ...details, up: true, addressless6: true });
    this.change(ifindex, { link: port.ifindex });
  }

  #createTap({ name, mtu = 1500, master, alias, options }: CreateTap): void {
    const { owner, group, multiQueue } = options;
    const tun = { tap: true, owner, group, multiQueue, persistent: true, queues: 0 };
    this.add(name, { kind: 'tun', tun, mtu, master, alias, group: ownedGroup, up: true, addressless6: true });
  }

  #release(ifindex: number, { detach, mtu, up, marks }: Pick<Release, 'detach' | 'mtu' | 'up' | 'marks'>): void {
    const altnames = this.#at(ifindex).altnames.filter((name) => !marks.includes(name));
    this.change(ifindex, {
      altnames,
      ...(detach && { master: 0 }),
      ...(mtu !== undefined && { mtu }),
      ...(up && { up }),
    });
  }

  #change(ifindex: number, { strictSource4: _, ...change }: LinkChange): void {
    const given = Object.entries(change).filter(([, value]) => value !== undefined);
    this.change(ifindex, Object.fromEntries(given));
  }

  /** What the model understands of what aspects send; to add a message, add its type (RTM_* of linux/rtnetlink.h). */
  readonly #requests: ReadonlyMap<number, (message: Message) => void> = new Map([
    [16, (message) => this.#newLink(parseLink(message))],
    [17, (message) => this.#leaveVlans(parsePortVlans(message))],
    [19, (message) => this.#joinVlans(parsePortVlans(message))],
    [28, (message) => this.#forward(readI32(message.data, message.start + 4), message, true)],
    [29, (message) => this.#forward(readI32(message.data, message.start + 4), message, false)],
  ]);

  #request(message: Message): void {
    const carryOut = this.#requests.get(message.type);
    if (!carryOut) throw new Error(`Operation not supported: message of type ${message.type}`);
    carryOut(message);
  }

  #newLink({ ifindex, bridge, bridgePort }: Link): void {
    const link = this.#at(ifindex);
    if (bridge) this.change(ifindex, { bridge: { ...link.bridge, ...bridge } });
    if (bridgePort) this.change(ifindex, { bridgePort: { ...link.bridgePort, ...bridgePort } });
  }

  #joinVlans({ ifindex, ranges }: PortVlans): void {
    const vlans = this.#vlansAt(ifindex);
    for (const { first, last, ...how } of ranges) {
      for (let vlan = first; vlan <= last; vlan++) {
        if (how.pvid) for (const [other, old] of vlans) vlans.set(other, { ...old, pvid: false });
        vlans.set(vlan, { first: vlan, last: vlan, ...how });
      }
    }
    this.#vlans.set(ifindex, vlans);
  }

  #leaveVlans({ ifindex, ranges }: PortVlans): void {
    const vlans = this.#vlansAt(ifindex);
    for (const { first, last } of ranges) {
      for (let vlan = first; vlan <= last; vlan++) {
        if (!vlans.delete(vlan)) throw new Error(`No such file or directory: VLAN ${vlan}`);
      }
    }
  }

  #vlansAt(ifindex: number): Map<number, VlanRange> {
    if (this.#at(ifindex).master === 0) throw new Error(`Operation not supported: ${ifindex} is no bridge port`);
    return this.#vlans.get(ifindex) ?? new Map();
  }

  #forward(ifindex: number, message: Message, present: boolean): void {
    const { address } = parseForwardingEntry(message);
    const others = (this.#forwarding.get(ifindex) ?? []).filter((entry) => entry.address !== address);
    const vlans = [0, ...(this.#vlans.get(ifindex)?.keys() ?? [])];
    const entries = vlans.map((vlan) => ({ address, vlan, static: true }));
    this.#forwarding.set(ifindex, present ? [...others, ...entries] : others);
  }

  #at(ifindex: number): Link {
    const link = this.#links.get(ifindex);
    if (!link) throw new Error(`No such device: ${ifindex}`);
    return link;
  }

  #index(name: string): number {
    const link = this.state.find(name);
    if (!link) throw new Error(`No such device: ${name}`);
    return link.ifindex;
  }
}

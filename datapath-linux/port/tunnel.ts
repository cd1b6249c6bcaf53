/**
 * Tunnels. VXLAN and Geneve tunnels of one UDP port share a device of the kernel, named as the C daemon names its own:
 * each has a veth pair, whose one end is in the bridge and whose other end BPF programs join with that device (see
 * aspect/tunnel.ts). So many may have the same key, frames of unknown peers are dropped, and changes take effect
 * without a gap. A GRE tunnel is a device of its own, which tells peers and keys apart by itself.
 */
import type { BridgeRow, InterfaceRow, PortRow } from '../configuration.ts';
import type { DesiredBridge } from '../desired.ts';
import type { Device } from '../device.ts';
import { isOwned, type KernelState } from '../kernel.ts';
import { outerAlias, ownedGroup, tunnelDevice, tunnelEnd } from '../names.ts';
import { ipVersion } from '../netlink/ip-address.ts';
import type { Link } from '../netlink/link.ts';
import { changeTunnel, createTunnel, createVeth } from '../netlink/link-kind.ts';
import { changeLink } from '../netlink/request.ts';
import {
  greDevice,
  isAsWanted,
  sentFrom,
  sharedGeneve,
  sharedVxlan,
  sourceOf,
  type TunnelDevice,
} from '../netlink/tunnel.ts';
import type { Step } from '../step.ts';
import { changeSteps } from './change.ts';
import { type Build, cannotAdd, occupied, type Port, type PortContext } from './port.ts';
import { SinglePort } from './single.ts';
import { locateDevice } from './system.ts';
import { parseTunnel, type TunnelOptions, type TunnelType, tunnelIdentity } from './tunnel-options.ts';

/** What the C daemon gives its own: it must not make the bridge's MTU smaller, and fragments are the path's matter. */
export const tunnelMtu = 65000;

/** A device that several tunnels share. */
export interface SharedDevice extends TunnelDevice {
  readonly name: string;
  /** Whether it knows group policy IDs. */
  readonly groupPolicy: boolean;
}

/** What tunnels of every type have in common. */
abstract class TunnelPort extends SinglePort implements Port {
  abstract readonly kind: string;
  readonly virtual = true;
  readonly unannounced = true;
  readonly device: string;
  abstract readonly owned: readonly string[];
  readonly taken = [];
  readonly options: TunnelOptions;
  readonly #remarks: readonly string[];

  constructor(row: InterfaceRow, port: PortRow, options: TunnelOptions, remarks: readonly string[]) {
    super(row, port);
    this.device = tunnelDevice(row.name);
    this.options = options;
    this.#remarks = remarks;
  }

  abstract keeps(link: Link, kernel: KernelState): boolean;
  abstract steps(context: PortContext): Step[];
  /** What the kernel lacks for it, in words. */
  protected abstract lacking(kernel: KernelState): string | undefined;

  obstacle(_bridge: DesiredBridge, kernel: KernelState): string | undefined {
    const lacking = this.lacking(kernel);
    if (lacking !== undefined) {
      return `could not open network device ${this.name} (Address family not supported by protocol): ${lacking}`;
    }
    const inTheWay = this.owned.map((name) => kernel.find(name)).find((link) => link && !isOwned(link));
    return inTheWay && occupied(this.name, inTheWay, kernel);
  }

  reservations(): ReadonlyMap<string, string> {
    return this.#remarks.length > 0 ? new Map([[this.name, this.#remarks.join('\n')]]) : new Map();
  }

  locate(_name: string, kernel: KernelState, master: Link): Device | undefined {
    return locateDevice(this.device, kernel, master);
  }

  protected get what(): string {
    return `add ${this.options.type} tunnel ${this.name}`;
  }
}

/** A VXLAN or Geneve tunnel. */
export class SharedTunnelPort extends TunnelPort {
  readonly kind = 'shared-tunnel';
  readonly shared: SharedDevice;
  /** The end of its veth pair that programs see to. */
  readonly end: string;
  readonly owned: readonly string[];

  constructor(
    row: InterfaceRow,
    port: PortRow,
    options: TunnelOptions,
    remarks: readonly string[],
    shared: SharedDevice,
  ) {
    super(row, port, options, remarks);
    this.shared = shared;
    this.end = tunnelEnd(row.name);
    this.owned = [this.device, this.end, shared.name];
  }

  protected lacking({ capabilities }: KernelState): string | undefined {
    const { type } = this.options;
    if (type !== 'gre' && !capabilities.has(type)) return `this kernel has no ${type} tunnels`;
    return capabilities.has('bpf') ? undefined : `${type} tunnels need the right to load BPF programs (CAP_BPF)`;
  }

  keeps(link: Link, kernel: KernelState): boolean {
    if (link.name === this.shared.name) return isAsWanted(this.shared, link);
    if (link.kind !== 'veth' || link.linkNamespaceId !== undefined) return false;
    return kernel.at(link.link)?.name === (link.name === this.device ? this.end : this.device);
  }

  steps({ kernel, master }: PortContext): Step[] {
    const subject = { port: this.name };
    const alias = outerAlias(this.name);
    const [link, end] = [kernel.find(this.device), kernel.find(this.end)];
    const wanted = { up: true, group: ownedGroup, alias, addressless6: true } as const;
    if (link && end) {
      return [
        ...changeSteps(subject, end, { ...wanted, noArp: true, mtu: tunnelMtu }),
        ...changeSteps(subject, link, { ...wanted, master: master.ifindex, mtu: tunnelMtu }),
      ];
    }
    const ends = { outer: this.device, inner: this.end, group: ownedGroup, innerGroup: ownedGroup, mtu: tunnelMtu };
    const messages = [
      createVeth({ ...ends, master: master.ifindex }),
      changeLink({ name: this.end }, { up: true, noArp: true, alias, addressless6: true }),
      changeLink({ name: this.device }, { up: true, alias, addressless6: true }),
    ];
    return [{ op: 'send', subject, what: this.what, messages }];
  }
}

/** A GRE tunnel. */
export class GrePort extends TunnelPort {
  readonly kind = 'gre-tunnel';
  readonly owned: readonly string[];
  readonly #wanted: TunnelDevice;

  constructor(row: InterfaceRow, port: PortRow, options: TunnelOptions, remarks: readonly string[]) {
    super(row, port, options, remarks);
    this.owned = [this.device];
    this.#wanted = greDevice(options);
  }

  protected lacking({ capabilities }: KernelState): string | undefined {
    if (this.options.mark !== undefined && !capabilities.has('bpf')) {
      return 'egress_pkt_mark needs the right to load BPF programs (CAP_BPF)';
    }
    if (capabilities.has(ipVersion(this.options.remote) === 6 ? 'ip6gre' : 'gre')) return undefined;
    return `this kernel has no gre tunnels over IPv${ipVersion(this.options.remote)}`;
  }

  keeps({ kind }: Link): boolean {
    return kind === this.#wanted.kind;
  }

  /** Everything but the kind can change while the tunnel is in use. */
  steps({ kernel, master }: PortContext): Step[] {
    const subject = { port: this.name };
    const alias = outerAlias(this.name);
    const link = kernel.find(this.device);
    if (!link) {
      const device = { ...this.#wanted, name: this.device, group: ownedGroup, mtu: tunnelMtu };
      const messages = [
        createTunnel({ ...device, master: master.ifindex }),
        changeLink({ name: this.device }, { alias, addressless6: true }),
      ];
      return [{ op: 'send', subject, what: this.what, messages }];
    }
    const changed = this.sourceSteps(link, sourceOf(link.tunnel));
    const wanted = { up: true, master: master.ifindex, group: ownedGroup, alias, addressless6: true } as const;
    return [...changed, ...changeSteps(subject, link, { ...wanted, mtu: tunnelMtu })];
  }

  /** Makes the device of the kernel as wanted, its packets coming from `source` where the options name no address. */
  sourceSteps(link: Link, source: Buffer | undefined): Step[] {
    const device = source ? sentFrom(this.#wanted, source) : this.#wanted;
    if (isAsWanted(device, link)) return [];
    const messages = [changeTunnel(link.ifindex, device, tunnelMtu)];
    return [{ op: 'send', subject: { port: this.name }, what: `change gre tunnel ${this.name}`, messages }];
  }
}

/** All tunnels of a configuration: which of them is the first with its identity, and what they share. */
interface Plan {
  readonly claims: ReadonlyMap<string, string>;
  /** The UDP ports of VXLAN with group policy IDs. */
  readonly groupPolicyPorts: ReadonlySet<number>;
}

const plans = new WeakMap<readonly BridgeRow[], Plan>();

/** Those in use come first, so that a later one with the same options does not take over. */
const byOfport = (a: InterfaceRow, b: InterfaceRow): number => {
  const number = ({ ofport }: InterfaceRow): number => (ofport !== undefined && ofport > 0 ? 0 : 1);
  return number(a) - number(b);
};

function planOf(bridges: readonly BridgeRow[]): Plan {
  const known = plans.get(bridges);
  if (known) return known;
  const claims = new Map<string, string>();
  const groupPolicyPorts = new Set<number>();
  const rows = bridges.flatMap(({ ports }) => ports.flatMap(({ interfaces }) => interfaces));
  for (const row of rows.sort(byOfport)) {
    const type = typeOf(row.type);
    const parsed = type && parseTunnel(row, type);
    if (!parsed || 'error' in parsed) continue;
    const identity = tunnelIdentity(parsed.options);
    if (!claims.has(identity)) claims.set(identity, row.name);
    if (parsed.options.groupPolicy) groupPolicyPorts.add(parsed.options.port);
  }
  const plan = { claims, groupPolicyPorts };
  plans.set(bridges, plan);
  return plan;
}

/** ip6gre is an older name for gre. */
const types: ReadonlyMap<string, TunnelType> = new Map([
  ['geneve', 'geneve'],
  ['gre', 'gre'],
  ['ip6gre', 'gre'],
  ['vxlan', 'vxlan'],
]);
const typeOf = (type: string): TunnelType | undefined => types.get(type);

export const buildTunnel =
  (type: TunnelType): Build =>
  (row, { port, bridges }) => {
    const parsed = parseTunnel(row, type);
    if ('error' in parsed) return parsed;
    const { options, remarks } = parsed;
    const { claims, groupPolicyPorts } = planOf(bridges);
    const first = claims.get(tunnelIdentity(options));
    if (first !== undefined && first !== row.name) {
      const explanation = `${first} has the same remote_ip, local_ip, key and port`;
      return { error: cannotAdd(row.name, 'File exists', explanation) };
    }
    if (type === 'gre') return { port: new GrePort(row, port, options, remarks) };
    const groupPolicy = type === 'vxlan' && groupPolicyPorts.has(options.port);
    const shared =
      type === 'vxlan'
        ? { name: `vxlan_sys_${options.port}`, groupPolicy, ...sharedVxlan(options.port, groupPolicy) }
        : { name: `genev_sys_${options.port}`, groupPolicy, ...sharedGeneve(options.port) };
    return { port: new SharedTunnelPort(row, port, options, remarks, shared) };
  };

/** Types of tunnels that Open vSwitch has and this switch has not. */
export const absentTunnel: Build = ({ name, type }) => ({
  error: `could not open network device ${name} (Address family not supported by protocol): ${type} tunnels are not provided; vxlan, geneve and gre are`,
});

/** What the kernel should look like, from the rows alone. Pure. */
import type { BridgeRow, Configuration, InterfaceRow, PortRow } from './configuration.ts';
import { defaultLocalAddress, deviceAddress, hiddenAddress } from './mac.ts';
import { deviceNameRule, isDeviceName } from './names.ts';
import { type Accounts, parseTapOptions, type TapOptions } from './tap.ts';

interface CommonPort {
  /** Of the interface's row; undefined for a bridge's own port that no row mentions. */
  readonly uuid: string | undefined;
  /** The device's name, which is the interface's. */
  readonly name: string;
  /** `mtu_request` */
  readonly mtu: number | undefined;
}

/** A device of our making that the host uses: a veth pair whose other end is in the kernel bridge. */
export interface InternalPort extends CommonPort {
  readonly kind: 'internal';
  /** The bridge's own port, which bears its name. */
  readonly local: boolean;
  readonly address: string | undefined;
}
/** A device that others make. */
export interface SystemPort extends CommonPort {
  readonly kind: 'system';
}
/** A persistent tap of our making, for another program to open. */
export interface TapPort extends CommonPort {
  readonly kind: 'tap';
  readonly options: TapOptions;
}
export type DesiredPort = InternalPort | SystemPort | TapPort;

export interface DesiredBridge {
  readonly name: string;
  /** Of the kernel bridge behind it. */
  readonly hiddenAddress: string;
  /** `other_config:hwaddr` for the local port. */
  readonly localAddress: string | undefined;
  /** The local port's address when neither that nor a physical port gives it one. */
  readonly defaultAddress: string;
  readonly ports: readonly DesiredPort[];
}

export interface Desired {
  readonly bridges: readonly DesiredBridge[];
  /** Interfaces that cannot be realized whatever the kernel looks like: name → one sentence. */
  readonly refused: ReadonlyMap<string, string>;
}

/** What the Linux bridge's port numbers allow (BR_MAX_PORTS). */
const portsPerBridge = 1023;

/** The values of Interface.type that this switch realizes. */
export const interfaceTypes = ['internal', 'system', 'tap'] as const;
/** The values of Bridge.datapath_type that it realizes; the empty string means `system`. */
export const datapathTypes = ['system'] as const;

type Realized = { readonly port: DesiredPort } | { readonly error: string };

const badName = (name: string): string => `could not open network device ${name} (Invalid argument): ${deviceNameRule}`;

type Build = (row: InterfaceRow, local: boolean, accounts: Accounts) => Realized;

const buildInternal: Build = (row, local) =>
  isDeviceName(row.name)
    ? {
        port: {
          kind: 'internal',
          uuid: row.uuid,
          name: row.name,
          local,
          address: local ? undefined : deviceAddress(row.mac),
          mtu: row.mtuRequest,
        },
      }
    : { error: badName(row.name) };

const buildSystem: Build = ({ uuid, name, mtuRequest }) =>
  isDeviceName(name)
    ? { port: { kind: 'system', uuid, name, mtu: mtuRequest } }
    : { error: `could not open network device ${name} (No such device)` };

const buildTap: Build = ({ uuid, name, options, mtuRequest }, _local, accounts) => {
  if (!isDeviceName(name)) return { error: badName(name) };
  const parsed = parseTapOptions(options, accounts);
  if ('error' in parsed) return { error: `could not open network device ${name} (Invalid argument): ${parsed.error}` };
  return { port: { kind: 'tap', uuid, name, options: parsed.value, mtu: mtuRequest } };
};

const builders: ReadonlyMap<string, Build> = new Map([
  ['', buildSystem],
  ['system', buildSystem],
  ['internal', buildInternal],
  ['tap', buildTap],
]);

function realize(row: InterfaceRow, port: PortRow, bridge: BridgeRow, accounts: Accounts): Realized {
  const local = row.name === bridge.name;
  if (port.interfaces.length > 1) {
    return { error: `could not add bond ${port.name}: bonds are not provided; give each interface a port of its own` };
  }
  if (port.usesVlans) {
    return {
      error: `could not add port ${port.name}: VLANs are not provided, and without them the port would join every VLAN; clear its tag, trunks, vlan_mode and cvlans to add it`,
    };
  }
  const build = local ? buildInternal : builders.get(row.type);
  return build
    ? build(row, local, accounts)
    : { error: `could not open network device ${row.name} (Address family not supported by protocol)` };
}

/** Ports in use come first, in the order of their numbers, so that a full bridge keeps those it has. */
const byOfport = (a: InterfaceRow, b: InterfaceRow): number => {
  const numbered = (row: InterfaceRow): number => (row.ofport !== undefined && row.ofport > 0 ? row.ofport : Infinity);
  const [left, right] = [numbered(a), numbered(b)];
  if (left !== right) return left < right ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
};

/** Collects ports and refusals; a name that two bridges claim stays with the first. */
class Collector {
  readonly refused = new Map<string, string>();
  readonly #realized = new Set<string>();
  readonly #bridgeNames: ReadonlySet<string>;
  readonly #accounts: Accounts;

  constructor(bridges: readonly BridgeRow[], accounts: Accounts) {
    this.#bridgeNames = new Set(bridges.map(({ name }) => name));
    this.#accounts = accounts;
  }

  bridge(bridge: BridgeRow): DesiredBridge | undefined {
    const obstacle = bridgeObstacle(bridge);
    if (obstacle !== undefined) {
      for (const { interfaces } of bridge.ports) for (const { name } of interfaces) this.refused.set(name, obstacle);
      return undefined;
    }
    return {
      name: bridge.name,
      hiddenAddress: hiddenAddress(bridge.uuid),
      localAddress: deviceAddress(bridge.otherConfig.get('hwaddr')),
      defaultAddress: defaultLocalAddress(bridge.uuid),
      ports: this.#ports(bridge),
    };
  }

  /** The bridge's own port is there even if no row mentions it. */
  #ports(bridge: BridgeRow): DesiredPort[] {
    const candidates = bridge.ports.flatMap((port) => port.interfaces.map((row) => ({ row, port })));
    candidates.sort((a, b) => byOfport(a.row, b.row));
    const local: DesiredPort[] = [];
    const others: DesiredPort[] = [];
    for (const { row, port } of candidates) {
      if (this.#realized.has(row.name)) continue;
      const realized = this.#realize(row, port, bridge, others.length);
      if ('error' in realized) {
        this.refused.set(row.name, realized.error);
        continue;
      }
      this.#realized.add(row.name);
      (row.name === bridge.name ? local : others).push(realized.port);
    }
    if (!candidates.some(({ row }) => row.name === bridge.name)) local.push(implicitLocalPort(bridge.name));
    return [...local, ...others];
  }

  #realize(row: InterfaceRow, port: PortRow, bridge: BridgeRow, others: number): Realized {
    if (row.name === bridge.name) return realize(row, port, bridge, this.#accounts);
    const refusal = `could not add network device ${row.name} to ofproto`;
    if (this.#bridgeNames.has(row.name)) {
      return { error: `${refusal} (Device or resource busy): it is the own port of bridge ${row.name}` };
    }
    if (others >= portsPerBridge - 1) {
      return { error: `${refusal} (Exchange full): a bridge has at most ${portsPerBridge} ports, its own among them` };
    }
    return realize(row, port, bridge, this.#accounts);
  }
}

const implicitLocalPort = (name: string): DesiredPort => ({
  kind: 'internal',
  uuid: undefined,
  name,
  local: true,
  address: undefined,
  mtu: undefined,
});

/** Why a bridge as a whole cannot be realized, in one sentence. */
function bridgeObstacle({ name, datapathType }: BridgeRow): string | undefined {
  if (!isDeviceName(name)) return badName(name);
  if (datapathType === '' || datapathTypes.some((type) => type === datapathType)) return undefined;
  if (datapathType === 'netdev') {
    return `could not create bridge ${name}: datapath_type=netdev (the userspace switch) is not provided; use datapath_type=system`;
  }
  return `could not create bridge ${name} of unknown datapath type ${datapathType}`;
}

/** What the kernel should hold for a configuration. */
export function desiredState({ bridges }: Pick<Configuration, 'bridges'>, accounts: Accounts): Desired {
  const collector = new Collector(bridges, accounts);
  return { bridges: bridges.flatMap((bridge) => collector.bridge(bridge) ?? []), refused: collector.refused };
}

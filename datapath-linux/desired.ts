/** What the kernel should look like, from the rows alone. Pure. */
import type { BridgeRow, Configuration, InterfaceRow, PortRow } from './configuration.ts';
import { contain } from './fault.ts';
import { defaultLocalAddress, deviceAddress, hiddenAddress } from './mac.ts';
import { bridgeDevice, isDeviceName } from './names.ts';
import { buildBond } from './port/bond.ts';
import { asksForBond } from './port/bond-options.ts';
import { buildInternal, InternalPort } from './port/internal.ts';
import { builderOf } from './port/kinds.ts';
import { demandingPorts } from './port/plain.ts';
import { type Built, badName, cannotAdd, type Port } from './port/port.ts';
import type { Accounts } from './port/tap-options.ts';

export interface DesiredBridge {
  readonly name: string;
  readonly row: BridgeRow;
  /** The name of the kernel bridge behind it. */
  readonly device: string;
  /** Its address. */
  readonly hiddenAddress: string;
  /** `other_config:hwaddr` for the local port. */
  readonly localAddress: string | undefined;
  /** The local port's address when neither that nor a physical port gives it one. */
  readonly defaultAddress: string;
  readonly ports: readonly Port[];
}

export interface Desired {
  readonly bridges: readonly DesiredBridge[];
  /** Interfaces that cannot be realized whatever the kernel looks like: name → one sentence. */
  readonly refused: ReadonlyMap<string, string>;
}

/** The ports that ask for more than a device, with their bridges. */
export function* demandingPlaces({ bridges }: Desired): Generator<{
  readonly bridge: DesiredBridge;
  readonly port: Port;
}> {
  for (const bridge of bridges) for (const port of demandingPorts(bridge)) yield { bridge, port };
}

/** What the Linux bridge's port numbers allow (BR_MAX_PORTS). */
const portsPerBridge = 1023;

/** The values of Bridge.datapath_type that this switch realizes; the empty string means `system`. */
export const datapathTypes = ['system'] as const;

/** Ports in use come first, in the order of their numbers, so that a full bridge keeps those it has. */
function byOfport(ports: readonly PortRow[]): PortRow[] {
  const numbered = ports.map((port) => ({ port, lowest: lowestOfport(port) }));
  numbered.sort((a, b) => {
    if (a.lowest !== b.lowest) return a.lowest < b.lowest ? -1 : 1;
    return a.port.name < b.port.name ? -1 : a.port.name > b.port.name ? 1 : 0;
  });
  return numbered.map(({ port }) => port);
}

function lowestOfport({ interfaces }: PortRow): number {
  let lowest = Infinity;
  for (const { ofport } of interfaces) if (ofport !== undefined && ofport > 0 && ofport < lowest) lowest = ofport;
  return lowest;
}

/** Ports that depend on nothing but their own rows, and are the same as long as those are. */
const selfContained = new WeakMap<PortRow, { readonly bridge: string; readonly port: Port }>();

function knownPort(port: PortRow, bridge: BridgeRow): Port | undefined {
  const known = selfContained.get(port);
  return known?.bridge === bridge.name ? known.port : undefined;
}

const asksForLocal = ({ view, interfaces }: PortRow, bridge: BridgeRow): boolean =>
  interfaces.some(({ name }) => name === bridge.name) && !asksForBond(view, interfaces.length);

/** Collects ports and refusals; a name that two bridges claim stays with the first. */
class Collector {
  readonly refused = new Map<string, string>();
  readonly #realized = new Set<string>();
  readonly #bridges: readonly BridgeRow[];
  readonly #bridgeNames: ReadonlySet<string>;
  readonly #accounts: Accounts;

  constructor(bridges: readonly BridgeRow[], accounts: Accounts) {
    this.#bridges = bridges;
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
      row: bridge,
      device: bridgeDevice(bridge.name),
      hiddenAddress: hiddenAddress(bridge.uuid),
      localAddress: deviceAddress(bridge.otherConfig.get('hwaddr')),
      defaultAddress: defaultLocalAddress(bridge.uuid),
      ports: this.#ports(bridge),
    };
  }

  /** The bridge's own port is there even if no row mentions it. */
  #ports(bridge: BridgeRow): Port[] {
    const local: Port[] = [];
    const others: Port[] = [];
    let hasLocal = false;
    for (const port of byOfport(bridge.ports)) {
      const isLocal = knownPort(port, bridge)?.local ?? asksForLocal(port, bridge);
      hasLocal ||= isLocal;
      const row = this.#withoutRealized(port);
      if (row.interfaces.length === 0) continue;
      const built = contain<Built>(
        () => this.#build(row, bridge, others.length),
        (reason) => ({ error: `could not add port ${port.name} (${reason})` }),
      );
      if ('error' in built) {
        for (const { name } of row.interfaces) this.refused.set(name, built.error);
        continue;
      }
      for (const { name } of row.interfaces) this.#realized.add(name);
      (isLocal ? local : others).push(built.port);
    }
    if (!hasLocal) local.push(new InternalPort(bridge.name, true));
    return [...local, ...others];
  }

  #withoutRealized(port: PortRow): PortRow {
    const isFree = ({ name }: InterfaceRow): boolean => !this.#realized.has(name);
    return port.interfaces.every(isFree) ? port : { ...port, interfaces: port.interfaces.filter(isFree) };
  }

  #build(port: PortRow, bridge: BridgeRow, others: number): Built {
    const taken = port.interfaces.find(({ name }) => name !== bridge.name && this.#bridgeNames.has(name));
    if (taken) {
      return {
        error: cannotAdd(taken.name, 'Device or resource busy', `it is the own port of bridge ${taken.name}`),
      };
    }
    const [first] = port.interfaces;
    if (!first) return { error: `could not add port ${port.name}: it has no interface` };
    const known = knownPort(port, bridge);
    const isLocal = known?.local ?? asksForLocal(port, bridge);
    if (!isLocal && others >= portsPerBridge - 1) {
      const explanation = `a bridge has at most ${portsPerBridge} ports, its own among them`;
      return { error: cannotAdd(first.name, 'Exchange full', explanation) };
    }
    if (known) return { port: known };
    const context = { port, bridge, bridges: this.#bridges, accounts: this.#accounts };
    if (asksForBond(port.view, port.interfaces.length)) return buildBond(context);
    const built = isLocal ? buildInternal(first, context) : buildByType(first, context);
    if ('port' in built && built.port.links) selfContained.set(port, { bridge: bridge.name, port: built.port });
    return built;
  }
}

function buildByType(row: InterfaceRow, context: Parameters<typeof buildInternal>[1]): Built {
  const build = builderOf(row.type);
  return build
    ? build(row, context)
    : { error: `could not open network device ${row.name} (Address family not supported by protocol)` };
}

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

/**
 * A patch port: what goes out of it comes in at its peer, in another bridge. In the kernel the two are the ends of one
 * veth pair. A patch port whose peer is missing is a port all the same, as in Open vSwitch: the other end of its pair
 * leads nowhere then.
 */
import type { BridgeRow, InterfaceRow, PortRow } from '../configuration.ts';
import type { DesiredBridge } from '../desired.ts';
import type { Device } from '../device.ts';
import { isOwned, type KernelState } from '../kernel.ts';
import { outerAlias, ownedGroup, patchDevice, patchStub } from '../names.ts';
import type { Link } from '../netlink/link.ts';
import { createVeth } from '../netlink/link-kind.ts';
import { changeLink } from '../netlink/request.ts';
import type { Step } from '../step.ts';
import { changeSteps, largestMtu } from './change.ts';
import { type Build, occupied, type Port, type PortContext } from './port.ts';
import { SinglePort } from './single.ts';
import { locateDevice } from './system.ts';

/** The other patch port, or why there is none. */
type Peer = { readonly name: string } | { readonly problem: string };

export class PatchPort extends SinglePort implements Port {
  readonly kind = 'patch';
  readonly virtual = true;
  readonly device: string;
  readonly owned: readonly string[];
  readonly taken = [];
  readonly #peer: Peer;
  /** The device at the other end. */
  readonly #end: string;

  constructor(row: InterfaceRow, port: PortRow, peer: Peer) {
    super(row, port);
    this.device = patchDevice(row.name);
    this.#peer = peer;
    this.#end = 'name' in peer ? patchDevice(peer.name) : patchStub(row.name);
    this.owned = 'name' in peer ? [this.device] : [this.device, this.#end];
  }

  /** Either end of a pair stays as long as the other is the right one. */
  keeps(link: Link, kernel: KernelState): boolean {
    if (link.kind !== 'veth' || link.linkNamespaceId !== undefined) return false;
    const other = kernel.at(link.link)?.name;
    return other === (link.name === this.device ? this.#end : this.device);
  }

  obstacle(_bridge: DesiredBridge, kernel: KernelState): string | undefined {
    const inTheWay = [this.device, this.#end].map((name) => kernel.find(name)).find((link) => link && !isOwned(link));
    return inTheWay && occupied(this.name, inTheWay, kernel);
  }

  reservations(): ReadonlyMap<string, string> {
    return 'problem' in this.#peer ? new Map([[this.name, this.#peer.problem]]) : new Map();
  }

  /** Of two peers the one whose name comes first makes the pair; the other puts its end into its own bridge. */
  steps({ kernel, master }: PortContext): Step[] {
    const subject = { port: this.name };
    const alias = outerAlias(this.name);
    const link = kernel.find(this.device);
    if (!link) {
      if ('name' in this.#peer && this.#peer.name < this.name) return [];
      const ends = { outer: this.device, inner: this.#end, innerGroup: ownedGroup, mtu: largestMtu };
      const messages = [
        createVeth({ ...ends, master: master.ifindex, group: ownedGroup }),
        changeLink({ name: this.device }, { up: true, alias, addressless6: true }),
      ];
      return [{ op: 'send', subject, what: `add patch port ${this.name}`, messages }];
    }
    const wanted = { up: true, master: master.ifindex, group: ownedGroup, alias, addressless6: true } as const;
    return changeSteps(subject, link, { ...wanted, mtu: largestMtu });
  }

  locate(_name: string, kernel: KernelState, master: Link): Device | undefined {
    return locateDevice(this.device, kernel, master);
  }
}

interface Place {
  readonly row: InterfaceRow;
  readonly bridge: BridgeRow;
}

const places = new WeakMap<readonly BridgeRow[], ReadonlyMap<string, Place>>();

/** Where each patch interface is, by its name; made once for all ports of a look. */
function patchPlaces(bridges: readonly BridgeRow[]): ReadonlyMap<string, Place> {
  const known = places.get(bridges);
  if (known) return known;
  const found = new Map<string, Place>();
  for (const bridge of bridges) {
    for (const row of bridge.ports.flatMap(({ interfaces }) => interfaces)) {
      if (row.type === 'patch' && !found.has(row.name)) found.set(row.name, { row, bridge });
    }
  }
  places.set(bridges, found);
  return found;
}

/** What is wrong with the options, in the C daemon's words. */
function badOptions({ name, options }: InterfaceRow): string | undefined {
  const peer = options.get('peer');
  if (peer === undefined) return `${name}: patch type requires valid 'peer' argument`;
  if (options.size > 1) return `${name}: patch type takes only a 'peer' argument`;
  return peer === name ? `${name}: patch peer must not be self` : undefined;
}

function findPeer({ name, options }: InterfaceRow, bridge: BridgeRow, bridges: readonly BridgeRow[]): Peer {
  const wanted = options.get('peer') ?? '';
  const peer = patchPlaces(bridges).get(wanted);
  const isMutual = peer !== undefined && badOptions(peer.row) === undefined && peer.row.options.get('peer') === name;
  if (!isMutual || peer.bridge.datapathType !== bridge.datapathType) {
    return { problem: `No usable peer '${wanted}' exists in '${bridge.datapathType || 'system'}' datapath.` };
  }
  if (peer.bridge !== bridge) return { name: wanted };
  return { problem: `${name} and its peer ${wanted} are in the same bridge, which would be a loop: nothing passes` };
}

export const buildPatch: Build = (row, { port, bridge, bridges }) => {
  const error = badOptions(row);
  return error === undefined ? { port: new PatchPort(row, port, findPeer(row, bridge, bridges)) } : { error };
};

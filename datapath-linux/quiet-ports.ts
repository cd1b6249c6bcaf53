/**
 * Ports that need nothing, so that a look costs what has changed and not what is there. A port that was as desired stays
 * so while its rows, its links and what it shares with the other ports of its bridge are the same.
 */
import { monitoredColumns, reportedColumns } from './configuration.ts';
import type { Desired, DesiredBridge } from './desired.ts';
import type { PortContexts } from './diff.ts';
import type { KernelState } from './kernel.ts';
import type { Link } from './netlink/link.ts';
import type { Port, PortContext } from './port/port.ts';

/** How a port was when it needed nothing. */
interface Quiet {
  readonly links: readonly (Link | undefined)[];
  readonly context: PortContext;
}

/** The columns of a bridge that concern its ports: all that are not about which they are, or about what became of it. */
const sharedColumns = monitoredColumns.Bridge.filter(
  (column) => column !== 'ports' && !reportedColumns.Bridge.some((reported) => reported === column),
);

const isSame = (a: PortContext, b: PortContext): boolean =>
  a.master.ifindex === b.master.ifindex &&
  a.localAddress === b.localAddress &&
  a.followed === b.followed &&
  a.toFollow === b.toFollow &&
  sharedColumns.every((column) => a.bridge.row.view.datum(column).equals(b.bridge.row.view.datum(column)));

export class QuietPorts {
  #known = new WeakMap<Port, Quiet>();
  /** By bridge: what its ports shared when they were last looked at. */
  #contexts: PortContexts = new Map();

  /** From now on all ports are looked at again. */
  forget(): void {
    this.#known = new WeakMap();
  }

  /** The same bridges, without the ports that need nothing. */
  without(desired: Desired, kernel: KernelState, contexts: PortContexts): Desired {
    this.#contexts = new Map([...contexts].map(([bridge, context]) => [bridge, this.#asKnown(bridge, context)]));
    const restless = ({ name, ports }: DesiredBridge): readonly Port[] => {
      const context = this.#contexts.get(name);
      return context ? ports.filter((port) => !this.#isQuiet(port, kernel, context)) : ports;
    };
    return { ...desired, bridges: desired.bridges.map((bridge) => ({ ...bridge, ports: restless(bridge) })) };
  }

  /**
   * Remembers those of the `looked` ports that are in their bridge. `disturbed`: the names of ports and interfaces, of
   * those that were not looked at too, that something is to be done about, or that something is wrong with.
   */
  remember(desired: Desired, looked: Desired, kernel: KernelState, disturbed: ReadonlySet<string>): void {
    for (const { name, ports } of looked.bridges) {
      const context = this.#contexts.get(name);
      for (const port of ports) {
        const isPlaced = port.interfaces.every((row) => context && port.locate(row.name, kernel, context.master));
        if (port.links && context && isPlaced) this.#known.set(port, { links: port.links(kernel), context });
      }
    }
    if (disturbed.size === 0) return;
    for (const port of desired.bridges.flatMap(({ ports }) => ports)) {
      if (disturbed.has(port.name) || port.interfaces.some(({ name }) => disturbed.has(name))) this.#known.delete(port);
    }
  }

  #asKnown(bridge: string, context: PortContext): PortContext {
    const known = this.#contexts.get(bridge);
    return known && isSame(known, context) ? known : context;
  }

  #isQuiet(port: Port, kernel: KernelState, context: PortContext): boolean {
    const known = this.#known.get(port);
    if (known?.context !== context) return false;
    for (const link of known.links) {
      // Links in other namespaces are not among those of this one: nothing tells when they change.
      if (!link || kernel.at(link.ifindex) !== link) return false;
    }
    return true;
  }
}

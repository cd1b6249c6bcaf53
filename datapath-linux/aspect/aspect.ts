/**
 * An aspect is what the switch keeps in the kernel beside devices: settings of bridges, VLANs, mirrors, queues … Each
 * knows how to read what the rows ask for, what the kernel has, and what to send to make them alike.
 */
import type { Desired } from '../desired.ts';
import { contain, spare } from '../fault.ts';
import type { KernelState } from '../kernel.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import type { Columns } from '../status.ts';
import type { Step } from '../step.ts';

/** What is not as asked for although the devices are there: one sentence each. */
export interface Problems {
  /** By interface name: for Interface.error. */
  readonly interfaces?: ReadonlyMap<string, string>;
  /** By bridge name: for Bridge.status, under the key `error`. */
  readonly bridges?: ReadonlyMap<string, string>;
}

/** What an aspect tells about one row. */
export interface RowReport {
  readonly table: 'Bridge' | 'Port' | 'Interface' | 'Mirror' | 'Controller';
  readonly uuid: string;
  /** Whole columns that nothing else writes. */
  readonly columns?: Columns;
  /** Keys of the column `status`, which are put together with those of others. */
  readonly status?: Readonly<Record<string, string>>;
}

/** How one aspect works; `Wanted` and `Found` are its own. Only `read` and `counters` do I/O. */
export interface AspectDefinition<Wanted, Found> {
  readonly name: string;
  /**
   * What it does about a port depends on nothing but the port (see `Port.links`) and its bridge's columns: it is shown
   * only ports that have changed.
   */
  readonly isPortwise?: boolean;
  /** What the rows ask for. */
  want(desired: Desired): Wanted;
  /**
   * What the kernel has, once the devices have been read: in as few dumps as can be, whatever the number of ports, and
   * none when nothing is wanted and nothing can be left over.
   */
  read(wanted: Wanted, kernel: KernelState, client: NetlinkClient): Found;
  /** What to send; nothing when all is as wanted, as far as it can be. Deletes come first. */
  diff(wanted: Wanted, found: Found, kernel: KernelState): Step[];
  problems?(wanted: Wanted, found: Found, kernel: KernelState): Problems;
  report?(wanted: Wanted, found: Found, kernel: KernelState): RowReport[];
  /** Columns that only the statistics timer refreshes; leave them out of `monitoredColumns`. */
  counters?(wanted: Wanted, kernel: KernelState, client: NetlinkClient): RowReport[];
}

/** What one look at the kernel told about an aspect. */
export interface Finding {
  readonly steps: readonly Step[];
  problems(): Problems;
  report(): RowReport[];
  counters(client: NetlinkClient): RowReport[];
}

export interface Aspect {
  readonly name: string;
  readonly isPortwise: boolean;
  look(desired: Desired, kernel: KernelState, client: NetlinkClient): Finding;
}

/**
 * Makes aspects alike to those who only want to look: what each one's `Wanted` and `Found` are stays its own. Ports and
 * bridges that are beyond an aspect cost it no others.
 */
export const aspect = <Wanted, Found>(definition: AspectDefinition<Wanted, Found>): Aspect => ({
  name: definition.name,
  isPortwise: definition.isPortwise === true,
  look(desired, kernel, client) {
    let whole: { readonly found: Found } | undefined;
    const { value, faults } = spare(`see to the aspect ${definition.name}`, desired, (part) => {
      const wanted = definition.want(part);
      const { found } = whole ?? { found: definition.read(wanted, kernel, client) };
      if (part === desired) whole = { found };
      return { wanted, found, steps: definition.diff(wanted, found, kernel) };
    });
    if (!value) return { steps: faults, problems: () => ({}), report: () => [], counters: () => [] };
    const { wanted, found, steps } = value;
    return {
      steps: faults.length > 0 ? [...faults, ...steps] : steps,
      problems: () =>
        contain(
          () => definition.problems?.(wanted, found, kernel) ?? {},
          () => ({}),
        ),
      report: () =>
        contain(
          () => definition.report?.(wanted, found, kernel) ?? [],
          () => [],
        ),
      counters: (later) =>
        contain(
          () => definition.counters?.(wanted, kernel, later) ?? [],
          () => [],
        ),
    };
  },
});

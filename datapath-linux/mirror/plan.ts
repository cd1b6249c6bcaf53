/**
 * The mirrors of a bridge as the rows ask for them (ovs-vswitchd.conf.db(5), "Mirror Table"). Mirrors with the same
 * output are one: Open vSwitch copies a frame once to each output, and counts that for all of them. Pure.
 */
import { createHash } from 'node:crypto';
import type { VlanRange } from '../bpf/vlan-set.ts';
import type { DesiredBridge } from '../desired.ts';
import type { Port } from '../port/port.ts';
import type { RowView } from '../row-view.ts';
import { allVlans, rangesOf, vlansOf } from './vlan-range.ts';

/** Where copies go. */
export type Output = { readonly port: Port } | { readonly vlan: number };

/** What goes to one output. */
export interface MirrorGroup {
  /** Of its counter: the same as long as the output is. */
  readonly name: string;
  readonly output: Output;
  /** How much of each frame, in bytes; undefined: all. */
  readonly bytes: number | undefined;
  /** By port: of which VLANs what it receives, and what it sends, is copied. */
  readonly sources: ReadonlyMap<Port, readonly VlanRange[]>;
  readonly destinations: ReadonlyMap<Port, readonly VlanRange[]>;
  /** Of the Mirror rows: their uuids, and how sentences about them begin. */
  readonly mirrors: readonly string[];
  readonly labels: readonly string[];
}

export interface MirrorPlan {
  readonly groups: readonly MirrorGroup[];
  /** What is not as asked for, a sentence each. */
  readonly problems: readonly string[];
}

interface MirrorRow {
  readonly view: RowView;
  /** How sentences about it begin. */
  readonly label: string;
}

const smallestCopy = 14;
const largestCopy = 65535;

const united = (a: readonly VlanRange[] | undefined, b: readonly VlanRange[]): readonly VlanRange[] =>
  a === undefined ? b : rangesOf([...vlansOf(a), ...vlansOf(b)]);

/** Reads the mirrors of one bridge. */
class Planner {
  readonly problems: string[] = [];
  readonly #bridge: DesiredBridge;
  readonly #ports: ReadonlyMap<string, Port>;

  constructor(bridge: DesiredBridge) {
    this.#bridge = bridge;
    this.#ports = new Map(bridge.ports.flatMap((port) => (port.row ? [[port.row.uuid, port] as const] : [])));
  }

  rows(): MirrorRow[] {
    return this.#bridge.row.view
      .references('mirrors', 'Mirror')
      .map((view) => ({ view, label: `bridge ${this.#bridge.name}: mirror ${view.text('name') ?? ''}` }))
      .sort((a, b) => (a.label < b.label ? -1 : 1));
  }

  /** undefined for a mirror that cannot be. */
  output({ view, label }: MirrorRow): Output | undefined {
    const [portRow] = view.references('output_port', 'Port');
    const vlan = view.integer('output_vlan');
    if (view.text('filter') !== undefined) {
      this.problems.push(`${label} has a filter, which takes OpenFlow to understand; ignoring the mirror`);
      return undefined;
    }
    if (portRow) {
      if (vlan !== undefined) {
        this.problems.push(`${label} specifies both output port and output vlan; ignoring output vlan`);
      }
      const port = this.#ports.get(portRow.uuid);
      if (!port) this.problems.push(`${label} outputs to port not on bridge`);
      return port && { port };
    }
    if (vlan === undefined) this.problems.push(`${label} does not specify output; ignoring`);
    return vlan === undefined ? undefined : { vlan };
  }

  bytes({ view, label }: MirrorRow, output: Output): number | undefined {
    const length = view.integer('snaplen');
    if (length === undefined || length === 0 || length >= largestCopy) return undefined;
    if ('port' in output && length >= smallestCopy) return length;
    this.problems.push(`${label} has a snaplen, which is provided for an output port only; it copies whole frames`);
    return undefined;
  }

  selected({ view, label }: MirrorRow, column: 'select_src_port' | 'select_dst_port'): Port[] {
    if (view.flag('select_all')) return column === 'select_src_port' ? [...this.#bridge.ports] : [];
    return view.references(column, 'Port').flatMap((row) => {
      const port = this.#ports.get(row.uuid);
      if (!port) this.problems.push(`${label} cannot match on nonexistent port ${row.text('name') ?? ''}`);
      return port ?? [];
    });
  }

  vlans({ view }: MirrorRow): readonly VlanRange[] {
    const vlans = view.integers('select_vlan');
    return vlans.length === 0 ? allVlans : rangesOf(vlans);
  }
}

interface Draft extends MirrorGroup {
  readonly sources: Map<Port, readonly VlanRange[]>;
  readonly destinations: Map<Port, readonly VlanRange[]>;
  readonly mirrors: string[];
  readonly labels: string[];
}

const nameOf = (bridge: DesiredBridge, output: Output): string =>
  createHash('sha256')
    .update(`${bridge.row.uuid} ${'port' in output ? (output.port.row?.uuid ?? output.port.name) : output.vlan}`)
    .digest('hex')
    .slice(0, 16);

/** Copies to a VLAN come last: they are sent to ports, which the others must be ready for. */
const byOutput = (a: MirrorGroup, b: MirrorGroup): number => Number('vlan' in a.output) - Number('vlan' in b.output);

/** What a bridge's mirrors ask for. Ports that are the output of one are selected by none. */
export function mirrorPlan(bridge: DesiredBridge): MirrorPlan {
  if (bridge.row.view.datum('mirrors').size === 0) return { groups: [], problems: [] };
  const planner = new Planner(bridge);
  const drafts = new Map<string, Draft>();
  for (const row of planner.rows()) {
    const output = planner.output(row);
    if (!output) continue;
    const name = nameOf(bridge, output);
    const bytes = planner.bytes(row, output);
    const draft: Draft = drafts.get(name) ?? {
      name,
      output,
      bytes,
      sources: new Map(),
      destinations: new Map(),
      mirrors: [],
      labels: [],
    };
    drafts.set(name, draft);
    const vlans = planner.vlans(row);
    for (const port of planner.selected(row, 'select_src_port')) {
      draft.sources.set(port, united(draft.sources.get(port), vlans));
    }
    for (const port of planner.selected(row, 'select_dst_port')) {
      draft.destinations.set(port, united(draft.destinations.get(port), vlans));
    }
    draft.mirrors.push(row.view.uuid);
    draft.labels.push(row.label);
  }
  const groups = [...drafts.values()].sort(byOutput);
  for (const port of outputPorts(groups)) {
    for (const { sources, destinations } of groups) {
      sources.delete(port);
      destinations.delete(port);
    }
  }
  return { groups, problems: planner.problems };
}

/** The ports that are there for copies only. */
export const outputPorts = (groups: readonly MirrorGroup[]): ReadonlySet<Port> =>
  new Set(groups.flatMap(({ output }) => ('port' in output ? [output.port] : [])));

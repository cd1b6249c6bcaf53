/**
 * The kinds of ports. To add one: write its class and its `Build` function in a file of this folder, and name the
 * function here; Open_vSwitch.iface_types, desired.ts, diff.ts and reporter.ts follow this table.
 */
import { buildInternal } from './internal.ts';
import { buildPatch } from './patch.ts';
import type { Build } from './port.ts';
import { buildSystem } from './system.ts';
import { buildTap } from './tap.ts';
import { absentTunnel, buildTunnel } from './tunnel.ts';

/** By Interface.type. */
const kinds = {
  system: buildSystem,
  internal: buildInternal,
  tap: buildTap,
  patch: buildPatch,
  geneve: buildTunnel('geneve'),
  gre: buildTunnel('gre'),
  ip6gre: buildTunnel('gre'),
  vxlan: buildTunnel('vxlan'),
} as const satisfies Record<string, Build>;

/** The values of Interface.type that this switch realizes. */
export const interfaceTypes: readonly string[] = Object.keys(kinds).sort();

/** Types that Open vSwitch has beside these, with better words than those for an unknown type. */
const absentTypes = ['bareudp', 'erspan', 'gtpu', 'ip6erspan', 'lisp', 'srv6', 'stt'];

const builders: ReadonlyMap<string, Build> = new Map([
  ...Object.entries(kinds),
  ...absentTypes.map((type) => [type, absentTunnel] as const),
]);

/** How a port of one interface of that type is built; the empty type means `system`. */
export const builderOf = (type: string): Build | undefined => builders.get(type || 'system');

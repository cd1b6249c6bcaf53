/** What the Port columns about VLANs ask for (ovs-vswitchd.conf.db(5), "VLAN Configuration"). Pure. */
import type { RowView } from '../row-view.ts';

/** Of VLANs 0 to 4095; VLAN 0 is that of frames without a tag. undefined: all. */
export type VlanSet = ReadonlySet<number> | undefined;

export type VlanMode =
  /** In one VLAN, always without a tag. */
  | { readonly kind: 'access'; readonly vlan: number }
  /** In several, with tags. */
  | { readonly kind: 'trunk'; readonly trunks: VlanSet }
  /** The same, and frames that come without a tag belong to `vlan`, whose frames go with one or without. */
  | { readonly kind: 'native'; readonly vlan: number; readonly tagged: boolean; readonly trunks: VlanSet }
  /** Customers' frames, tagged or not, within `vlan`: of the customers' VLANs `customers`. */
  | {
      readonly kind: 'tunnel';
      readonly vlan: number;
      readonly customers: VlanSet;
      /** The EtherType of the tag that `vlan` has elsewhere. */
      readonly type: number;
    };

export const tagTypes = { customer: 0x8100, service: 0x88a8 } as const;
const vlanMax = 4095;

const isVlan = (vlan: number): boolean => vlan >= 0 && vlan <= vlanMax;

function vlanSet(view: RowView, column: string): VlanSet {
  const vlans = view.integers(column).filter(isVlan);
  return vlans.length > 0 ? new Set(vlans) : undefined;
}

/** Untagged frames are of the native VLAN, not of VLAN 0; the native VLAN is always among them. */
function nativeTrunks(trunks: VlanSet, vlan: number): VlanSet {
  if (trunks === undefined) return undefined;
  return new Set([...trunks, vlan].filter((each) => each !== 0));
}

type Parse = (view: RowView, vlan: number) => VlanMode;

const trunk: Parse = (view) => ({ kind: 'trunk', trunks: vlanSet(view, 'trunks') });
const access: Parse = (_view, vlan) => ({ kind: 'access', vlan });

const native =
  (tagged: boolean): Parse =>
  (view, vlan) =>
    vlan === 0
      ? trunk(view, vlan)
      : { kind: 'native', vlan, tagged, trunks: nativeTrunks(vlanSet(view, 'trunks'), vlan) };

const tunnel: Parse = (view, vlan) => {
  const isCustomerType = view.map('other_config').get('qinq-ethtype')?.toLowerCase() === '802.1q';
  const type = isCustomerType ? tagTypes.customer : tagTypes.service;
  return { kind: 'tunnel', vlan, customers: vlanSet(view, 'cvlans'), type };
};

/** By Port.vlan_mode. */
const modes: ReadonlyMap<string, Parse> = new Map([
  ['access', access],
  ['trunk', trunk],
  ['native-tagged', native(true)],
  ['native-untagged', native(false)],
  ['dot1q-tunnel', tunnel],
]);

const parsed = new WeakMap<RowView, VlanMode>();

/** Without a mode the tag decides; a tag where none belongs, and trunks where none belong, are left out. */
function parseMode(view: RowView): VlanMode {
  const tag = view.integer('tag');
  const vlan = tag !== undefined && isVlan(tag) ? tag : undefined;
  const mode = view.text('vlan_mode') ?? (vlan === undefined ? 'trunk' : 'access');
  return (modes.get(mode) ?? access)(view, vlan ?? 0);
}

/** The mode of a port; of one that no row mentions, all VLANs. */
export function vlanMode(view: RowView | undefined): VlanMode {
  if (view === undefined) return { kind: 'trunk', trunks: undefined };
  const known = parsed.get(view) ?? parseMode(view);
  parsed.set(view, known);
  return known;
}

/** Whether the port passes all frames as they are, as without any configuration. */
export const isTransparent = (mode: VlanMode): boolean => mode.kind === 'trunk' && mode.trunks === undefined;

/** How a port carries the frames of a VLAN, as far as copies of frames are concerned. Pure. */
import type { Port } from '../port/port.ts';

/** The Port columns about VLANs. VLAN 0 is that of frames without a tag. */
function columnsOf({ row }: Port) {
  const tag = row?.view.integer('tag') ?? 0;
  const mode = row?.view.text('vlan_mode') ?? (row?.view.integer('tag') === undefined ? 'trunk' : 'access');
  return { tag, mode, trunks: row?.view.integers('trunks') ?? [] };
}

/** The VLAN of the frames that come in without a tag. */
export function untaggedVlan(port: Port): number {
  const { tag, mode } = columnsOf(port);
  return mode === 'trunk' ? 0 : tag;
}

/** Whether frames of the VLAN go out there at all. */
export function carriesVlan(port: Port, vlan: number): boolean {
  const { tag, mode, trunks } = columnsOf(port);
  if (mode === 'access' || mode === 'dot1q-tunnel') return vlan === tag;
  return trunks.length === 0 || trunks.includes(vlan) || (mode !== 'trunk' && vlan === tag);
}

/** Whether they go out with the tag of their VLAN; `vlan` undefined: of most. */
export function carriesTag(port: Port, vlan: number | undefined): boolean {
  const { tag, mode } = columnsOf(port);
  if (mode === 'access' || mode === 'dot1q-tunnel') return false;
  return mode !== 'native-untagged' || vlan !== tag;
}

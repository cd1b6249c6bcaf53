/** How a port carries the frames of a VLAN, as far as copies of frames are concerned. Pure. */
import type { VlanRange } from '../bpf/vlan-set.ts';
import type { Port } from '../port/port.ts';
import { vlanMode } from '../vlan/mode.ts';
import { rangesOf, vlansOf } from './vlan-range.ts';

const modeOf = ({ row }: Port) => vlanMode(row?.view);

/** The VLAN of the frames that come in without a tag; 0 for none. */
export function untaggedVlan(port: Port): number {
  const mode = modeOf(port);
  return mode.kind === 'trunk' ? 0 : mode.vlan;
}

/** Whether frames of the VLAN go out there at all. */
export function carriesVlan(port: Port, vlan: number): boolean {
  const mode = modeOf(port);
  if (mode.kind === 'access' || mode.kind === 'tunnel') return vlan === mode.vlan;
  return mode.trunks === undefined || mode.trunks.has(vlan);
}

/** Of these VLANs those whose frames the port takes: what it does not take is not copied either. */
export function admitted(port: Port, ranges: readonly VlanRange[]): readonly VlanRange[] {
  const mode = modeOf(port);
  const takesAll = (mode.kind === 'trunk' || mode.kind === 'native') && mode.trunks === undefined;
  return takesAll ? ranges : rangesOf(vlansOf(ranges).filter((vlan) => carriesVlan(port, vlan)));
}

/** Whether they go out with the tag of their VLAN; `vlan` undefined: of most. */
export function carriesTag(port: Port, vlan: number | undefined): boolean {
  const mode = modeOf(port);
  if (mode.kind === 'native') return mode.tagged || vlan !== mode.vlan;
  return mode.kind === 'trunk';
}

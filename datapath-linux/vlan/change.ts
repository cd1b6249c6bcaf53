/** What to change so that a port is in the VLANs that it is to be in. Pure. */
import { canonical, type VlanRange } from '../netlink/vlan.ts';

export interface VlanChanges {
  /** VLANs to join or to leave untagged, without the mark of a PVID, which would take it from another VLAN. */
  readonly joined: readonly VlanRange[];
  /** The VLAN that becomes that of untagged frames. */
  readonly pvid: VlanRange | undefined;
  readonly left: readonly VlanRange[];
  /** VLANs that it stays in, in another way: tagged from now on, or no longer those of untagged frames. */
  readonly changed: readonly VlanRange[];
}

const sameRanges = (a: readonly VlanRange[], b: readonly VlanRange[]): boolean =>
  a.length === b.length &&
  a.every((range, index) => {
    const other = b[index];
    return (
      other?.first === range.first &&
      other.last === range.last &&
      other.pvid === range.pvid &&
      other.untagged === range.untagged
    );
  });

/** One for each VLAN. */
function byVlan(ranges: readonly VlanRange[]): ReadonlyMap<number, VlanRange> {
  const found = new Map<number, VlanRange>();
  for (const { first, last, ...how } of ranges) {
    for (let vlan = first; vlan <= last; vlan++) found.set(vlan, { first: vlan, last: vlan, ...how });
  }
  return found;
}

const none: VlanChanges = { joined: [], pvid: undefined, left: [], changed: [] };

/** Both as `canonical` has them. */
export function vlanChanges(present: readonly VlanRange[], wanted: readonly VlanRange[]): VlanChanges {
  if (sameRanges(present, wanted)) return none;
  const [before, after] = [byVlan(present), byVlan(wanted)];
  const joined: VlanRange[] = [];
  const changed: VlanRange[] = [];
  let pvid: VlanRange | undefined;
  for (const [vlan, range] of after) {
    const old = before.get(vlan);
    if (range.pvid && !old?.pvid) pvid = range;
    if (!old || (range.untagged && !old.untagged)) joined.push({ ...range, pvid: old?.pvid ?? false });
    if (old && ((old.untagged && !range.untagged) || (old.pvid && !range.pvid))) changed.push(range);
  }
  const left = [...before.values()].filter(({ first }) => !after.has(first));
  return { joined: canonical(joined), pvid, left: canonical(left.map(withoutHow)), changed: canonical(changed) };
}

/** How the port was in a VLAN does not matter when it leaves; so ranges become longer. */
const withoutHow = (range: VlanRange): VlanRange => ({ ...range, pvid: false, untagged: false });

/** Sets of VLANs, as ranges. VLAN 0 is that of frames without a tag. Pure. */
import type { VlanRange } from '../bpf/vlan-set.ts';

export const allVlans: readonly VlanRange[] = [{ first: 0, last: 4095 }];

/** VLANs as ranges, in ascending order. */
export function rangesOf(vlans: readonly number[]): readonly VlanRange[] {
  const ranges: { first: number; last: number }[] = [];
  for (const vlan of [...new Set(vlans)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.last === vlan - 1) last.last = vlan;
    else ranges.push({ first: vlan, last: vlan });
  }
  return ranges;
}

export const vlansOf = (ranges: readonly VlanRange[]): number[] =>
  ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, index) => first + index));

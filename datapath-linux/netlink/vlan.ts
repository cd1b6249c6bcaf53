/**
 * The VLANs of bridge ports (family AF_BRIDGE of rtnetlink: IFLA_AF_SPEC holds struct bridge_vlan_info of
 * linux/if_bridge.h: u16 flags, u16 VLAN). A range is told by its first and its last VLAN.
 */
import { type Payload, visitAttributes } from './attribute.ts';
import { readI32, readU16, writeI32, writeU16 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';
import { MessageBuilder } from './message.ts';

/** VLANs of a port that are alike, both ends among them. */
export interface VlanRange {
  readonly first: number;
  readonly last: number;
  /** Untagged frames that the port receives belong to it; of one VLAN at most. */
  readonly pvid: boolean;
  /** Frames leave the port without a tag. */
  readonly untagged: boolean;
}

export interface PortVlans {
  readonly ifindex: number;
  /** As `canonical` has them. */
  readonly ranges: readonly VlanRange[];
}

const types = { deleteLink: 17, getLink: 18, setLink: 19 } as const;
const attributes = { familySpecific: 26, extendedMask: 29 } as const;
const vlanInfo = 2;
const infoFlags = { pvid: 0x2, untagged: 0x4, rangeBegin: 0x8, rangeEnd: 0x10 } as const;
/** RTEXT_FILTER_BRVLAN_COMPRESSED: ranges, instead of an attribute for each of up to 4094 VLANs. */
const compressed = 1 << 2;
const bridgeFamily = 7;
const ifinfomsgLength = 16;

function ifinfomsg(ifindex: number): Buffer {
  const fixed = Buffer.alloc(ifinfomsgLength);
  fixed.writeUInt8(bridgeFamily, 0);
  writeI32(fixed, ifindex, 4);
  return fixed;
}

/** The VLANs of all bridge ports of the namespace. */
export const dumpVlans = (): Buffer =>
  new MessageBuilder(types.getLink, 0, ifinfomsg(0)).u32(attributes.extendedMask, compressed).build();

/** Makes a port a member of these VLANs; of those that it is in already it becomes such a member. */
export const setVlans = (ifindex: number, ranges: readonly VlanRange[]): Buffer =>
  vlanMessage(types.setLink, ifindex, ranges);

/** Takes a port out of these VLANs. */
export const deleteVlans = (ifindex: number, ranges: readonly VlanRange[]): Buffer =>
  vlanMessage(types.deleteLink, ifindex, ranges);

function vlanMessage(type: number, ifindex: number, ranges: readonly VlanRange[]): Buffer {
  return new MessageBuilder(type, 0, ifinfomsg(ifindex))
    .nested(attributes.familySpecific, (spec) => {
      for (const range of ranges) appendRange(spec, range);
    })
    .build();
}

function appendRange(spec: MessageBuilder, { first, last, pvid, untagged }: VlanRange): void {
  const common = (pvid ? infoFlags.pvid : 0) | (untagged ? infoFlags.untagged : 0);
  if (first === last) {
    spec.bytes(vlanInfo, info(common, first));
    return;
  }
  spec
    .bytes(vlanInfo, info(common | infoFlags.rangeBegin, first))
    .bytes(vlanInfo, info(common | infoFlags.rangeEnd, last));
}

function info(flags: number, vlan: number): Buffer {
  const data = Buffer.alloc(4);
  writeU16(data, flags, 0);
  writeU16(data, vlan, 2);
  return data;
}

/** Reads an RTM_NEWLINK message of a dump, or one that `setVlans` or `deleteVlans` has built. */
export function parsePortVlans({ data, start, end }: Payload): PortVlans {
  if (end - start < ifinfomsgLength) throw new NetlinkFormatError(`ifinfomsg of ${end - start} bytes`);
  const ranges: VlanRange[] = [];
  let first: number | undefined;
  visitAttributes({ data, start: start + ifinfomsgLength, end }, (type, value) => {
    if (type !== attributes.familySpecific) return;
    visitAttributes(value, (kind, entry) => {
      if (kind !== vlanInfo || entry.end - entry.start < 4) return;
      const flags = readU16(data, entry.start);
      const vlan = readU16(data, entry.start + 2);
      if (flags & infoFlags.rangeBegin) {
        first = vlan;
        return;
      }
      const pvid = (flags & infoFlags.pvid) !== 0;
      ranges.push({ first: first ?? vlan, last: vlan, pvid, untagged: (flags & infoFlags.untagged) !== 0 });
      first = undefined;
    });
  });
  return { ifindex: readI32(data, start + 4), ranges: canonical(ranges) };
}

/** In ascending order and as few as can be, whatever pieces they come in: equal sets of VLANs have equal ranges. */
export function canonical(ranges: readonly VlanRange[]): VlanRange[] {
  const merged: VlanRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    const isNext = before && before.last + 1 === range.first && !before.pvid && !range.pvid;
    if (isNext && before.untagged === range.untagged) merged[merged.length - 1] = { ...before, last: range.last };
    else merged.push(range);
  }
  return merged;
}

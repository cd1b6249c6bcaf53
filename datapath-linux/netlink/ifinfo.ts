/** What messages about links have in common (RTM_*LINK of linux/rtnetlink.h, IFLA_* of linux/if_link.h). */
import { writeI32, writeU32 } from './bytes.ts';

export const linkTypes = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  setLink: 19,
  newLinkProperty: 108,
  deleteLinkProperty: 109,
} as const;

export const ifla = {
  address: 1,
  name: 3,
  mtu: 4,
  master: 10,
  linkInfo: 18,
  alias: 20,
  familySpecific: 26,
  group: 27,
  extendedMask: 29,
  targetNamespaceId: 46,
  properties: 52,
  altname: 53,
} as const;

const interfaceFlags = { up: 0x1, noArp: 0x80 } as const;

export interface FlagChange {
  readonly up?: boolean | undefined;
  readonly noArp?: boolean | undefined;
}

/** struct ifinfomsg: u8 family, pad, u16 type, i32 index, u32 flags, u32 change mask. */
export function ifinfomsg(ifindex: number, change: FlagChange = {}): Buffer {
  const fixed = Buffer.alloc(16);
  let value = 0;
  let mask = 0;
  for (const key of ['up', 'noArp'] as const) {
    if (change[key] === undefined) continue;
    mask |= interfaceFlags[key];
    if (change[key]) value |= interfaceFlags[key];
  }
  writeI32(fixed, ifindex, 4);
  writeU32(fixed, value, 8);
  writeU32(fixed, mask, 12);
  return fixed;
}

/** Bonds and their members as rtnetlink describes them (IFLA_BOND_* and IFLA_BOND_SLAVE_* of linux/if_link.h). */
import { type Payload, type Readers, readWith, u16 } from './attribute.ts';
import { address, byte, half, reader, type Settings, type Table, word, writer } from './settings.ts';

/** The kernel's numbers for those modes that the switch uses. */
export const bondModes = { activeBackup: 1, balanceXor: 2, lacp: 4 } as const;
/** Likewise for how a frame's member is chosen (xmit_hash_policy). */
export const hashPolicies = { layer2: 0, layer34: 1, vlanSourceAddress: 5 } as const;

const aggregateReaders: Readers<{ id: number }> = { 1: (aggregate, value) => (aggregate.id = u16(value)) };

/** IFLA_BOND_AD_INFO: here only the number of the aggregate in use. It is read only. */
const aggregate = {
  read: (payload: Payload): number => {
    const found = { id: 0 };
    readWith(found, payload, aggregateReaders);
    return found.id;
  },
  write: () => undefined,
};

/** In an order that the kernel accepts: delays need monitoring. Times are in milliseconds, devices are ifindexes. */
const bondTable = {
  mode: [1, byte],
  hashPolicy: [14, byte],
  miimon: [3, word],
  updelay: [4, word],
  downdelay: [5, word],
  /** The preferred member, 0 for none; of active-backup bonds only, as is the next. */
  primary: [11, word],
  /** The member in use, 0 for none. */
  active: [2, word],
  /** 1: LACP frames are wanted every second rather than every 30. Of 802.3ad bonds, as all below. */
  lacpRate: [21, byte],
  /** 1: LACP frames are sent unasked; kernels before 5.16 always do. */
  lacpActive: [29, byte],
  systemPriority: [24, half],
  systemAddress: [26, address],
  aggregate: [23, aggregate],
} as const satisfies Table;

/** What the kernel tells of a member. */
const memberTable = {
  /** BOND_STATE_*: 0 is active, 1 backup. */
  state: [1, byte],
  /** BOND_LINK_*: up is 0; failing, down and recovering are 1, 2 and 3. */
  linkState: [2, byte],
  /** Its own address, which it has again when it leaves the bond. */
  permanentAddress: [4, address],
  aggregate: [6, half],
  /** LACP_STATE_* of IEEE 802.1AX, what this end says and what the other end does. */
  actorState: [7, byte],
  partnerState: [8, half],
} as const satisfies Table;

/** A setting that does not belong to the bond's mode is undefined. */
export type BondSettings = Settings<typeof bondTable>;
export type BondMember = Settings<typeof memberTable>;

export const readBondSettings = reader(bondTable);
export const writeBondSettings = writer(bondTable);
export const readBondMember = reader(memberTable);

/** Bits of `actorState` and `partnerState`, by Open vSwitch's words for them. */
export const lacpStates = {
  activity: 0x01,
  timeout: 0x02,
  aggregation: 0x04,
  synchronized: 0x08,
  collecting: 0x10,
  distributing: 0x20,
  defaulted: 0x40,
  expired: 0x80,
} as const;

/** Whether the link has a carrier, and has had it for long enough. */
export const isMemberUp = ({ linkState }: BondMember): boolean => linkState === 0;

/** Whether the member hears from a partner that speaks LACP. */
export const isCurrent = ({ actorState = 0 }: BondMember): boolean =>
  (actorState & (lacpStates.defaulted | lacpStates.expired)) === 0;

/** Whether frames pass through the member now. */
export function isEnabled(member: BondMember, bond: BondSettings): boolean {
  if (!isMemberUp(member)) return false;
  if (bond.mode === bondModes.lacp) return member.aggregate === bond.aggregate && isCurrent(member);
  return true;
}

/** Steps that bring a device's settings to what is wanted. Pure. */
import type { Link } from '../netlink/link.ts';
import type { LinkChange } from '../netlink/request.ts';
import type { Step, Subject } from '../step.ts';

/** The wanted values that differ from the present ones; undefined when all are as wanted. */
function differing(link: Link, wanted: LinkChange): LinkChange | undefined {
  const change: LinkChange = {
    up: wanted.up === link.up ? undefined : wanted.up,
    noArp: wanted.noArp === link.noArp ? undefined : wanted.noArp,
    address: wanted.address === link.address ? undefined : wanted.address,
    mtu: wanted.mtu === link.mtu ? undefined : wanted.mtu,
    master: wanted.master === link.master ? undefined : wanted.master,
    group: wanted.group === link.group ? undefined : wanted.group,
    alias: wanted.alias === link.alias ? undefined : wanted.alias,
    addressless6: wanted.addressless6 === link.addressless6 ? undefined : wanted.addressless6,
  };
  return Object.values(change).some((value) => value !== undefined) ? change : undefined;
}

/** One step for all that differs, and then for `extra`; none when nothing differs. */
export function changeSteps(subject: Subject, link: Link, wanted: LinkChange, extra: LinkChange = {}): Step[] {
  const change = differing(link, wanted);
  return change ? [{ op: 'change', subject, link: { ifindex: link.ifindex }, change: { ...change, ...extra } }] : [];
}

/** The largest MTU that every Ethernet device of the kernel's making takes. */
export const largestMtu = 65521;
const mtuRange = { min: 68, max: largestMtu } as const;

/**
 * An MTU that a device can be made with, and others can follow. One that is refused must not cost the port: it is asked
 * for on its own, once the device is there.
 */
export const takenMtu = (mtu: number | undefined): number | undefined =>
  mtu !== undefined && mtu >= mtuRange.min && mtu <= mtuRange.max ? mtu : undefined;

/** On its own: a device that refuses the MTU is a port all the same. */
export const mtuSteps = (name: string, mtu: number | undefined, link: Link): Step[] =>
  mtu === undefined ? [] : changeSteps({ port: name }, link, { mtu });

/**
 * What the switch calls the devices it makes, and how it marks them. The interface group says "the switch made this":
 * it is set in the message that creates a device, so that no crash leaves one unmarked. The alias says the same to
 * people, and stands in where somebody has changed the group. Devices that were there before keep both, and get an
 * alternative name instead, which is taken away again on release.
 */
import { createHash } from 'node:crypto';

/** Devices of this group (IFLA_GROUP) were made by the switch: "ovsw". */
export const ownedGroup = 0x6f767377;
/** Devices of this group are on their way out: those of `ownedGroup` are moved here and go in one message. */
export const doomedGroup = ownedGroup + 1;

const nameMax = 15;

/** `prefix` + `name`, shortened with a part of its hash where that is no name that a device may have. */
function derivedName(prefix: string, name: string): string {
  if (isDeviceName(prefix + name)) return prefix + name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 5);
  const room = nameMax - prefix.length - hash.length - 1;
  const start = Buffer.from(name)
    .subarray(0, room)
    .toString('latin1')
    .replace(/[^\x21-\x7e]|[/:%]/g, '_');
  return `${prefix}${start}-${hash}`;
}

/** The kernel bridge behind a bridge, such as `sw-br0`. */
export const bridgeDevice = (bridge: string): string => derivedName('sw-', bridge);
/** The end of an internal port's veth pair that is in the kernel bridge, such as `to-int0`. */
export const outerDevice = (port: string): string => derivedName('to-', port);

/** A patch port's end of its veth pair, which is in the kernel bridge. */
export const patchDevice = (port: string): string => derivedName('pa-', port);
/** The other end of its pair, while it has no peer. */
export const patchStub = (port: string): string => derivedName('pn-', port);
/** The kernel bond behind a port of several interfaces, such as `bo-bond0`. */
export const bondDevice = (port: string): string => derivedName('bo-', port);

/** A tunnel's device in the kernel bridge, and the other end where that is a veth pair's. */
export const tunnelDevice = (port: string): string => derivedName('tu-', port);
export const tunnelEnd = (port: string): string => derivedName('te-', port);

/** What `ip link` shows a person beside the devices that the switch made. */
export const bridgeAlias = (bridge: string): string => `Open vSwitch bridge ${bridge}`;
export const tunnelAlias = (device: string): string => `Open vSwitch port ${device} of all bridges`;
export const outerAlias = (port: string): string => `Open vSwitch port ${port}`;
export const bondAlias = (port: string): string => `Open vSwitch bond ${port}`;
const aliasPattern = /^Open vSwitch (bridge|port|tap|bond)\b/;

/** Whether a device's group or alias says that the switch made it. */
export const isOurs = (group: number, alias: string): boolean =>
  group === ownedGroup || group === doomedGroup || (alias !== '' && aliasPattern.test(alias));

/** The alternative name of a device that was there before it became a port. */
export const takenMark = (ifindex: number): string => `openvswitch.port.${ifindex}`;
/** The alternative name that remembers the MTU such a device had before `mtu_request` changed it. */
export const mtuMark = (ifindex: number, mtu: number): string => `openvswitch.mtu.${ifindex}.${mtu}`;
/** The alternative name that remembers that such a device was up before a bond took it, which leaves it down. */
export const upMark = (ifindex: number): string => `openvswitch.up.${ifindex}`;

const takenPattern = /^openvswitch\.port\.\d+$/;
const mtuPattern = /^openvswitch\.mtu\.\d+\.(\d+)$/;
const upPattern = /^openvswitch\.up\.\d+$/;

export interface Marks {
  readonly marks: readonly string[];
  /** The MTU it had. */
  readonly mtu: number | undefined;
  /** Whether it was up before a bond took it. */
  readonly wasUp: boolean;
}

/** Our marks among a device's alternative names, and what they remember. */
export function readMarks(altnames: readonly string[]): Marks {
  const marks = altnames.filter((name) => [takenPattern, mtuPattern, upPattern].some((pattern) => pattern.test(name)));
  const mtu = marks.map((mark) => mtuPattern.exec(mark)?.[1]).find((found) => found !== undefined);
  const wasUp = marks.some((mark) => upPattern.test(mark));
  return { marks, mtu: mtu === undefined ? undefined : Number(mtu), wasUp };
}

/** What `isDeviceName` asks for, in words. */
export const deviceNameRule =
  "a device name has at most 15 bytes, and no slash, colon, percent sign or white space; all and default are names of the kernel's own";

/** `all` and `default` stand for the settings of all devices under /proc/sys/net, where each device has a folder. */
const reservedNames: ReadonlySet<string> = new Set(['.', '..', 'all', 'default']);

/** Whether the kernel can make a device of that name: 1–15 bytes, no slash, colon, percent sign or white space. */
export function isDeviceName(name: string): boolean {
  const length = Buffer.byteLength(name);
  return length > 0 && length <= nameMax && !/[/:%\s\0]/.test(name) && !reservedNames.has(name);
}

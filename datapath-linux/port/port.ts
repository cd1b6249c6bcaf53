/** What every kind of port is to the switch. */
import type { BridgeRow, InterfaceRow, PortRow } from '../configuration.ts';
import type { DesiredBridge } from '../desired.ts';
import type { Device } from '../device.ts';
import { isOwned, type KernelState } from '../kernel.ts';
import { deviceNameRule } from '../names.ts';
import type { Link } from '../netlink/link.ts';
import type { Step } from '../step.ts';
import type { Accounts } from './tap-options.ts';

/** Circumstances that all ports of a bridge share. */
export interface PortContext {
  readonly bridge: DesiredBridge;
  readonly kernel: KernelState;
  /** The kernel bridge; it is there and ours. */
  readonly master: Link;
  readonly localAddress: string;
  /** The MTU that the bridge's internal ports followed when the kernel was last as desired. */
  readonly followed: number | undefined;
  readonly toFollow: number | undefined;
}

/**
 * A port as the rows ask for it. A kind of port is a class in a file of this folder, with everything there is to know
 * about it; none of its methods changes anything.
 */
export interface Port {
  readonly kind: string;
  readonly name: string;
  /** The bridge's own port, which bears its name. */
  readonly local: boolean;
  /** Its Port row; undefined for a bridge's own port that no row mentions. */
  readonly row: PortRow | undefined;
  /** The Interface rows that it realizes. */
  readonly interfaces: readonly InterfaceRow[];
  /** Open vSwitch has no network device for it: no MTU, speed or driver of ours is told. */
  readonly virtual?: boolean;
  /** What its status tells may change without a notice of the kernel about links. */
  readonly unannounced?: boolean;
  /** The name of its device in the kernel bridge. */
  readonly device: string;
  /** The names of the devices of our making that belong to it. */
  readonly owned: readonly string[];
  /** The names of devices that may have been there before, and bear our mark while they belong to it. */
  readonly taken: readonly string[];

  /** Whether a device of our making that has one of its names may stay as it is: else it is deleted, and made anew. */
  keeps(link: Link, kernel: KernelState): boolean;
  /** Why it cannot be in its bridge as the kernel is now, in one sentence. */
  obstacle(bridge: DesiredBridge, kernel: KernelState): string | undefined;
  /** What is not as asked for although the port works: a sentence for each interface concerned. */
  reservations?(bridge: DesiredBridge, kernel: KernelState): ReadonlyMap<string, string>;
  /**
   * The links that it depends on, once it is in its bridge; beside them only on its rows and what all ports of a bridge
   * share. Absent for ports that depend on more: they are looked at each time.
   */
  links?(kernel: KernelState): readonly (Link | undefined)[];
  /** What to do next for its devices; nothing when they are as desired. Called only when there is no obstacle. */
  steps(context: PortContext): Step[];
  /** The device of one of its interfaces that is in the bridge `master`. */
  locate(interfaceName: string, kernel: KernelState, master: Link): Device | undefined;
  /** The largest MTU it passes on, which the host's own ports follow; undefined if it is not for them to follow. */
  mtuLimit?(kernel: KernelState): number | undefined;
  /** The address of a physical device, which the bridge's own port bears too. */
  lentAddress?(kernel: KernelState): string | undefined;
  /** Keys of Interface.status beside those that the device's driver gives. */
  status?(interfaceName: string, device: Device): Readonly<Record<string, string>>;
}

/** What a port is built from. */
export interface BuildContext {
  readonly port: PortRow;
  readonly bridge: BridgeRow;
  /** All bridges, for ports that refer to others. */
  readonly bridges: readonly BridgeRow[];
  readonly accounts: Accounts;
}

/** The port, or why there can be none whatever the kernel looks like: one sentence for all its interfaces. */
export type Built = { readonly port: Port } | { readonly error: string };
export type Build = (row: InterfaceRow, context: BuildContext) => Built;

export const badName = (name: string): string =>
  `could not open network device ${name} (Invalid argument): ${deviceNameRule}`;

export const noSuchDevice = (name: string): string => `could not open network device ${name} (No such device)`;

/** Whose device it is that a port cannot have. The host's end of an internal port bears no sign of ours; its peer does. */
export function aboutOther(link: Link, kernel: KernelState): string {
  const peer = link.kind === 'veth' && link.linkNamespaceId === undefined ? kernel.at(link.link) : undefined;
  const ours = [link, peer].find((each) => each && isOwned(each));
  return ours
    ? `a device named ${link.name} is there that the switch made for something else (${ours.alias})`
    : `a device named ${link.name} is there that the switch did not make`;
}

/** What to say of a device that stands where a port's own should be. */
export const occupied = (name: string, link: Link, kernel: KernelState): string =>
  cannotAdd(name, 'File exists', aboutOther(link, kernel));

export const cannotAdd = (name: string, reason: string, explanation?: string): string =>
  `could not add network device ${name} to ofproto (${reason})${explanation === undefined ? '' : `: ${explanation}`}`;

/** What the columns of a Port ask of its bond (ovs-vswitchd.conf.db(5)), in the kernel's terms. Pure. */
import { clamp, integerOf } from '../integer.ts';
import { deviceAddress } from '../mac.ts';
import { type BondSettings, bondModes, hashPolicies } from '../netlink/bond.ts';
import type { RowView } from '../row-view.ts';

const bondModeNames = ['active-backup', 'balance-slb', 'balance-tcp'] as const;
export type BondMode = (typeof bondModeNames)[number];
export type Lacp = 'off' | 'active' | 'passive';

export interface BondOptions {
  readonly mode: BondMode;
  readonly lacp: Lacp;
  /** In milliseconds, as the kernel takes them: whole multiples of `miimon`. */
  readonly miimon: number;
  readonly updelay: number;
  readonly downdelay: number;
  /** The name of the member that is used whenever it works; of active-backup bonds without LACP. */
  readonly primary: string | undefined;
  readonly lacpFast: boolean;
  readonly systemAddress: string | undefined;
  readonly systemPriority: number;
  /** `mac` */
  readonly address: string | undefined;
  /** What cannot be had of a kernel bond, one sentence each. */
  readonly reservations: readonly string[];
  /** Values that are not understood and what is taken for them, one sentence each, for the log. */
  readonly remarks: readonly string[];
}

/** How often the kernel looks at the members' carriers, in milliseconds. */
const miimonDefault = 100;
const miimonMin = 10;
const delayMax = 60 * 60 * 1000;

/** A number of `other_config` in that range; others do not count. */
function integerIn(text: string | undefined, min: number, max: number): number | undefined {
  const value = integerOf(text);
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/** The kernel counts delays in looks at the carrier: it looks often enough for the delays to be as long as asked for. */
function timing(view: RowView, configured: ReadonlyMap<string, string>) {
  const delay = (column: string): number => clamp(view.integer(column) ?? 0, 0, delayMax);
  const [up, down] = [delay('bond_updelay'), delay('bond_downdelay')];
  const polled = configured.get('bond-detect-mode') === 'miimon';
  const interval = polled ? integerIn(configured.get('bond-miimon-interval'), 1, delayMax) : undefined;
  const base = Math.max(interval ?? (polled ? 200 : miimonDefault), miimonMin);
  const miimon = Math.max(greatestCommonDivisor(greatestCommonDivisor(base, up), down), miimonMin);
  const whole = (value: number): number => Math.floor(value / miimon) * miimon;
  return { miimon, updelay: whole(up), downdelay: whole(down) };
}

const isTrue = (text: string | undefined): boolean => text?.toLowerCase() === 'true';

/** Whether a Port is realized by a bond: it has several interfaces, or one that speaks LACP. */
export function asksForBond(view: RowView, interfaces: number): boolean {
  return interfaces > 1 || (interfaces === 1 && ['active', 'passive'].includes(view.text('lacp') ?? ''));
}

function parseMode(port: string, view: RowView, remarks: string[]): BondMode {
  const text = view.text('bond_mode');
  const mode = bondModeNames.find((name) => name === text);
  if (text !== undefined && mode === undefined) {
    remarks.push(`port ${port}: unknown bond_mode ${text}, defaulting to active-backup`);
  }
  return mode ?? 'active-backup';
}

function parseLacp(port: string, view: RowView, systemAddress: string | undefined, remarks: string[]): Lacp {
  const text = view.text('lacp');
  const lacp = (['off', 'active', 'passive'] as const).find((name) => name === text);
  if (text !== undefined && lacp === undefined) remarks.push(`port ${port}: unknown LACP mode ${text}`);
  if (lacp === undefined || lacp === 'off') return 'off';
  if (systemAddress === undefined) return lacp;
  if (/^0{2}(:0{2}){5}$/.test(systemAddress)) {
    remarks.push(`port ${port}: Invalid zero LACP system ID.`);
    return 'off';
  }
  if (deviceAddress(systemAddress) === undefined) {
    remarks.push(`port ${port}: LACP system ID (${systemAddress}) must be an Ethernet address.`);
    return 'off';
  }
  return lacp;
}

/** Keys that mean something for LACP and that the kernel decides by itself. */
const interfaceKeys = ['lacp-port-id', 'lacp-port-priority', 'lacp-aggregation-key'] as const;

function reservationsOf(view: RowView, lacp: Lacp, interfaces: readonly RowView[]): string[] {
  if (lacp === 'off') return [];
  const found: string[] = [];
  if (isTrue(view.map('other_config').get('lacp-fallback-ab'))) {
    found.push(
      'other_config:lacp-fallback-ab=true has no effect: a kernel bond without a LACP partner uses one of its members by itself',
    );
  }
  for (const key of interfaceKeys) {
    if (!interfaces.some((row) => row.map('other_config').has(key))) continue;
    found.push(`other_config:${key} has no effect: the kernel gives the members of a bond their LACP numbers itself`);
  }
  return found;
}

/** Reads the columns of a Port and of its interfaces; `port` is its name. */
export function parseBondOptions(port: string, view: RowView, interfaces: readonly RowView[]): BondOptions {
  const remarks: string[] = [];
  const configured = view.map('other_config');
  const detect = configured.get('bond-detect-mode');
  if (detect !== undefined && detect !== 'carrier' && detect !== 'miimon') {
    remarks.push(`port ${port}: unsupported bond-detect-mode ${detect}, defaulting to carrier`);
  }
  const systemAddress = configured.get('lacp-system-id');
  const mode = parseMode(port, view, remarks);
  const lacp = parseLacp(port, view, systemAddress, remarks);
  return {
    mode,
    lacp,
    ...timing(view, configured),
    primary: mode === 'active-backup' && lacp === 'off' ? configured.get('bond-primary') : undefined,
    lacpFast: configured.get('lacp-time')?.toLowerCase() === 'fast',
    systemAddress: deviceAddress(systemAddress),
    systemPriority:
      integerIn(configured.get('lacp-system-priority'), 1, 0xffff) ?? (interfaces.length > 1 ? 0xfffe : 0xffff),
    address: deviceAddress(view.text('mac')),
    reservations: reservationsOf(view, lacp, interfaces),
    remarks,
  };
}

/** With LACP the partner decides what is aggregated, whatever the mode. */
export function kernelMode({ mode, lacp }: Pick<BondOptions, 'mode' | 'lacp'>): number {
  if (lacp !== 'off') return bondModes.lacp;
  return mode === 'balance-slb' ? bondModes.balanceXor : bondModes.activeBackup;
}

const policies: Readonly<Record<BondMode, number>> = {
  'active-backup': hashPolicies.layer2,
  'balance-slb': hashPolicies.vlanSourceAddress,
  'balance-tcp': hashPolicies.layer34,
};

/**
 * The kernel's settings for a bond. `primary` is the preferred member's ifindex, if it is there; `systemAddress` is
 * for LACP, where the Port names none.
 */
export function bondSettings(options: BondOptions, primary: number | undefined, systemAddress: string): BondSettings {
  const mode = kernelMode(options);
  const { miimon, updelay, downdelay } = options;
  const timing = { mode, miimon, updelay, downdelay };
  if (mode === bondModes.activeBackup) return { ...timing, primary: primary ?? 0 };
  const hashPolicy = policies[options.mode];
  if (mode === bondModes.balanceXor) return { ...timing, hashPolicy };
  return {
    ...timing,
    hashPolicy,
    lacpRate: options.lacpFast ? 1 : 0,
    lacpActive: options.lacp === 'active' ? 1 : 0,
    systemPriority: options.systemPriority,
    systemAddress: options.systemAddress ?? systemAddress,
  };
}

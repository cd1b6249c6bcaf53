/** The options of a `type=tap` interface, and whether a tap in the kernel is as they say. */
import type { Link } from '../netlink/link.ts';

export interface TapOptions {
  /** The user or group that may open the tap; undefined: anyone with the right to /dev/net/tun. */
  readonly owner: number | undefined;
  readonly group: number | undefined;
  readonly multiQueue: boolean;
  readonly vnetHeader: boolean;
}

/** How names of users and groups become numbers; null for an unknown one. */
export interface Accounts {
  userId(name: string): number | null;
  groupId(name: string): number | null;
}

const idMax = 0xfffffffe;

type Parsed<T> = { readonly value: T } | { readonly error: string };

/** Bytes of a user's or group's name. */
const nameMax = 255;

function parseId(
  text: string | undefined,
  key: string,
  lookUp: (name: string) => number | null,
): Parsed<number | undefined> {
  if (text === undefined || text === '') return { value: undefined };
  if (/^\d+$/.test(text)) {
    return Number(text) <= idMax ? { value: Number(text) } : { error: `options:${key}=${text} is no valid id` };
  }
  const id = Buffer.byteLength(text) > nameMax ? null : lookUp(text);
  return id === null
    ? { error: `options:${key} names no ${key === 'owner' ? 'user' : 'group'} of this host: "${text}"` }
    : { value: id };
}

function parseBoolean(text: string | undefined, key: string): Parsed<boolean> {
  if (text === undefined || text === 'false') return { value: false };
  return text === 'true' ? { value: true } : { error: `options:${key} is neither true nor false: "${text}"` };
}

/** Reads `options` of an interface row; the first mistake comes back as one sentence. */
export function parseTapOptions(options: ReadonlyMap<string, string>, accounts: Accounts): Parsed<TapOptions> {
  const owner = parseId(options.get('owner'), 'owner', (name) => accounts.userId(name));
  if ('error' in owner) return owner;
  const group = parseId(options.get('group'), 'group', (name) => accounts.groupId(name));
  if ('error' in group) return group;
  const multiQueue = parseBoolean(options.get('multi_queue'), 'multi_queue');
  if ('error' in multiQueue) return multiQueue;
  const vnetHeader = parseBoolean(options.get('vnet_hdr'), 'vnet_hdr');
  if ('error' in vnetHeader) return vnetHeader;
  return {
    value: { owner: owner.value, group: group.value, multiQueue: multiQueue.value, vnetHeader: vnetHeader.value },
  };
}

const onOff = (on: boolean): string => (on ? 'on' : 'off');

/**
 * The ifalias of a tap with these options. It records how the tap was made: the kernel itself forgets vnet_hdr, which
 * is whatever the last program asked for.
 */
export function tapAlias({ owner, group, multiQueue, vnetHeader }: TapOptions): string {
  return `Open vSwitch tap: owner ${owner ?? 'any'}, group ${group ?? 'any'}, multi_queue ${onOff(multiQueue)}, vnet_hdr ${onOff(vnetHeader)}`;
}

/** Whether a tap can be opened as the options say, as far as the kernel tells. */
export function tapMatches(link: Link, { owner, group, multiQueue }: TapOptions): boolean {
  const { tun } = link;
  if (!tun?.tap) return false;
  return tun.owner === owner && tun.group === group && tun.multiQueue === multiQueue;
}

/** Whether some program has the tap open: single-queue taps then have a carrier, multi-queue ones count queues. */
export const isOpened = (link: Link): boolean => (link.tun?.multiQueue ? link.tun.queues > 0 : link.carrier);

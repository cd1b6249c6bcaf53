/**
 * Kernel notices about the links of a network namespace and their traffic control, in the order of the changes that they
 * tell of.
 */
import { native, WatchedDescriptor } from '../../native/index.ts';
import { readI32 } from './bytes.ts';
import { type Link, parseLink } from './link.ts';
import { type Message, messages } from './message.ts';

/**
 * What a notice tells. `uncertain`: something about the link has changed that the notice itself does not hold, such as
 * its part in a bridge. `lost`: some notices were dropped, so that nothing known is certain any more. `traffic`: queues
 * or filters have changed. A `link` is parsed when it is asked for.
 */
export type LinkNotice =
  | { readonly kind: 'changed'; readonly link: () => Link }
  | { readonly kind: 'gone' | 'uncertain'; readonly ifindex: number }
  | { readonly kind: 'lost' | 'traffic' };

const routeProtocol = 0;
/** RTNLGRP_* */
const groups = { link: 1, trafficControl: 4 } as const;
const types = { newLink: 16, deleteLink: 17 } as const;
/** Each is about 1.5 kB: some thousand changes at once fit. */
const receiveBuffer = 4 << 20;
const datagramsPerCall = 64;

/**
 * The kernel queues a notice before the request that caused the change is answered: what is read here after a request
 * tells of all that it did. It is silent about some changes of devices that are down, and of taps: see LinkTable.
 */
export class LinkEvents {
  readonly #descriptor: WatchedDescriptor;

  /**
   * Calls `wake` when notices are waiting; it must `take` them. `namespaceFd`: to listen in that network namespace
   * instead of this process's.
   */
  constructor(wake: () => void, namespaceFd = -1) {
    const fd = native().netlinkOpen(routeProtocol, namespaceFd, receiveBuffer);
    for (const group of Object.values(groups)) native().netlinkJoin(fd, group);
    this.#descriptor = new WatchedDescriptor(fd, wake);
  }

  /** The notices that are waiting; of several that tell what a link has become, the last one, in the end. */
  *take(): Generator<LinkNotice> {
    const changed = new Map<number, Message>();
    const uncertain = new Set<number>();
    for (;;) {
      const datagrams = this.#receive();
      if (datagrams?.length === 0) break;
      if (datagrams === undefined) yield { kind: 'lost' };
      for (const message of (datagrams ?? []).flatMap((datagram) => [...messages(datagram)])) {
        const notice = noticeOf(message);
        if (notice.kind === 'changed') {
          changed.set(notice.ifindex, message);
          // It tells all of the link, what was uncertain before among it.
          uncertain.delete(notice.ifindex);
        } else if (notice.kind === 'uncertain') uncertain.add(notice.ifindex);
        else {
          if (notice.kind === 'gone') changed.delete(notice.ifindex);
          yield notice;
        }
      }
    }
    for (const ifindex of uncertain) yield { kind: 'uncertain', ifindex };
    for (const message of changed.values()) yield { kind: 'changed', link: () => parseLink(message) };
  }

  close(): void {
    this.#descriptor.close();
  }

  /** undefined: the buffer was full, and the kernel has dropped some. */
  #receive(): Buffer[] | undefined {
    try {
      return native().netlinkReceive(this.#descriptor.fd, datagramsPerCall);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOBUFS') return undefined;
      throw error;
    }
  }
}

interface Changed {
  readonly kind: 'changed';
  readonly ifindex: number;
}

/**
 * Bridges, and IPv6, tell of their part of a link in messages of the same types, which differ in the family alone
 * (struct ifinfomsg: u8 family, pad, u16 type, i32 index): RTM_DELLINK of the bridge family is a port that leaves.
 */
function noticeOf(message: Message): Exclude<LinkNotice, { kind: 'changed' }> | Changed {
  const { data, start, end, type } = message;
  if ((type !== types.newLink && type !== types.deleteLink) || end - start < 16) return { kind: 'traffic' };
  const ifindex = readI32(data, start + 4);
  if (data.readUInt8(start) !== 0) return { kind: 'uncertain', ifindex };
  return { kind: type === types.newLink ? 'changed' : 'gone', ifindex };
}

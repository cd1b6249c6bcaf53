/**
 * Kernel notices about links and their traffic control. They only say "look": what has changed is found by looking, so a lost
 * notice (ENOBUFS) is as good as a received one.
 */
import { native, WatchedDescriptor } from '../../native/index.ts';

const routeProtocol = 0;
/** RTNLGRP_* */
const groups = { link: 1, trafficControl: 4 } as const;
const receiveBuffer = 1 << 20;
const datagramsPerCall = 64;

export class LinkEvents {
  readonly #descriptor: WatchedDescriptor;

  /** Calls `look` when links of this network namespace have changed, or their queues and filters; many changes may come as one call. */
  constructor(look: () => void) {
    const fd = native().netlinkOpen(routeProtocol, -1, receiveBuffer);
    for (const group of Object.values(groups)) native().netlinkJoin(fd, group);
    this.#descriptor = new WatchedDescriptor(fd, () => {
      this.drain();
      look();
    });
  }

  /** Forgets the notices that are waiting, before a look that will see what they are about. */
  drain(): void {
    for (;;) {
      try {
        if (native().netlinkReceive(this.#descriptor.fd, datagramsPerCall).length === 0) return;
      } catch (error) {
        if (!isOverrun(error)) throw error;
      }
    }
  }

  close(): void {
    this.#descriptor.close();
  }
}

const isOverrun = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOBUFS';

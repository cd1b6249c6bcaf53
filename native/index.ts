/**
 * The typed face of the native helper (the `*.c` beside this). Every call throws an Error with `code` ('EEXIST'),
 * `errno` (-17) and `syscall` when the kernel refuses, and a TypeError when an argument is out of range.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Opaque: what `watch()` returned. */
interface WatcherHandle {
  readonly watcher: unique symbol;
}

/** The verbs of the native helper; descriptors are plain numbers. */
export interface Native {
  /** Closes a descriptor that another verb returned. */
  close(fd: number): undefined;
  /** A netlink socket, bound, with extended ACKs and strict checking. `namespaceFd` (or -1): open in that network
   *  namespace, which needs CAP_SYS_ADMIN. `receiveBuffer` in bytes, 0 for the system's default. */
  netlinkOpen(protocol: number, namespaceFd: number, receiveBuffer: number): number;
  /** A descriptor of a new and empty network namespace, which is gone when the last descriptor is closed. Needs
   *  CAP_SYS_ADMIN. */
  namespaceCreate(): number;
  /** Joins a multicast group by its number (RTNLGRP_*). */
  netlinkJoin(fd: number, group: number): undefined;
  /** At most `limit` datagrams that came from the kernel; an empty array when none is waiting. ENOBUFS: some were
   *  dropped. */
  netlinkReceive(fd: number, limit: number): Buffer[];
  /** Sends one datagram; netlink requests have been carried out when it returns. */
  send(fd: number, datagram: Buffer): undefined;
  /** Attaches to a tap, or creates it for as long as the descriptor is open. `flags` are the IFF_* of linux/if_tun.h;
   *  owner and group are ids, or -1 for none. */
  tapOpen(name: string, flags: number, owner: number, group: number): number;
  /** Lets the tap outlive its descriptors. */
  tapPersist(fd: number): undefined;
  /** The IFF_* flags of the tap behind a descriptor. */
  tapFlags(fd: number): number;
  /** A packet socket that sends and receives whole Ethernet frames of one device. */
  packetOpen(ifindex: number, receiveBuffer: number): number;
  /** At most `limit` frames waiting on a tap or packet socket. */
  readFrames(fd: number, limit: number): Buffer[];
  /** Writes one frame to a tap or packet socket. */
  writeFrame(fd: number, frame: Buffer): undefined;
  /** ETHTOOL_GDRVINFO or ETHTOOL_GLINKSETTINGS of a device; the answer replaces the Buffer's contents. */
  ethtool(name: string, structure: Buffer): undefined;
  /** Loads a BPF program for tc (BPF_PROG_TYPE_SCHED_CLS) of 8-byte instructions; needs CAP_BPF. The program is gone
   *  when its descriptor is closed and no filter refers to it. */
  programLoad(name: string, instructions: Buffer): number;
  /** A BPF map with one value of `size` bytes for each processor (a BPF_MAP_TYPE_PERCPU_ARRAY of one entry), all 0. */
  counterCreate(name: string, size: number): number;
  /** The map of a program in the kernel, by the program's id; ENOENT when it has none. */
  counterOf(programId: number): number;
  /** The values of a map that `counterCreate` made with that size, those of all processors one after the other. */
  counterRead(fd: number, size: number): Buffer;
  /** Takes an fcntl() write lock on the whole file, false if another process holds one. The lock is lost when this
   *  process closes *any* descriptor of that file. */
  lockFile(fd: number): boolean;
  /** The pid of another process that holds an fcntl() lock on the file, or null. */
  lockHolder(fd: number): number | null;
  /** `target` becomes another descriptor of the same open file; what it was is closed. */
  duplicate(fd: number, target: number): undefined;
  /** The name of this process in /proc/PID/comm; the kernel keeps 15 bytes of it. */
  setName(name: string): undefined;
  /** A unix datagram socket that sends to that path, such as /dev/log. It does not block: EAGAIN when the reader is
   *  behind. */
  datagramOpen(path: string): number;
  userId(name: string): number | null;
  groupId(name: string): number | null;
  /** The id of the user's own group. */
  userGroup(name: string): number | null;
  /** This process gets the groups of that user, and that one. */
  joinGroups(user: string, group: number): undefined;
  /** The next change of user leaves this thread what it is permitted; it must be raised again. */
  keepCapabilities(): undefined;
  /** This thread, and the programs it starts, have those of these capabilities (bits `1 << CAP_*`) that are permitted,
   *  and no others. */
  raiseCapabilities(mask: number): undefined;
  /** Blocks until the descriptor is readable or the time is over, and says which. */
  waitReadable(fd: number, milliseconds: number): boolean;
  /** Calls back each time the descriptor is readable, with 0 or a negative errno. Keeps the process alive. */
  watch(fd: number, callback: (status: number) => void): WatcherHandle;
  /** Ends a watch; to be called before the descriptor is closed. */
  watcherClose(watcher: WatcherHandle): undefined;
}

function load(): Native {
  const path = fileURLToPath(new URL('../../native/build/Release/vswitch.node', import.meta.url));
  try {
    return createRequire(import.meta.url)(path);
  } catch (cause) {
    throw new Error(`the native helper is not built (${path}): run \`npm run install\` in the vswitch folder`, {
      cause,
    });
  }
}

/** Loaded on first use, so that programs which need no kernel access run without it. */
let loaded: Native | undefined;
export function native(): Native {
  loaded ??= load();
  return loaded;
}

/** A descriptor that calls back while it is readable, until closed together with its watch. */
export class WatchedDescriptor {
  readonly fd: number;
  readonly #watcher: WatcherHandle;
  #open = true;

  constructor(fd: number, onReadable: (status: number) => void) {
    this.fd = fd;
    this.#watcher = native().watch(fd, onReadable);
  }

  /** Ends the watch and closes the descriptor; may be called twice. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    native().watcherClose(this.#watcher);
    native().close(this.fd);
  }
}

/** What bridges have snooped of multicast groups and routers (RTM_NEWMDB: struct br_port_msg, then MDBA_*). */
import { type Payload, readWith, u32, visitAttributes } from './attribute.ts';
import { readU16, readU32, writeU32 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';
import { MessageBuilder } from './message.ts';

export interface MulticastMember {
  /** The port that wants what is sent to the group. */
  readonly ifindex: number;
  readonly vlan: number;
  /** An IPv4 or IPv6 address, or an Ethernet one. */
  readonly group: string;
  /** In seconds: how long the membership still lasts; undefined for one that does not end. */
  readonly remaining: number | undefined;
  /** The struct br_mdb_entry. */
  readonly entry: Buffer;
}
export interface MulticastRouter {
  readonly ifindex: number;
  readonly remaining: number | undefined;
}
export interface Multicast {
  readonly bridge: number;
  readonly members: readonly MulticastMember[];
  readonly routers: readonly MulticastRouter[];
}

const portMessageLength = 8;
const entryLength = 28;
const protocols = { ipv4: 0x0800, ipv6: 0x86dd } as const;

/** Of struct br_mdb_entry: u32 ifindex, u8 state, u8 flags, u16 vid, 16 bytes of address, be16 protocol, pad. */
function groupOf(data: Buffer, at: number): string {
  const address = data.subarray(at + 8, at + 24);
  const protocol = data.readUInt16BE(at + 24);
  if (protocol === protocols.ipv4) return address.subarray(0, 4).join('.');
  const hex = address.toString('hex');
  if (protocol === protocols.ipv6) return shortened(hex.match(/.{4}/g) ?? []);
  return (hex.slice(0, 12).match(/../g) ?? []).join(':');
}

/** RFC 5952: no leading zeros, and the longest run of two or more zeros as `::`. */
function shortened(groups: readonly string[]): string {
  const text = groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':');
  const runs = [...text.matchAll(/(?<=^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length);
  const [run] = runs;
  if (!run) return text;
  const before = text.slice(0, run.index).replace(/:$/, '');
  const after = text.slice(run.index + run[0].length).replace(/^:/, '');
  return `${before}::${after}`;
}

/** Hundredths of a second; 0 for what does not end. */
const seconds = (hundredths: number): number | undefined =>
  hundredths === 0 ? undefined : Math.floor(hundredths / 100);

function timerIn(payload: Payload): number {
  let timer = 0;
  readWith({}, payload, { 1: (_, value) => (timer = u32(value)) });
  return timer;
}

function readMember({ data, start, end }: Payload): MulticastMember {
  if (end - start < entryLength) throw new NetlinkFormatError(`br_mdb_entry of ${end - start} bytes`);
  return {
    ifindex: readU32(data, start),
    vlan: readU16(data, start + 6) & 0xfff,
    group: groupOf(data, start),
    remaining: seconds(timerIn({ data, start: start + entryLength, end })),
    entry: Buffer.from(data.subarray(start, start + entryLength)),
  };
}

/** MDBA_MDB holds MDBA_MDB_ENTRY, each with several MDBA_MDB_ENTRY_INFO; MDBA_ROUTER holds MDBA_ROUTER_PORT: all are 1. */
export function parseMulticast({ data, start, end }: Payload): Multicast {
  if (end - start < portMessageLength) throw new NetlinkFormatError(`br_port_msg of ${end - start} bytes`);
  const members: MulticastMember[] = [];
  const routers: MulticastRouter[] = [];
  visitAttributes({ data, start: start + portMessageLength, end }, (type, list) => {
    visitAttributes(list, (_, item) => {
      if (type === 1) visitAttributes(item, (_info, value) => members.push(readMember(value)));
      if (type !== 2) return;
      const timer = timerIn({ ...item, start: item.start + 4 });
      routers.push({ ifindex: u32(item), remaining: seconds(timer) });
    });
  });
  return { bridge: readU32(data, start + 4), members, routers };
}

const types = { deleteMulticast: 85, getMulticast: 86 } as const;
const bridgeFamily = 7;

/** struct br_port_msg: u8 family, pad, u32 ifindex. */
const brPortMessage = (ifindex: number): Buffer => {
  const fixed = Buffer.alloc(8);
  fixed.writeUInt8(bridgeFamily, 0);
  writeU32(fixed, ifindex, 4);
  return fixed;
};

/** The groups and routers that all bridges have snooped. */
export const dumpMulticast = (): Buffer => new MessageBuilder(types.getMulticast, 0, brPortMessage(0)).build();

/** `entry`: a struct br_mdb_entry, as the dump gives it. */
export const deleteMulticast = (bridge: number, entry: Buffer): Buffer =>
  new MessageBuilder(types.deleteMulticast, 0, brPortMessage(bridge)).bytes(1, entry).build();

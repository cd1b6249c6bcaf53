/** IP addresses as text, and as the kernel has them. */
import { isIP } from 'node:net';
import { readU32 } from './bytes.ts';

/** 4, 6, or 0 for what is no address. A zone (`%eth0`) makes an address one of a link, not of a host. */
export function ipVersion(text: string): 0 | 4 | 6 {
  const version = text.includes('%') ? 0 : isIP(text);
  return version === 4 || version === 6 ? version : 0;
}

/** The 16-bit groups of an IPv6 address; an IPv4 address at its end gives two. */
function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

/** The 4 or 16 bytes of an address in network order. @throws TypeError for what is none */
export function ipBytes(address: string): Buffer {
  const version = ipVersion(address);
  if (version === 0) throw new TypeError(`${address} is no IP address`);
  if (version === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const [first, last] = [groupsOf(head), groupsOf(tail ?? '')];
  const bytes = Buffer.alloc(16);
  [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last].forEach((group, index) => {
    bytes.writeUInt16BE(group, index * 2);
  });
  return bytes;
}

/** The same address as the kernel prints it: two texts of one address become alike. */
export function canonicalAddress(address: string): string {
  const bytes = ipBytes(address);
  return bytes.length === 4 ? [...bytes].join('.') : bytes.toString('hex').replace(/....(?!$)/g, '$&:');
}

const mappedPrefix = '00000000000000000000ffff';

/** An IPv6 address of ::ffff:0:0/96 as the IPv4 address that it stands for; others as they are. */
export function unmapped(address: string): string {
  const bytes = ipBytes(address);
  const isMapped = bytes.length === 16 && bytes.toString('hex', 0, 12) === mappedPrefix;
  return isMapped ? [...bytes.subarray(12)].join('.') : address;
}

/** Multicast addresses: 224.0.0.0/4 and ff00::/8. */
export function isMulticast(address: string): boolean {
  const [first = 0] = ipBytes(address);
  return ipVersion(address) === 4 ? first >> 4 === 0xe : first === 0xff;
}

/** 0.0.0.0 and ::, which stand for no address at all. */
export const isUnspecified = (address: string): boolean => ipBytes(address).every((byte) => byte === 0);

/** Whether a host can have the address: what is in 0.0.0.0/8, or is broadcast, multicast or unspecified, is none's. */
export function isHostAddress(address: string): boolean {
  if (isUnspecified(address) || isMulticast(address)) return false;
  const bytes = ipBytes(address);
  return bytes.length === 16 || (bytes[0] !== 0 && bytes.some((byte) => byte !== 0xff));
}

/**
 * The address as struct bpf_tunnel_key has it: an IPv4 address is a number in the byte order of this machine, an IPv6
 * address four words in network order.
 */
export function wordsOf(address: string): readonly number[] {
  const bytes = ipBytes(address);
  if (bytes.length === 4) return [bytes.readUInt32BE(0)];
  return [0, 4, 8, 12].map((at) => readU32(bytes, at));
}

/**
 * The programs of tunnels that share one kernel device, which knows neither peers nor keys: on the way out a program
 * tells it both for each frame, on the way in one finds the tunnel that a frame came through. Frames of no tunnel of
 * ours are dropped, as Open vSwitch does. Pure.
 */
import { readU16 } from '../netlink/bytes.ts';
import { ipVersion, wordsOf } from '../netlink/ip-address.ts';
import type { Packets } from '../netlink/tunnel.ts';
import { Assembler, frame, type Program, verdicts } from './assembler.ts';

/** How frames go out through one tunnel. */
export interface Encapsulation extends Packets {
  /** The shared device. */
  readonly device: number;
  readonly key: number;
  /** The firewall mark of the packets that carry the frames. */
  readonly mark: number | undefined;
  /** Whether the device knows group policy IDs. */
  readonly groupPolicy: boolean;
}

/** Which frames came through one tunnel. */
export interface Arrival {
  readonly remote: string;
  /** undefined: any */
  readonly local: string | undefined;
  readonly key: number;
  /** The device that gets them. */
  readonly device: number;
}

/** struct bpf_tunnel_key of linux/bpf.h, at the end of the stack; without `local` on kernels before 6.0. */
const key = { id: -48, remote: -44, tos: -28, ttl: -27, local: -20 } as const;
const keyLength = { withoutLocal: 28, full: 44 } as const;
const scratch = -56;
const tunnelFlags = { ipv6: 1, zeroChecksum: 2, dontFragment: 4 } as const;
const defaultTtl = 64;
const ethernetLength = 14;

/** In network byte order, as the frame carries it and the program's machine reads it. */
const networkOrder = (value: number): number => readU16(Buffer.from([value >> 8, value & 0xff]), 0);
const protocols = { ipv4: networkOrder(0x0800), ipv6: networkOrder(0x86dd) } as const;

function clearKey(program: Assembler): void {
  for (let at = key.id; at < 0; at += 8) program.storeConstant(8, 10, at, 0);
}

function storeAddress(program: Assembler, offset: number, address: string): void {
  wordsOf(address).forEach((word, index) => {
    program.storeConstant(4, 10, offset + index * 4, word);
  });
}

/** One byte of the frame into r2; another filter or none decides when the frame is too short for it. */
function loadByte(program: Assembler, offset: number): void {
  program
    .copy(1, 6)
    .set(2, offset)
    .copy(3, 10)
    .compute(3, '+', scratch)
    .set(4, 1)
    .call('loadBytes')
    .load(1, 2, 10, scratch);
}

/** Puts the frame's own TOS and TTL into the key where the tunnel inherits them. */
function inherit(program: Assembler, { tos, ttl }: Encapsulation): void {
  if (tos !== 'inherit' && ttl !== 'inherit') return;
  const take = (offset: number, at: number): void => {
    loadByte(program, offset);
    program.store(1, 10, at, 2);
  };
  program.storeConstant(1, 10, scratch, 0).load(4, 7, 6, frame.protocol);
  program.when(7, '==', protocols.ipv6, 'ipv6').when(7, '!=', protocols.ipv4, 'no-ip');
  if (tos === 'inherit') take(ethernetLength + 1, key.tos);
  if (ttl === 'inherit') take(ethernetLength + 8, key.ttl);
  program.goto('no-ip').label('ipv6');
  if (tos === 'inherit') {
    // The traffic class is the lower half of the first byte and the upper half of the second.
    loadByte(program, ethernetLength);
    program.copy(7, 2).compute(7, '&', 0x0f).compute(7, '<<', 4);
    loadByte(program, ethernetLength + 1);
    program.compute(2, '>>', 4).combine(7, '|', 2).store(1, 10, key.tos, 7);
  }
  if (ttl === 'inherit') take(ethernetLength + 7, key.ttl);
  program.label('no-ip');
}

/** Without any the kernel would send whatever happens to be in its memory; 0 is none. */
function clearGroupPolicy(program: Assembler): void {
  program.storeConstant(4, 10, scratch, 0).copy(1, 6).copy(2, 10).compute(2, '+', scratch).set(3, 4);
  program.call('tunnelOptionsSet').when(0, '!=', 0, 'drop');
}

/** Sends every frame that it sees through a tunnel. */
export function encapsulate(tunnel: Encapsulation): Program {
  const { device, remote, local, tos, ttl, mark } = tunnel;
  const program = new Assembler().copy(6, 1);
  clearKey(program);
  program.storeConstant(4, 10, key.id, tunnel.key);
  storeAddress(program, key.remote, remote);
  if (local !== undefined) storeAddress(program, key.local, local);
  program.storeConstant(1, 10, key.tos, tos === 'inherit' ? 0 : tos);
  program.storeConstant(1, 10, key.ttl, ttl === 'inherit' ? defaultTtl : ttl);
  inherit(program, tunnel);
  const flags =
    (ipVersion(remote) === 6 ? tunnelFlags.ipv6 : 0) |
    (tunnel.checksum ? 0 : tunnelFlags.zeroChecksum) |
    (tunnel.dontFragment ? tunnelFlags.dontFragment : 0);
  program
    .copy(1, 6)
    .copy(2, 10)
    .compute(2, '+', key.id)
    .set(3, local === undefined ? keyLength.withoutLocal : keyLength.full)
    .set(4, flags)
    .call('tunnelKeySet')
    .when(0, '!=', 0, 'drop');
  if (tunnel.groupPolicy) clearGroupPolicy(program);
  if (mark !== undefined) program.set(1, mark).store(4, 6, frame.mark, 1);
  return program.set(1, device).set(2, 0).call('redirect').exit().label('drop').exit(verdicts.drop).assemble();
}

/** Gives the packets that will carry frames a firewall mark, which they keep from the frame. */
export const markFrames = (mark: number): Program =>
  new Assembler().set(2, mark).store(4, 1, frame.mark, 2).exit(verdicts.next).assemble();

/** Reads the key of the frame, or goes on at `otherwise` if it came over the other version of IP. */
function readKey(program: Assembler, version: 4 | 6, length: number, otherwise: string): void {
  clearKey(program);
  program
    .copy(1, 6)
    .copy(2, 10)
    .compute(2, '+', key.id)
    .set(3, length)
    .set(4, version === 6 ? tunnelFlags.ipv6 : 0)
    .call('tunnelKeyGet')
    .when(0, '!=', 0, otherwise);
}

function compareAddress(program: Assembler, offset: number, address: string, otherwise: string): void {
  wordsOf(address).forEach((word, index) => {
    program.load(4, 2, 10, offset + index * 4).when(2, '!=', word, otherwise);
  });
}

/** The more particular come first: a tunnel with a local address before one that takes any. */
const byParticularity = (a: Arrival, b: Arrival): number =>
  Number(a.local === undefined) - Number(b.local === undefined);

/** Sends each frame to the device of the tunnel that it came through. */
export function decapsulate(arrivals: readonly Arrival[]): Program {
  const program = new Assembler().copy(6, 1);
  const length = arrivals.some(({ local }) => local !== undefined) ? keyLength.full : keyLength.withoutLocal;
  for (const version of [4, 6] as const) {
    const otherwise = version === 4 ? 'ipv6' : 'drop';
    readKey(program, version, length, otherwise);
    for (const { remote, local, key: id, device } of arrivals
      .filter((arrival) => ipVersion(arrival.remote) === version)
      .sort(byParticularity)) {
      const next = program.unique('next');
      program.load(4, 2, 10, key.id).when(2, '!=', id, next);
      compareAddress(program, key.remote, remote, next);
      if (local !== undefined) compareAddress(program, key.local, local, next);
      program.set(1, device).set(2, 0).call('redirect').exit().label(next);
    }
    if (version === 4) program.goto('drop').label('ipv6');
  }
  return program.label('drop').exit(verdicts.drop).assemble();
}

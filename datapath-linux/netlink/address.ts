/** Addresses of devices as rtnetlink describes them (RTM_NEWADDR: struct ifaddrmsg, then IFA_*). */
import { type Payload, visitAttributes } from './attribute.ts';
import { readU32 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';
import { MessageBuilder } from './message.ts';

export interface Address {
  readonly ifindex: number;
  readonly family: 'inet' | 'inet6';
  /** '10.0.0.1' or 'fe80:0:0:0:0:0:0:1' */
  readonly address: string;
  readonly prefixLength: number;
  /** Link-local addresses come by themselves; wider ones somebody has set. */
  readonly linkLocal: boolean;
}

const ifaddrmsgLength = 8;
const scopeLink = 253;
const families = { 2: 'inet', 10: 'inet6' } as const;
const attributes = { address: 1, local: 2 } as const;

function inetText({ data, start, end }: Payload): string {
  return data.subarray(start, end).join('.');
}

function inet6Text({ data, start, end }: Payload): string {
  const groups: string[] = [];
  for (let at = start; at + 2 <= end; at += 2) groups.push(data.readUInt16BE(at).toString(16));
  return groups.join(':');
}

/** The address in an RTM_NEWADDR message; undefined for families other than IPv4 and IPv6. */
export function parseAddress({ data, start, end }: Payload): Address | undefined {
  if (end - start < ifaddrmsgLength) throw new NetlinkFormatError(`ifaddrmsg of ${end - start} bytes`);
  const number = data.readUInt8(start);
  if (number !== 2 && number !== 10) return undefined;
  const family = families[number];
  const print = family === 'inet' ? inetText : inet6Text;
  const found = new Map<number, string>();
  visitAttributes({ data, start: start + ifaddrmsgLength, end }, (type, value) => {
    if (type === attributes.address || type === attributes.local) found.set(type, print(value));
  });
  return {
    ifindex: readU32(data, start + 4),
    family,
    // On point-to-point links IFA_ADDRESS is the other end's.
    address: found.get(attributes.local) ?? found.get(attributes.address) ?? '',
    prefixLength: data.readUInt8(start + 1),
    linkLocal: data.readUInt8(start + 3) === scopeLink,
  };
}

const getAddressType = 22;

/** The IP addresses of all devices. */
export function dumpAddresses(): Buffer {
  return new MessageBuilder(getAddressType, 0, Buffer.alloc(8)).build();
}

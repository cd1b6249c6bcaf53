/** The options of tunnel interfaces: read as the C daemon reads them, with its words for what is wrong. Pure. */
import type { InterfaceRow } from '../configuration.ts';
import {
  canonicalAddress,
  ipVersion,
  isHostAddress,
  isMulticast,
  isUnspecified,
  unmapped,
} from '../netlink/ip-address.ts';
import type { Packets } from '../netlink/tunnel.ts';

export const tunnelTypes = ['geneve', 'gre', 'vxlan'] as const;
export type TunnelType = (typeof tunnelTypes)[number];

export interface TunnelOptions extends Packets {
  readonly type: TunnelType;
  /** undefined: none given, which for GRE is not the same as 0 on the wire. */
  readonly inKey: number | undefined;
  readonly outKey: number | undefined;
  /** UDP port; 0 for GRE. */
  readonly port: number;
  /** Firewall mark of the packets that carry the frames. */
  readonly mark: number | undefined;
  /** VXLAN with group policy IDs. */
  readonly groupPolicy: boolean;
}

/** `remarks`: what is not as asked for although the tunnel works, a sentence each. */
export type ParsedTunnel =
  | { readonly options: TunnelOptions; readonly remarks: readonly string[] }
  | { readonly error: string };

const defaultPorts = { geneve: 6081, gre: 0, vxlan: 4789 } as const;
const keyMax = { geneve: 0xffffff, gre: 0xffffffff, vxlan: 0xffffff } as const;
const defaultTtl = 64;
const dscpMask = 0xfc;

const commonOptions = [
  'remote_ip',
  'local_ip',
  'key',
  'in_key',
  'out_key',
  'tos',
  'ttl',
  'df_default',
  'csum',
  'egress_pkt_mark',
];
const knownOptions: Readonly<Record<TunnelType, ReadonlySet<string>>> = {
  geneve: new Set([...commonOptions, 'dst_port']),
  gre: new Set(commonOptions),
  vxlan: new Set([...commonOptions, 'dst_port', 'exts']),
};

/** As strtoull() with base 0 reads it: decimal, or with 0x hexadecimal, or with 0 octal. */
function parseNumber(text: string, max: number): number | undefined {
  const octal = /^0[0-7]+$/.exec(text);
  const isNumber = octal !== null || /^(0x[0-9a-f]+|0|[1-9]\d*)$/i.test(text);
  const value = isNumber ? Number(octal ? `0o${text}` : text) : Number.NaN;
  return value <= max ? value : undefined;
}

/** The address that a text gives; an IPv4 address in the clothes of IPv6 is one of IPv4, as for the C daemon. */
const addressOf = (text: string | undefined): string | undefined =>
  text === undefined || ipVersion(text) === 0 ? undefined : unmapped(text);

/** The addresses, or why they cannot be a tunnel's, and what is only remarked. */
function readAddresses({ name, options }: InterfaceRow, type: string) {
  const [remoteText, localText] = [options.get('remote_ip'), options.get('local_ip')];
  const [remote, local] = [addressOf(remoteText), addressOf(localText)];
  const remarks: string[] = [];
  if (localText !== undefined && local === undefined) remarks.push(`${name}: bad ${type} 'local_ip'`);
  // The kernel takes an unspecified one for none.
  const given = local === undefined || isUnspecified(local) ? undefined : local;
  if (given !== undefined) remarks.push(...strangeAddress(name, 'local_ip', given));
  let error: string | undefined;
  const required = `${name}: ${type} type requires valid 'remote_ip' argument`;
  if (remoteText === undefined) error = required;
  else if (remoteText === 'flow' || localText === 'flow') {
    error = needsOpenFlow(name, 'remote_ip=flow and local_ip=flow');
  } else if (remote === undefined) error = `${name}: bad ${type} 'remote_ip'\n${required}`;
  // A kernel's device without one takes packets from anybody.
  else if (isUnspecified(remote)) error = required;
  else if (isMulticast(remote)) error = `${name}: multicast remote_ip=${remote} not allowed`;
  else if (local !== undefined && ipVersion(remote) !== ipVersion(local)) {
    error = `${name}: 'remote_ip' and 'local_ip' has to be of the same address family`;
  } else remarks.push(...strangeAddress(name, 'remote_ip', remote));
  return { remarks, error, remote: remote ?? '', local: given };
}

/** The C daemon takes any address for one that packets can come from. */
const strangeAddress = (name: string, option: string, address: string): string[] =>
  isHostAddress(address) ? [] : [`${name}: ${option}=${address} is the address of no host: nothing gets through`];

const needsOpenFlow = (name: string, what: string): string =>
  `${name}: ${what} leave the choice to OpenFlow, which is not provided; give a fixed value`;

/** A key of one direction, or a sentence. */
function parseKey(row: InterfaceRow, type: TunnelType, direction: 'in_key' | 'out_key') {
  const option = row.options.has(direction) ? direction : 'key';
  const text = row.options.get(option);
  if (text === undefined) return { value: undefined };
  if (text === 'flow') return { error: needsOpenFlow(row.name, `key=flow, in_key=flow and out_key=flow`) };
  const value = parseNumber(text, keyMax[type]);
  return value === undefined
    ? { error: `${row.name}: bad ${type} '${option}': "${text}" is no number from 0 to ${keyMax[type]}` }
    : { value };
}

function parseTos(text: string | undefined, name: string, remarks: string[]): number | 'inherit' {
  if (text === undefined || text === 'inherit') return text ?? 0;
  const value = parseNumber(text, 0xff);
  if (value !== undefined && (value & ~dscpMask) === 0) return value;
  remarks.push(`${name}: invalid TOS ${text}`);
  return 0;
}

function parseTtl(text: string | undefined, name: string, remarks: string[]): number | 'inherit' {
  if (text === undefined || text === 'inherit') return text ?? defaultTtl;
  const value = parseNumber(text, 0xff);
  if (value !== undefined && value > 0) return value;
  remarks.push(`${name}: invalid TTL ${text}`);
  return defaultTtl;
}

function parseMark(text: string | undefined, name: string, remarks: string[]): number | undefined {
  if (text === undefined) return undefined;
  const value = parseNumber(text, 0xffffffff);
  if (value === undefined) remarks.push(`${name}: invalid egress_pkt_mark ${text}`);
  return value;
}

function parsePort(text: string | undefined, type: TunnelType, name: string, remarks: string[]): number {
  if (text === undefined || defaultPorts[type] === 0) return defaultPorts[type];
  const value = parseNumber(text, 0xffff);
  if (value !== undefined && value > 0) return value;
  remarks.push(`${name}: bad ${type} 'dst_port'`);
  return defaultPorts[type];
}

function parseExtensions(text: string | undefined, name: string, remarks: string[]): boolean {
  const extensions = text === undefined ? [] : text.split(',');
  for (const each of extensions) if (each !== 'gbp') remarks.push(`${name}: unknown extension '${each}'`);
  return extensions.includes('gbp');
}

/** Frames over IP are what all tunnels carry; other values ask for tunnels of bare IP packets. */
function packetTypeError({ name, options }: InterfaceRow): string | undefined {
  const type = options.get('packet_type');
  if (type === undefined || type === 'legacy_l2') return undefined;
  return `${name}: packet_type=${type} is not provided: tunnels carry Ethernet frames`;
}

/** Reads the options of a tunnel's row. `type` is what the messages call it. */
export function parseTunnel(row: InterfaceRow, type: TunnelType): ParsedTunnel {
  const { name, options } = row;
  const { remarks, error: addressError, remote: remoteAddress, local } = readAddresses(row, type);
  const inKey = parseKey(row, type, 'in_key');
  const outKey = parseKey(row, type, 'out_key');
  const error = addressError ?? inKey.error ?? outKey.error ?? packetTypeError(row);
  if (error !== undefined) return { error };
  for (const key of options.keys()) {
    const isKnown = knownOptions[type].has(key) || key === 'packet_type';
    if (!isKnown) remarks.push(`${name}: unknown ${type} argument '${key}'`);
  }
  const remote = canonicalAddress(remoteAddress);
  // RFC 8200 wants UDP checksums over IPv6; GRE has none of its own accord.
  const checksumByDefault = type !== 'gre' && ipVersion(remote) === 6;
  return {
    options: {
      type,
      remote,
      local: local === undefined ? undefined : canonicalAddress(local),
      inKey: inKey.value,
      outKey: outKey.value,
      port: parsePort(options.get('dst_port'), type, name, remarks),
      tos: parseTos(options.get('tos'), name, remarks),
      ttl: parseTtl(options.get('ttl'), name, remarks),
      dontFragment: (options.get('df_default') ?? 'true') === 'true',
      checksum: (options.get('csum') ?? String(checksumByDefault)) === 'true',
      mark: parseMark(options.get('egress_pkt_mark'), name, remarks),
      groupPolicy: parseExtensions(options.get('exts'), name, remarks),
    },
    remarks,
  };
}

/** Two tunnels for which this is equal cannot be told apart on receiving. */
export const tunnelIdentity = ({ type, port, remote, local, inKey }: TunnelOptions): string =>
  [type, port, remote, local ?? '', inKey ?? 0].join(' ');

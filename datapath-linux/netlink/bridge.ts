/** The settings of kernel bridges (IFLA_BR_* of linux/if_link.h) and of their ports (IFLA_BRPORT_*). */
import { type Payload, u8, u16, u32, visitAttributes } from './attribute.ts';
import type { MessageBuilder } from './message.ts';

interface Width {
  readonly read: (payload: Payload) => number;
  readonly write: (message: MessageBuilder, type: number, value: number) => void;
}

const byte: Width = { read: u8, write: (message, type, value) => message.u8(type, value) };
const half: Width = { read: u16, write: (message, type, value) => message.u16(type, value) };
const word: Width = { read: u32, write: (message, type, value) => message.u32(type, value) };
const networkHalf: Width = {
  read: (payload) => payload.data.readUInt16BE(payload.start),
  write: (message, type, value) => message.bytes(type, Buffer.from([value >> 8, value & 0xff])),
};

type Table = Readonly<Record<string, readonly [type: number, width: Width]>>;

/** To add a setting: its attribute and width here; it is then read from every bridge, and can be set. Times are in
 *  hundredths of a second. */
const bridgeTable = {
  stpState: [5, word],
  vlanFiltering: [7, byte],
  vlanProtocol: [8, networkHalf],
  multicastSnooping: [23, byte],
  callsIptables: [36, byte],
  callsIp6tables: [37, byte],
  callsArptables: [38, byte],
  /** The VLAN that new ports join; only kernels with VLAN filtering have it. */
  defaultPvid: [39, half],
} as const satisfies Table;

/** The same, of a bridge's ports. */
const bridgePortTable = {
  learning: [8, byte],
  unicastFlood: [9, byte],
  isolated: [33, byte],
} as const satisfies Table;

type Settings<T extends Table> = { readonly [K in keyof T]?: number | undefined };
/** A setting that the kernel does not have is undefined. */
export type BridgeSettings = Settings<typeof bridgeTable>;
export type BridgePortSettings = Settings<typeof bridgePortTable>;

function reader<T extends Table>(table: T): (payload: Payload) => Settings<T> {
  const byType = new Map(Object.entries(table).map(([name, [type, width]]) => [type, { name, width }]));
  return (payload) => {
    const found: { [K in keyof T]?: number } = {};
    visitAttributes(payload, (type, value) => {
      const setting = byType.get(type);
      if (setting) Object.assign(found, { [setting.name]: setting.width.read(value) });
    });
    return found;
  };
}

function writer<T extends Table>(table: T): (message: MessageBuilder, settings: Settings<T>) => void {
  return (message, settings) => {
    for (const [name, [type, width]] of Object.entries(table)) {
      const value = settings[name];
      if (value !== undefined) width.write(message, type, value);
    }
  };
}

export const readBridgeSettings = reader(bridgeTable);
export const writeBridgeSettings = writer(bridgeTable);
export const readBridgePortSettings = reader(bridgePortTable);
export const writeBridgePortSettings = writer(bridgePortTable);

/**
 * A bridge that forwards and does nothing else: no part in multicast snooping or STP, and frames do not pass the host's
 * packet filter (bridge-nf-call-* is on in new namespaces of some kernels). Kernels without VLAN filtering take it too.
 */
export const quietBridge = {
  stpState: 0,
  multicastSnooping: 0,
  callsIptables: 0,
  callsIp6tables: 0,
  callsArptables: 0,
} as const satisfies BridgeSettings;

/** The settings of `wanted` that differ from the present ones, without those that the kernel does not have. */
export function differingSettings<T extends BridgeSettings | BridgePortSettings>(
  present: T,
  wanted: T,
): Partial<T> | undefined {
  const entries = Object.entries(wanted).filter(([name, value]) => {
    const found = Object.entries(present).find(([other]) => other === name)?.[1];
    return value !== undefined && found !== undefined && found !== value;
  });
  return entries.length > 0 ? Object.assign({}, ...entries.map(([name, value]) => ({ [name]: value }))) : undefined;
}

/** Settings of devices, each a netlink attribute of its own: a table of them reads, writes and compares them all. */
import { macAddress, type Payload, u8, u16, u32, u64, visitAttributes } from './attribute.ts';
import { macBytes } from './bytes.ts';
import type { MessageBuilder } from './message.ts';

type Value = number | string;

/** How a value is laid out in its attribute. */
interface Layout<V extends Value> {
  readonly read: (payload: Payload) => V;
  readonly write: (message: MessageBuilder, type: number, value: Value) => void;
}

export const byte: Layout<number> = { read: u8, write: (message, type, value) => message.u8(type, Number(value)) };
export const half: Layout<number> = { read: u16, write: (message, type, value) => message.u16(type, Number(value)) };
export const word: Layout<number> = { read: u32, write: (message, type, value) => message.u32(type, Number(value)) };

/** 64 bits of a number that stays far below 2^53. */
export const long: Layout<number> = {
  read: (payload) => Number(u64(payload)),
  write: (message, type, value) => message.u64(type, BigInt(value)),
};

export const networkHalf: Layout<number> = {
  read: (payload) => payload.data.readUInt16BE(payload.start),
  write: (message, type, value) => message.bytes(type, Buffer.from([Number(value) >> 8, Number(value) & 0xff])),
};

/** An Ethernet address as `aa:bb:cc:dd:ee:ff`. */
export const address: Layout<string> = {
  read: macAddress,
  write: (message, type, value) => message.bytes(type, macBytes(String(value))),
};

/** A bridge's identifier in the spanning tree, as `8000.aabbccddeeff`: its priority and its address. */
export const bridgeIdentifier: Layout<string> = {
  read: ({ data, start }) => `${data.toString('hex', start, start + 2)}.${data.toString('hex', start + 2, start + 8)}`,
  write: (message, type, value) => message.bytes(type, Buffer.from(String(value).replace('.', ''), 'hex')),
};

export type Table = Readonly<Record<string, readonly [type: number, layout: Layout<number> | Layout<string>]>>;

/** Values by the names of a table; a setting that the kernel does not have is undefined. */
export type Settings<T extends Table> = {
  readonly [K in keyof T]?: ReturnType<T[K][1]['read']> | undefined;
};

export function reader<T extends Table>(table: T): (payload: Payload) => Settings<T> {
  const byType = new Map(Object.entries(table).map(([name, [type, layout]]) => [type, { name, layout }]));
  return (payload) => {
    const found: Settings<T> = {};
    visitAttributes(payload, (type, value) => {
      const setting = byType.get(type);
      if (setting) Object.assign(found, { [setting.name]: setting.layout.read(value) });
    });
    return found;
  };
}

/** Writes the settings that are given, in the table's order. */
export function writer<T extends Table>(table: T): (message: MessageBuilder, settings: Settings<T>) => void {
  return (message, settings) => {
    for (const [name, [type, layout]] of Object.entries(table)) {
      const value = settings[name];
      if (value !== undefined) layout.write(message, type, value);
    }
  };
}

/** The settings of `wanted` that differ from the present ones, without those that the kernel does not have. */
export function differingSettings<T extends Settings<Table>>(present: T, wanted: T): Partial<T> | undefined {
  const found = new Map(Object.entries(present));
  const entries = Object.entries(wanted).filter(([name, value]) => {
    const other = found.get(name);
    return value !== undefined && other !== undefined && other !== value;
  });
  return entries.length > 0 ? Object.assign({}, ...entries.map(([name, value]) => ({ [name]: value }))) : undefined;
}

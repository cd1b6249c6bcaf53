/**
 * Packet filter rules (nfnetlink subsystem nf_tables: linux/netfilter/nf_tables.h), as far as the switch has any.
 * Numbers in the attributes are big-endian. Changes come as transactions: all of one take effect, or none.
 */
import { type Payload, type Readers, readWith, text } from './attribute.ts';
import { readU32, writeU32 } from './bytes.ts';
import { NetlinkFormatError } from './error.ts';
import { flags, MessageBuilder } from './message.ts';

const subsystem = 10;
const type = (number: number): number => (subsystem << 8) | number;
const types = {
  newTable: type(0),
  getTable: type(1),
  deleteTable: type(2),
  newChain: type(3),
  newRule: type(6),
  newSet: type(9),
  newElements: type(12),
  getElements: type(13),
  deleteElements: type(14),
  getGeneration: type(16),
} as const;
const batchTypes = { begin: 16, end: 17 } as const;

/** NFPROTO_*: rules at a device, or for the bridges of the namespace. */
const families = { netdev: 5, bridge: 7 } as const;
export type Family = keyof typeof families;

/** struct nfgenmsg: u8 family, u8 version, u16 resource (big-endian). */
const nfgenmsg = (family: number, resource = 0): Buffer => Buffer.from([family, 0, resource >> 8, resource & 0xff]);
const genmsgLength = 4;

const bytes32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const bytes64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};

/** What stands around the messages of a transaction. */
export const beginTransaction = (): Buffer => new MessageBuilder(batchTypes.begin, 0, nfgenmsg(0, subsystem)).build();
export const endTransaction = (): Buffer => new MessageBuilder(batchTypes.end, 0, nfgenmsg(0, subsystem)).build();

export interface TableName {
  readonly family: Family;
  readonly name: string;
}
export interface Table extends TableName {
  /** What `nft` shows as the table's comment, up to 127 bytes; kernels before 5.10 do not keep it. */
  readonly comment: string;
}

/** The form of comments that `nft` shows: a type (0), a length, text with its NUL. */
const userData = (comment: string): Buffer => {
  const value = Buffer.from(`${comment}\0`);
  return Buffer.concat([Buffer.from([0, value.length]), value]);
};

/** Asks for the number that changes with each transaction, whosever it is. */
export const getGeneration = (): Buffer => new MessageBuilder(types.getGeneration, 0, nfgenmsg(0)).build();

/** The number in the answer to `getGeneration` (NFTA_GEN_ID). */
export function parseGeneration({ data, start, end }: Payload): number {
  const found = { generation: 0 };
  readWith(found, { data, start: start + genmsgLength, end }, generationReaders);
  return found.generation;
}

const generationReaders: Readers<{ generation: number }> = {
  1: (found, { data, start }) => (found.generation = data.readUInt32BE(start)),
};

export const dumpTables = (): Buffer => new MessageBuilder(types.getTable, 0, nfgenmsg(0)).build();

const tableReaders: Readers<{ name: string; comment: string }> = {
  1: (table, value) => (table.name = text(value)),
  6: (table, { data, start, end }) => (table.comment = text({ data, start: Math.min(start + 2, end), end })),
};

/** A table in the answer to `dumpTables`; undefined for those of other families. */
export function parseTable({ data, start, end }: Payload): Table | undefined {
  if (end - start < genmsgLength) throw new NetlinkFormatError(`nfgenmsg of ${end - start} bytes`);
  const number = data.readUInt8(start);
  const family = (['netdev', 'bridge'] as const).find((name) => families[name] === number);
  const table = { name: '', comment: '' };
  readWith(table, { data, start: start + genmsgLength, end }, tableReaders);
  return family && { family, ...table };
}

export const createTable = ({ family, name, comment }: Table): Buffer =>
  new MessageBuilder(types.newTable, flags.create, nfgenmsg(families[family]))
    .text(1, name)
    .bytes(6, userData(comment))
    .build();

export const deleteTable = ({ family, name }: TableName): Buffer =>
  new MessageBuilder(types.deleteTable, 0, nfgenmsg(families[family])).text(1, name).build();

/** NF_NETDEV_* and NF_BR_*, by family. */
const hooks = {
  netdev: { ingress: 0, egress: 1 },
  bridge: { prerouting: 0, input: 1, output: 3 },
} as const;

export type Chain = { readonly name: string } & (
  | { readonly family: 'netdev'; readonly hook: keyof (typeof hooks)['netdev']; readonly device: string }
  | { readonly family: 'bridge'; readonly hook: keyof (typeof hooks)['bridge'] }
);

/** A base chain that accepts what its rules do not drop. */
export function createChain(table: string, chain: Chain): Buffer {
  const number = chain.family === 'netdev' ? hooks.netdev[chain.hook] : hooks.bridge[chain.hook];
  return new MessageBuilder(types.newChain, flags.create, nfgenmsg(families[chain.family]))
    .text(1, table)
    .text(3, chain.name)
    .nested(4, (data) => {
      data.bytes(1, bytes32(number)).bytes(2, bytes32(0));
      if (chain.family === 'netdev') data.text(3, chain.device);
    })
    .text(7, 'filter')
    .build();
}

/** A set that messages fill, or, if its elements last only for a time, rules. */
export interface ElementSet {
  readonly name: string;
  /** A number that no other set of the transaction has. */
  readonly id: number;
  readonly keyBytes: number;
  /** In milliseconds. */
  readonly timeout?: number;
}

const setFlags = { timeout: 0x10, evaluated: 0x20 } as const;

export function createSet({ family, name: table }: TableName, { name, id, keyBytes, timeout }: ElementSet): Buffer {
  const kind = timeout === undefined ? 0 : setFlags.timeout | setFlags.evaluated;
  const message = new MessageBuilder(types.newSet, flags.create, nfgenmsg(families[family]))
    .text(1, table)
    .text(2, name)
    .bytes(3, bytes32(kind))
    .bytes(4, bytes32(0))
    .bytes(5, bytes32(keyBytes))
    .bytes(10, bytes32(id));
  if (timeout !== undefined) message.bytes(11, bytes64(timeout));
  return message.build();
}

/** Elements in one message: far from the 64 kB that an attribute holds. */
const elementsPerMessage = 1000;

const elementMessages =
  (messageType: number, messageFlags: number) =>
  ({ family, name: table }: TableName, set: string, keys: readonly Buffer[]): Buffer[] => {
    const messages: Buffer[] = [];
    for (let at = 0; at < keys.length; at += elementsPerMessage) {
      const message = new MessageBuilder(messageType, messageFlags, nfgenmsg(families[family]))
        .text(1, table)
        .text(2, set)
        .nested(3, (list) => {
          for (const key of keys.slice(at, at + elementsPerMessage)) {
            list.nested(1, (element) => element.nested(1, (data) => data.bytes(1, key)));
          }
        });
      messages.push(message.build());
    }
    return messages;
  };

export const addElements = elementMessages(types.newElements, flags.create);
export const deleteElements = elementMessages(types.deleteElements, 0);

export const dumpElements = ({ family, name }: TableName, set: string): Buffer =>
  new MessageBuilder(types.getElements, 0, nfgenmsg(families[family])).text(1, name).text(2, set).build();

type Keys = Payload[];
const keyReaders: Readers<Keys> = { 1: (keys, value) => keys.push(value) };
const elementReaders: Readers<Keys> = { 1: (keys, value) => readWith(keys, value, keyReaders) };
const listReaders: Readers<Keys> = { 1: (keys, value) => readWith(keys, value, elementReaders) };
const elementsReaders: Readers<Keys> = { 3: (keys, value) => readWith(keys, value, listReaders) };

/** The keys in a message of the answer to `dumpElements`: each is a number in this machine's byte order. */
export function parseNumbers({ data, start, end }: Payload): number[] {
  const keys: Keys = [];
  readWith(keys, { data, start: start + genmsgLength, end }, elementsReaders);
  return keys.map((key) => readU32(key.data, key.start));
}

/** A key that is a number in this machine's byte order, such as an ifindex. */
export function numberKey(value: number): Buffer {
  const key = Buffer.alloc(4);
  writeU32(key, value, 0);
  return key;
}

/** A part of a rule: appends its NFTA_EXPR_*. */
export type Expression = (element: MessageBuilder) => MessageBuilder;

const expression =
  (name: string, fill: (data: MessageBuilder) => MessageBuilder): Expression =>
  (element) =>
    element.text(1, name).nested(2, fill);

/** Values go from one expression to the next in registers of four bytes; `from` and `into` count them. */
const register = (index: number): Buffer => bytes32(8 + index);
const verdictRegister = bytes32(0);

/** Loads bytes of the Ethernet header, a VLAN tag that the device has taken off among them. */
export const loadHeader = (offset: number, length: number, into = 0): Expression =>
  expression('payload', (data) =>
    data.bytes(1, register(into)).bytes(2, bytes32(0)).bytes(3, bytes32(offset)).bytes(4, bytes32(length)),
  );

const loadMeta = (key: number): Expression =>
  expression('meta', (data) => data.bytes(2, bytes32(key)).bytes(1, register(0)));

/** Loads the ifindex of the device that the frame comes from, or goes to. */
export const loadSource = loadMeta(4);
export const loadTarget = loadMeta(5);
/** Loads the group of the device that the frame comes from. */
export const loadSourceGroup = loadMeta(21);

/** Clears the bits of the loaded value that `bits` lacks. */
export const mask = (bits: Buffer, at = 0): Expression =>
  expression('bitwise', (data) =>
    data
      .bytes(1, register(at))
      .bytes(2, register(at))
      .bytes(3, bytes32(bits.length))
      .nested(4, (value) => value.bytes(1, bits))
      .nested(5, (value) => value.bytes(1, Buffer.alloc(bits.length))),
  );

const comparison =
  (operator: number) =>
  (value: Buffer): Expression =>
    expression('cmp', (data) =>
      data
        .bytes(1, register(0))
        .bytes(2, bytes32(operator))
        .nested(3, (nested) => nested.bytes(1, value)),
    );

/** The rule goes on only if the loaded value is this one, or is another. */
export const equals = comparison(0);
export const differs = comparison(1);

const lookup =
  (flags: number) =>
  ({ name, id }: ElementSet): Expression =>
    expression('lookup', (data) =>
      data.text(1, name).bytes(2, register(0)).bytes(4, bytes32(id)).bytes(5, bytes32(flags)),
    );

/** The rule goes on only if the loaded value is in the set, or is not. */
export const isIn = lookup(0);
export const isOutside = lookup(1);

/** Puts the loaded value into the set for its time, again if it is there. */
export const remember = ({ name, id, timeout = 0 }: ElementSet): Expression =>
  expression('dynset', (data) =>
    data.text(1, name).bytes(2, bytes32(id)).bytes(3, bytes32(1)).bytes(4, register(0)).bytes(6, bytes64(timeout)),
  );

const verdict = (code: number): Expression =>
  expression('immediate', (data) =>
    data.bytes(1, verdictRegister).nested(2, (value) => value.nested(2, (fields) => fields.bytes(1, bytes32(code)))),
  );

/** NF_DROP. */
export const drop = verdict(0);
/** NF_ACCEPT: the chain is left. */
export const accept = verdict(1);

/** A rule at the end of a chain. */
export const addRule = ({ family, name: table }: TableName, chain: string, rule: readonly Expression[]): Buffer =>
  new MessageBuilder(types.newRule, flags.create | flags.append, nfgenmsg(families[family]))
    .text(1, table)
    .text(2, chain)
    .nested(4, (list) => {
      for (const each of rule) list.nested(1, each);
    })
    .build();

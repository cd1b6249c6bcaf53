/** Requests about links, as messages ready to send. What is particular to a kind of them is in link-kind.ts. */
import { macBytes, readI32, readU16 } from './bytes.ts';
import { type FlagChange, ifinfomsg, ifla, linkTypes } from './ifinfo.ts';
import { flags, headerLength, MessageBuilder } from './message.ts';

const skipStatistics = 1 << 3;
const families = { inet: 2, inet6: 10 } as const;

/** All links of the namespace, without their statistics (which are most of the bytes). */
export function dumpLinks(): Buffer {
  return new MessageBuilder(linkTypes.getLink, 0, ifinfomsg(0)).u32(ifla.extendedMask, skipStatistics).build();
}

/** One link of the namespace. */
export function getLink(ifindex: number): Buffer {
  return new MessageBuilder(linkTypes.getLink, 0, ifinfomsg(ifindex)).u32(ifla.extendedMask, skipStatistics).build();
}

/** One link of the namespace that has our number `namespaceId`. */
export function getForeignLink(namespaceId: number, ifindex: number): Buffer {
  return new MessageBuilder(linkTypes.getLink, 0, ifinfomsg(ifindex))
    .i32(ifla.targetNamespaceId, namespaceId)
    .u32(ifla.extendedMask, skipStatistics)
    .build();
}

/**
 * Which link a built message changes: undefined if it is about no link, 'any' if it names one that is being made, or
 * goes by its name.
 */
export function changedLink(message: Buffer): { readonly ifindex: number } | 'any' | undefined {
  const type = readU16(message, 4);
  if (!linkChanges.has(type)) return undefined;
  const ifindex = readI32(message, headerLength + 4);
  return ifindex === 0 ? 'any' : { ifindex };
}

const linkChanges: ReadonlySet<number> = new Set([
  linkTypes.newLink,
  linkTypes.setLink,
  linkTypes.newLinkProperty,
  linkTypes.deleteLinkProperty,
]);

/** Which link a change is about: by number, or by the name it was created with a moment ago. */
export type LinkReference =
  | { readonly ifindex: number; readonly namespaceId?: number | undefined }
  | { readonly name: string };

export interface LinkChange extends FlagChange {
  readonly address?: string | undefined;
  readonly mtu?: number | undefined;
  /** ifindex of the new master, 0 for none. */
  readonly master?: number | undefined;
  readonly group?: number | undefined;
  readonly alias?: string | undefined;
  /** IPv6 shall give the device no address of its own accord. */
  readonly addressless6?: true | undefined;
  /** IPv4 shall take nothing that arrives on the device (rp_filter 1 on a device without addresses). */
  readonly strictSource4?: true | undefined;
}

/** Changes what `change` names and leaves the rest. */
export function changeLink(link: LinkReference, change: LinkChange): Buffer {
  const message = new MessageBuilder(linkTypes.newLink, 0, ifinfomsg('ifindex' in link ? link.ifindex : 0, change));
  if ('name' in link) message.text(ifla.name, link.name);
  else if (link.namespaceId !== undefined) message.i32(ifla.targetNamespaceId, link.namespaceId);
  if (change.address !== undefined) message.bytes(ifla.address, macBytes(change.address));
  if (change.mtu !== undefined) message.u32(ifla.mtu, change.mtu);
  if (change.master !== undefined) message.u32(ifla.master, change.master);
  if (change.group !== undefined) message.u32(ifla.group, change.group);
  if (change.alias !== undefined) message.text(ifla.alias, change.alias);
  if (change.addressless6 || change.strictSource4) {
    message.nested(ifla.familySpecific, (spec) => familySpecific(spec, change));
  }
  return message.build();
}

function familySpecific(spec: MessageBuilder, { addressless6, strictSource4 }: LinkChange): void {
  const inetConfiguration = 1;
  const reversePathFilter = 8;
  const inet6AddressGeneration = 8;
  const generateNone = 1;
  if (strictSource4) {
    spec.nested(families.inet, (inet) => {
      inet.nested(inetConfiguration, (configuration) => {
        configuration.u32(reversePathFilter, 1);
      });
    });
  }
  if (addressless6) {
    spec.nested(families.inet6, (inet6) => {
      inet6.u8(inet6AddressGeneration, generateNone);
    });
  }
}

export function deleteLink(ifindex: number): Buffer {
  return new MessageBuilder(linkTypes.deleteLink, 0, ifinfomsg(ifindex)).build();
}

/** Deletes every link of a group at the price of one. */
export function deleteGroup(group: number): Buffer {
  return new MessageBuilder(linkTypes.deleteLink, 0, ifinfomsg(0)).u32(ifla.group, group).build();
}

const altnameMessage =
  (type: number, messageFlags: number) =>
  (ifindex: number, altname: string): Buffer =>
    new MessageBuilder(type, messageFlags, ifinfomsg(ifindex))
      .nested(ifla.properties, (properties) => {
        properties.text(ifla.altname, altname);
      })
      .build();

export const addAltname = altnameMessage(linkTypes.newLinkProperty, flags.create | flags.exclusive);
export const deleteAltname = altnameMessage(linkTypes.deleteLinkProperty, 0);

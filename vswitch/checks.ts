/** What can be wrong with one interface, or with one bridge. Pure. */
import { deviceNameRule, isDeviceName } from '../datapath-linux/names.ts';
import { interfaceTypes } from '../datapath-linux/port/kinds.ts';
import { isOpened } from '../datapath-linux/port/tap-options.ts';
import { type Finding, finding, type Remedy, remedy, shell } from './finding.ts';
import type { Attachment, ExaminedBridge, Situation } from './situation.ts';

type Check<T> = (subject: T, situation: Situation) => Finding | undefined;

const list = (words: readonly string[]): string =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;

const isTap = ({ link }: Attachment): boolean => link?.tun?.tap === true;
/** A tap that is down has no carrier, whoever has opened it. */
const isUnopenedTap = (attachment: Attachment): boolean => {
  const { link } = attachment;
  return link?.up === true && isTap(attachment) && !isOpened(link);
};

/** The classic mistake of Open vSwitch's FAQ ("Basic Configuration"): an address on a device that is a port. */
export const portAddress: Check<Attachment> = (attachment, { bridges }) => {
  const { bridge, iface, internal, link, addresses } = attachment;
  // Not a port yet: then what keeps it from becoming one is told.
  if (link?.master === 0 && iface.error !== undefined) return undefined;
  if (internal || link === undefined || addresses.length === 0) return undefined;
  const plural = addresses.length > 1;
  const unopened = isUnopenedTap(attachment) ? ` Besides, no program has opened ${iface.name}.` : '';
  const problem = `${iface.name} has the ${plural ? 'addresses' : 'address'} ${list(addresses)}, but it is a port of bridge ${bridge}: a port hands all that it receives to its bridge, so nothing arrives at an address on it, even where ARP is answered.${unopened}`;
  return finding(problem, ...addressRemedies(attachment, newInternalPort(bridges)));
};

const addressRemedies = (attachment: Attachment, internalPort: string): Remedy[] => {
  const { bridge, iface, link, addresses } = attachment;
  const move = (device: string): string[] => [
    ...addresses.map((address) => shell`ip addr del ${address} dev ${iface.name}`),
    ...addresses.map((address) => shell`ip addr add ${address} dev ${device}`),
    shell`ip link set ${device} up`,
  ];
  const physical = link?.kind === '';
  const routes = physical ? ' (routes through it, and a login that comes over it, go with the address)' : '';
  return [
    remedy(`Move ${addresses.length > 1 ? 'them' : 'it'} to the bridge's own device${routes}:`, ...move(bridge)),
    remedy(
      'Or to an internal port:',
      shell`ovs-vsctl add-port ${bridge} ${internalPort} -- set Interface ${internalPort} type=internal`,
      ...move(internalPort),
    ),
    ...(isUnopenedTap(attachment)
      ? [
          remedy(
            `${iface.name} is only needed if a program opens it, such as a virtual machine; else:`,
            shell`ovs-vsctl del-port ${bridge} ${iface.name}`,
          ),
        ]
      : []),
  ];
};

/** A name that no interface has yet. */
const newInternalPort = (bridges: readonly ExaminedBridge[]): string => {
  const taken = new Set(bridges.flatMap(({ attachments }) => attachments.map(({ iface }) => iface.name)));
  for (let number = 0; ; number++) if (!taken.has(`int${number}`)) return `int${number}`;
};

const removal = ({ bridge, iface }: Attachment, text = 'Or remove the port:'): Remedy =>
  remedy(text, shell`ovs-vsctl del-port ${bridge} ${iface.name}`);

const noDevice = (attachment: Attachment): Remedy[] => {
  const { name } = attachment.iface;
  if (!isDeviceName(name)) {
    return [removal(attachment, `No device can have that name: ${deviceNameRule}. Remove the port:`)];
  }
  return [
    remedy(
      `Make the device ${name}: it becomes a port as soon as it is there. Or, if the switch is to make it:`,
      shell`ovs-vsctl set Interface ${name} type=internal`,
    ),
    removal(attachment),
  ];
};

const unknownType = (attachment: Attachment): Remedy[] => {
  const { name, type } = attachment.iface;
  if (interfaceTypes.includes(type)) return [];
  return [
    remedy(
      `The switch knows no type ${type}: it has ${list(interfaceTypes)}. Give the interface one of them:`,
      shell`ovs-vsctl set Interface ${name} type=internal`,
    ),
    remedy(`Or, if a device ${name} is there already:`, shell`ovs-vsctl set Interface ${name} type=system`),
    removal(attachment),
  ];
};

const otherMaster = (attachment: Attachment): Remedy[] => {
  const { name } = attachment.iface;
  return [remedy('Take the device out of there:', shell`ip link set ${name} nomaster`), removal(attachment)];
};

const nameTaken = (attachment: Attachment): Remedy[] => {
  const { name } = attachment.iface;
  return [
    remedy('Remove that device, or give it another name, if it is not needed as it is:', shell`ip link del ${name}`),
    remedy('Or make a port of it, as it is:', shell`ovs-vsctl set Interface ${name} type=system`),
    removal(attachment),
  ];
};

/** What often helps against an error that the switch tells, by its words. */
const errorRemedies: readonly (readonly [error: RegExp, (attachment: Attachment) => Remedy[]])[] = [
  [/^could not open network device.* \(No such device\)$/, noDevice],
  [/\(Address family not supported by protocol\)/, unknownType],
  [/: it is a port of /, otherMaster],
  [/: a device named .* is there that the switch did not make/, nameTaken],
  [
    /use datapath_type=system$/,
    ({ bridge }) => [remedy('Use this one:', shell`ovs-vsctl set Bridge ${bridge} datapath_type=system`)],
  ],
  [
    /: VLANs are not provided by this kernel/,
    ({ port }) => [
      remedy('Let the port pass all VLANs:', shell`ovs-vsctl clear Port ${port} tag trunks vlan_mode cvlans`),
    ],
  ],
  [
    /^could not set the MTU /,
    ({ iface }) => [remedy('Leave the MTU as it is:', shell`ovs-vsctl clear Interface ${iface.name} mtu_request`)],
  ],
];

/** The switch says what stands in the way of an interface; a missing device is often a missing type. */
const interfaceError: Check<Attachment> = (attachment) => {
  const { bridge, iface, local } = attachment;
  const { name, error } = iface;
  // A bridge that cannot be is told once, of its own port.
  if (error === undefined || (!local && error.startsWith('could not create bridge '))) return undefined;
  const [, remedies] = errorRemedies.find(([pattern]) => pattern.test(error)) ?? [];
  return finding(`Interface ${name} of bridge ${bridge} has an error: ${error}.`, ...(remedies?.(attachment) ?? []));
};

const unopenedTap: Check<Attachment> = (attachment) => {
  const { bridge, iface, link, addresses } = attachment;
  if (!isUnopenedTap(attachment) || addresses.length > 0) return undefined;
  const owner = link?.tun?.owner;
  const who = owner === undefined ? '' : ` (as the user with id ${owner}, who owns it)`;
  return finding(
    `No program has opened the tap ${iface.name} of bridge ${bridge}: nothing passes it.`,
    remedy(
      `Start the program that it is for${who}, for example:`,
      shell`qemu-system-x86_64 -nic tap,ifname=${iface.name},script=no,downscript=no …`,
    ),
  );
};

const missingDevice: Check<Attachment> = ({ bridge, iface, local, link, elsewhere }) => {
  if (link !== undefined || elsewhere || iface.error !== undefined) return undefined;
  const what = local
    ? `Bridge ${bridge} has no device`
    : `Interface ${iface.name} of bridge ${bridge} has no device here`;
  return finding(
    `${what}, and the switch has not said why.`,
    remedy('Ask again in a moment; if it stays so, see what the switch logs:', 'vswitch run --verbose info'),
  );
};

/** Whether an interface is no port: the device of its name, if there is one, is somebody else's. */
const isRefused = ({ error = '' }: Attachment['iface']): boolean => /^could not (add|open|create) /.test(error);

/** The bridge's own device may stay down as long as the host does not use it. */
const down: Check<Attachment> = ({ bridge, iface, local, internal, link, elsewhere, addresses }) => {
  const isDown = elsewhere ? iface.adminState === 'down' : link?.up === false;
  if (!isDown || isRefused(iface) || (local && addresses.length === 0)) return undefined;
  const name = link?.name ?? iface.name;
  const what = internal ? (local ? "the bridge's own device" : 'an internal port') : 'a port';
  const problem = `${name}, ${what} of bridge ${bridge}, is down: nothing passes it.`;
  return elsewhere
    ? finding(
        problem,
        remedy('In the network namespace that it was moved to:', shell`ip -n NAMESPACE link set ${name} up`),
      )
    : finding(problem, remedy('Set it up:', shell`ip link set ${name} up`));
};

/** In the order in which they are told. */
export const attachmentChecks: readonly Check<Attachment>[] = [
  portAddress,
  interfaceError,
  missingDevice,
  down,
  unopenedTap,
];

/** Ports that are all up and yet all without a link: cables, or the other ends of veth pairs. */
const withoutLink: Check<ExaminedBridge> = ({ name, attachments }, { kernel }) => {
  const outer = attachments.filter(({ internal }) => !internal);
  if (outer.length === 0 || outer.some(({ link }) => link?.carrier === true)) return undefined;
  const peers = outer.flatMap(({ link }) => {
    const peer = link?.kind === 'veth' && link.linkNamespaceId === undefined ? kernel.at(link.link) : undefined;
    return peer?.up === false ? [shell`ip link set ${peer.name} up`] : [];
  });
  const names = list(outer.map(({ iface }) => iface.name));
  return finding(
    `No port of bridge ${name} has a link (${names}): only this host can be reached through it.`,
    peers.length > 0
      ? remedy('The other end of a veth pair is down:', ...peers)
      : remedy('Check the cables, or set up the other ends, in whatever network namespace they are.'),
  );
};

export const bridgeChecks: readonly Check<ExaminedBridge>[] = [withoutLink];

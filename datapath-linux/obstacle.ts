/** Why a port cannot be realized as the kernel is now, in one sentence; gone when the kernel changes. Pure. */
import type { DesiredBridge, DesiredPort, InternalPort, SystemPort, TapPort } from './desired.ts';
import { isOwned, type KernelState } from './kernel.ts';
import { bridgeDevice, outerDevice } from './names.ts';
import type { Link } from './netlink/link.ts';
import { isOpened, tapAlias, tapMatches } from './tap.ts';

type Obstacle = string | undefined;

const cannotAdd = (name: string, reason: string, explanation?: string): string =>
  `could not add network device ${name} to ofproto (${reason})${explanation === undefined ? '' : `: ${explanation}`}`;

function internalObstacle({ name }: InternalPort, kernel: KernelState): Obstacle {
  const outer = kernel.find(outerDevice(name));
  if (outer && isOwned(outer)) return undefined;
  const inTheWay = outer ?? kernel.find(name);
  return (
    inTheWay && cannotAdd(name, 'File exists', `a device named ${inTheWay.name} is there that the switch did not make`)
  );
}

/** A device of the host may become a port unless it is one elsewhere, or cannot be one. */
function attachObstacle(name: string, link: Link, hidden: Link | undefined, kernel: KernelState): Obstacle {
  if (link.loopback) return cannotAdd(name, 'Invalid argument');
  if (link.kind === 'bridge') {
    return cannotAdd(name, 'Too many levels of symbolic links', 'a kernel bridge cannot be a port of a bridge');
  }
  const master = kernel.at(link.master);
  if (link.master === 0 || link.master === hidden?.ifindex || (master && isOwned(master))) return undefined;
  return cannotAdd(name, 'Device or resource busy', `it is a port of ${master?.name ?? 'another device'}`);
}

function systemObstacle({ name }: SystemPort, kernel: KernelState, hidden: Link | undefined): Obstacle {
  const link = kernel.find(name);
  if (!link || isOwned(link)) return `could not open network device ${name} (No such device)`;
  return attachObstacle(name, link, hidden, kernel);
}

function tapObstacle({ name, options }: TapPort, kernel: KernelState, hidden: Link | undefined): Obstacle {
  const link = kernel.find(name);
  if (!link || isOwned(link)) return undefined;
  if (link.kind !== 'tun' || !link.tun?.tap) {
    return cannotAdd(name, 'File exists', 'a device of that name is there that is no tap');
  }
  const asked = options.owner !== undefined || options.group !== undefined || options.multiQueue;
  if (asked && !tapMatches(link, options)) {
    return cannotAdd(
      name,
      'File exists',
      `a tap of that name is there with other options; ip link delete ${name} makes way`,
    );
  }
  return attachObstacle(name, link, hidden, kernel);
}

/** Why the port cannot be in its bridge now, or undefined. */
export function obstacle(port: DesiredPort, bridge: DesiredBridge, kernel: KernelState): Obstacle {
  const hidden = kernel.find(bridgeDevice(bridge.name));
  if (hidden && !isOwned(hidden)) {
    return `could not create bridge ${bridge.name} (File exists): a device named ${hidden.name} is there that the switch did not make`;
  }
  switch (port.kind) {
    case 'internal':
      return internalObstacle(port, kernel);
    case 'system':
      return systemObstacle(port, kernel, hidden);
    case 'tap':
      return tapObstacle(port, kernel, hidden);
    default:
      return port satisfies never;
  }
}

/** Whether a tap of our making must be made anew to be as its options say. */
export const isOutdatedTap = (link: Link, { options }: TapPort): boolean =>
  !tapMatches(link, options) || (link.alias !== '' && link.alias !== tapAlias(options));

/** What is not as asked for although the port works, in one sentence. */
export function reservation(port: DesiredPort, kernel: KernelState): Obstacle {
  if (port.kind !== 'tap') return undefined;
  const link = kernel.find(port.name);
  if (!link || !isOwned(link) || !isOutdatedTap(link, port) || !isOpened(link)) return undefined;
  return `the options of ${port.name} cannot change while a program has it open: they take effect when it has closed it`;
}

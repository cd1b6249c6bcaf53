/** Where an interface of the database is in the kernel. Pure. */
import type { DesiredBridge, DesiredPort } from './desired.ts';
import { isOwned, type KernelState } from './kernel.ts';
import { bridgeDevice, outerDevice } from './names.ts';
import type { Link } from './netlink/link.ts';

export interface Device {
  /** What the host sees: of an internal port the end that bears its name, wherever it was moved. */
  readonly host: Link;
  /** What the kernel bridge sees: its port. The same device, except for internal ports. */
  readonly port: Link;
}

/** The device of a port that is in its bridge, or undefined. */
export function locate(port: DesiredPort, bridge: DesiredBridge, kernel: KernelState): Device | undefined {
  const hidden = kernel.find(bridgeDevice(bridge.name));
  const link = kernel.find(port.kind === 'internal' ? outerDevice(port.name) : port.name);
  if (!hidden || !link || !isOwned(hidden) || link.master !== hidden.ifindex) return undefined;
  if (port.kind !== 'internal') return { host: link, port: link };
  return { host: kernel.innerOf(link)?.link ?? link, port: link };
}

/** Where an interface of the database is in the kernel. Pure. */
import type { DesiredBridge } from './desired.ts';
import { isOwned, type KernelState } from './kernel.ts';
import type { Link } from './netlink/link.ts';
import type { Port } from './port/port.ts';

export interface Device {
  /** What the host sees: of an internal port the end that bears its name, wherever it was moved. */
  readonly host: Link;
  /** What the kernel bridge sees: its port. The same device, except for internal ports. */
  readonly port: Link;
}

/** The kernel bridge behind a bridge, if it is there and of our making. */
export function hiddenBridge(bridge: DesiredBridge, kernel: KernelState): Link | undefined {
  const hidden = kernel.find(bridge.device);
  return hidden && isOwned(hidden) ? hidden : undefined;
}

/** The port's device in the kernel bridge, once it is there. */
export function bridgePort(port: Port, bridge: DesiredBridge, kernel: KernelState): Link | undefined {
  const hidden = hiddenBridge(bridge, kernel);
  const link = kernel.find(port.device);
  return hidden && link && link.master === hidden.ifindex ? link : undefined;
}

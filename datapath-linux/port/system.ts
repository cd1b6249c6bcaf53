/** A device that others make, which becomes a port as it is. */
import type { DesiredBridge } from '../desired.ts';
import type { Device } from '../device.ts';
import { isOwned, type KernelState } from '../kernel.ts';
import { isGlobal } from '../mac.ts';
import { isDeviceName, mtuMark, readMarks, takenMark } from '../names.ts';
import type { Link } from '../netlink/link.ts';
import type { Step } from '../step.ts';
import { changeSteps, mtuSteps } from './change.ts';
import { aboutOther, type Build, cannotAdd, noSuchDevice, type Port, type PortContext } from './port.ts';
import { NamedDevicePort } from './single.ts';

/** A device of the host may become a port unless it is one elsewhere, or cannot be one. */
export function attachObstacle(
  name: string,
  link: Link,
  bridge: DesiredBridge,
  kernel: KernelState,
): string | undefined {
  if (link.loopback) return cannotAdd(name, 'Invalid argument');
  if (link.kind === 'bridge') {
    return cannotAdd(name, 'Too many levels of symbolic links', 'a kernel bridge cannot be a port of a bridge');
  }
  const hidden = kernel.find(bridge.device);
  const master = kernel.at(link.master);
  if (link.master === 0 || link.master === hidden?.ifindex || (master && isOwned(master))) return undefined;
  return cannotAdd(name, 'Device or resource busy', `it is a port of ${master?.name ?? 'another device'}`);
}

/** The marks of a device that was there before come first, so that a crash leaves nothing that cannot be undone. */
export function attachSteps(name: string, link: Link, mtuRequest: number | undefined, master: Link): Step[] {
  const subject = { port: name };
  const { marks, mtu } = readMarks(link.altnames);
  const steps: Step[] = [];
  if (marks.length === 0) steps.push({ op: 'mark', subject, ifindex: link.ifindex, mark: takenMark(link.ifindex) });
  if (mtu === undefined && mtuRequest !== undefined && mtuRequest !== link.mtu) {
    steps.push({ op: 'mark', subject, ifindex: link.ifindex, mark: mtuMark(link.ifindex, link.mtu) });
  }
  return [...steps, ...changeSteps(subject, link, { master: master.ifindex }), ...mtuSteps(name, mtuRequest, link)];
}

/** The device of that name, if it is a port of `master`. */
export function locateDevice(name: string, kernel: KernelState, master: Link): Device | undefined {
  const link = kernel.find(name);
  return link && link.master === master.ifindex ? { host: link, port: link } : undefined;
}

export class SystemPort extends NamedDevicePort implements Port {
  readonly kind = 'system';
  readonly owned = [];

  keeps(): boolean {
    return false;
  }

  obstacle(bridge: DesiredBridge, kernel: KernelState): string | undefined {
    const link = kernel.find(this.name);
    if (!link) return noSuchDevice(this.name);
    if (isOwned(link)) return cannotAdd(this.name, 'Device or resource busy', aboutOther(link, kernel));
    return attachObstacle(this.name, link, bridge, kernel);
  }

  steps({ kernel, master }: PortContext): Step[] {
    const link = kernel.find(this.name);
    return link ? attachSteps(this.name, link, this.mtuRequest, master) : [];
  }

  locate(name: string, kernel: KernelState, master: Link): Device | undefined {
    const device = locateDevice(name, kernel, master);
    return device && isOwned(device.port) ? undefined : device;
  }

  lentAddress(kernel: KernelState): string | undefined {
    const link = kernel.find(this.name);
    return link && isGlobal(link.address) ? link.address : undefined;
  }
}

export const buildSystem: Build = (row, { port }) =>
  isDeviceName(row.name) ? { port: new SystemPort(row, port) } : { error: noSuchDevice(row.name) };

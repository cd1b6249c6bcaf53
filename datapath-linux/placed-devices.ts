/** The devices of interfaces that are in their bridges. Pure. */
import { type Device, hiddenBridge } from './device.ts';
import type { Port } from './port/port.ts';
import type { Outcome } from './reconciler.ts';

/** A device in its bridge, and the port that it belongs to. */
export interface PlacedDevice {
  readonly device: Device;
  readonly owner: Port;
  /** The carrier changes when the switch first saw the device. */
  readonly carrierChanges: number;
}

export interface PlacedDevices {
  /** Of all ports that are in their bridge, by interface row. */
  readonly devices: ReadonlyMap<string, PlacedDevice>;
  /** Those of them that may not be as they were `before`. */
  readonly changed: ReadonlyMap<string, PlacedDevice>;
}

export function findDevices(
  { desired, restless, kernel }: Outcome,
  before: ReadonlyMap<string, PlacedDevice>,
): PlacedDevices {
  const ports = new Set(restless.bridges.flatMap((bridge) => bridge.ports));
  const devices = new Map<string, PlacedDevice>();
  const changed = new Map<string, PlacedDevice>();
  for (const bridge of desired.bridges) {
    const master = hiddenBridge(bridge, kernel);
    for (const owner of master ? bridge.ports : []) {
      for (const { uuid, name } of owner.interfaces) {
        const known = before.get(uuid);
        if (known && !ports.has(owner)) {
          devices.set(uuid, known);
          continue;
        }
        const device = master && owner.locate(name, kernel, master);
        if (!device) continue;
        const isSame = known?.device.host.ifindex === device.host.ifindex;
        const { carrierChanges } = isSame ? known : device.host;
        const placed = { device, owner, carrierChanges };
        devices.set(uuid, placed);
        changed.set(uuid, placed);
      }
    }
  }
  return { devices, changed };
}

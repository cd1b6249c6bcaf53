/** What the commands of the control socket see: the rows, what they ask for, and the devices as they are now. */
import type { BridgeRow, Configuration, InterfaceRow } from '../configuration.ts';
import type { Desired, DesiredBridge } from '../desired.ts';
import { type Device, hiddenBridge } from '../device.ts';
import type { KernelState } from '../kernel.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import type { Port } from '../port/port.ts';

export interface SwitchView {
  readonly configuration: Pick<Configuration, 'bridges'>;
  readonly desired: Desired;
  readonly kernel: KernelState;
  /** For what a command wants to know besides. */
  readonly client: NetlinkClient;
  /** How many values of rows the switch holds. */
  readonly cells: number;
}

/** An interface whose device is in its bridge. */
export interface Attached {
  readonly bridge: DesiredBridge;
  readonly port: Port;
  readonly row: InterfaceRow;
  readonly device: Device;
}

/** The interfaces of a bridge that work, by name; a bridge's own port without a row is not among them. */
export function attachedTo(bridge: DesiredBridge, { kernel }: SwitchView): Attached[] {
  const master = hiddenBridge(bridge, kernel);
  if (!master) return [];
  const attached = bridge.ports.flatMap((port) =>
    port.interfaces.flatMap((row) => {
      const device = port.locate(row.name, kernel, master);
      return device ? [{ bridge, port, row, device }] : [];
    }),
  );
  return attached.sort((a, b) => (a.row.name < b.row.name ? -1 : 1));
}

/** The interfaces of all bridges that work. */
export const attached = (view: SwitchView): Attached[] =>
  view.desired.bridges.flatMap((bridge) => attachedTo(bridge, view));

/** The OpenFlow port number that the row has now: what is desired may be from a look before it was given. */
export function ofportOf(name: string, { name: bridgeName }: BridgeRow | DesiredBridge, view: SwitchView) {
  const bridge = view.configuration.bridges.find((each) => each.name === bridgeName);
  const rows = bridge?.ports.flatMap(({ interfaces }) => interfaces);
  return rows?.find((row) => row.name === name)?.ofport;
}

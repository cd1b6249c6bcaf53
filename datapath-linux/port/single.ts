/** What ports of one interface have in common, those apart that no row may stand for. */
import type { InterfaceRow, PortRow } from '../configuration.ts';
import type { KernelState } from '../kernel.ts';
import type { Link } from '../netlink/link.ts';
import { takenMtu } from './change.ts';

/** A port that has the name of its interface. */
export abstract class SinglePort {
  readonly local = false;
  readonly name: string;
  readonly row: PortRow;
  readonly interfaces: readonly InterfaceRow[];

  constructor(row: InterfaceRow, port: PortRow) {
    this.name = row.name;
    this.row = port;
    this.interfaces = [row];
  }
}

/** A port whose device, which may have been there before, has that name too. */
export abstract class NamedDevicePort extends SinglePort {
  readonly device: string;
  readonly taken: readonly string[];
  protected readonly mtuRequest: number | undefined;

  constructor(row: InterfaceRow, port: PortRow) {
    super(row, port);
    this.device = row.name;
    this.taken = [row.name];
    this.mtuRequest = row.mtuRequest;
  }

  links(kernel: KernelState): readonly (Link | undefined)[] {
    return [kernel.find(this.name)];
  }

  mtuLimit(kernel: KernelState): number | undefined {
    const link = kernel.find(this.name);
    return link && (takenMtu(this.mtuRequest) ?? link.mtu);
  }
}

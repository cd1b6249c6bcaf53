/** What has become of bonds, for the database. What they are made of is their port's own business (port/bond.ts). */
import { Datum } from '../../schema/datum.ts';
import type { Desired } from '../desired.ts';
import type { KernelState } from '../kernel.ts';
import { bondModes, isCurrent, isEnabled } from '../netlink/bond.ts';
import type { Link } from '../netlink/link.ts';
import { BondPort } from '../port/bond.ts';
import type { Port } from '../port/port.ts';
import type { AspectDefinition, RowReport } from './aspect.ts';
import { membersOf } from './loop-guard.ts';

/** The member that stands for the bond: the one in use, or the first of several that are. */
export function activeMember(port: BondPort, kernel: KernelState): Link | undefined {
  const bond = kernel.find(port.device)?.bond;
  if (!bond) return undefined;
  const members = membersOf(port, kernel);
  if (bond.mode === bondModes.activeBackup) return members.find(({ ifindex }) => ifindex === bond.active);
  return members.find(({ bondMember }) => bondMember && isEnabled(bondMember, bond));
}

/** What the C daemon writes while no member works. */
const noAddress = '00:00:00:00:00:00';

function reportBond(port: BondPort, kernel: KernelState): RowReport[] {
  const active = activeMember(port, kernel);
  const address = active?.bondMember?.permanentAddress ?? noAddress;
  const members = new Map(membersOf(port, kernel).map((link) => [link.ifindex, link]));
  const isLacp = kernel.find(port.device)?.bond?.mode === bondModes.lacp;
  return [
    { table: 'Port', uuid: port.row.uuid, columns: new Map([['bond_active_slave', Datum.of(address)]]) },
    ...port.interfaces.map(({ uuid, name }): RowReport => {
      const device = port.members.find((member) => member.name === name)?.device;
      const member = device === undefined ? undefined : members.get(kernel.find(device)?.ifindex ?? 0)?.bondMember;
      const current = isLacp && member ? Datum.of(isCurrent(member)) : Datum.empty;
      return { table: 'Interface', uuid, columns: new Map([['lacp_current', current]]) };
    }),
  ];
}

/** A port that is no bond any more says nothing of one. */
function forget(port: Port): RowReport[] {
  const clear = (column: string) => new Map([[column, Datum.empty]]);
  const rows: RowReport[] = [];
  if (port.row && port.row.view.datum('bond_active_slave').size > 0) {
    rows.push({ table: 'Port', uuid: port.row.uuid, columns: clear('bond_active_slave') });
  }
  for (const { uuid, view } of port.interfaces) {
    if (view.datum('lacp_current').size > 0) rows.push({ table: 'Interface', uuid, columns: clear('lacp_current') });
  }
  return rows;
}

export const bonds: AspectDefinition<Desired, undefined> = {
  name: 'bonds',
  isPortwise: true,
  want: (desired) => desired,
  read: () => undefined,
  diff: () => [],
  report: ({ bridges }, _found, kernel) =>
    bridges.flatMap(({ ports }) =>
      ports.flatMap((port) => (port instanceof BondPort ? reportBond(port, kernel) : forget(port))),
    ),
};

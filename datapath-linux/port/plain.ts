/**
 * Ports that ask for nothing but a device in their bridge. Most do, so what concerns the others looks at no more than
 * those.
 */
import { monitoredColumns, reportedColumns } from '../configuration.ts';
import { once } from '../once.ts';
import type { RowView } from '../row-view.ts';
import type { Port } from './port.ts';

/** What the device is made of, and what has become of it. */
const deviceColumns: Readonly<Record<'Port' | 'Interface', readonly string[]>> = {
  Port: ['name', 'interfaces'],
  Interface: ['name', 'type', 'options', 'mac', 'mtu_request', 'ofport_request', ...reportedColumns.Interface],
};
const columnsOf = (table: 'Port' | 'Interface'): readonly string[] =>
  monitoredColumns[table].filter((column) => !deviceColumns[table].includes(column));
const portColumns = columnsOf('Port');
const interfaceColumns = columnsOf('Interface');

/** Columns that always hold a value: false or 0 when nobody has given them one. */
const scalars: ReadonlySet<string> = new Set([
  'fake_bridge',
  'protected',
  'bond_fake_iface',
  'bond_updelay',
  'bond_downdelay',
  'ingress_policing_rate',
  'ingress_policing_burst',
  'ingress_policing_kpkts_rate',
  'ingress_policing_kpkts_burst',
]);

function isUnset(view: RowView, column: string): boolean {
  const { size, first } = view.datum(column);
  return size === 0 || (scalars.has(column) && (first === false || Number(first) === 0));
}

const asksNothing = (view: RowView | undefined, columns: readonly string[]): boolean =>
  view === undefined || columns.every((column) => isUnset(view, column));

/** `links`: bonds, patch ports and tunnels are more than a device. */
const isPlain = once(
  ({ links, row, interfaces }: Port): boolean =>
    links !== undefined &&
    asksNothing(row?.view, portColumns) &&
    interfaces.every(({ view }) => asksNothing(view, interfaceColumns)),
);

/** The ports that ask for more than a device. */
export const demandingPorts = once(({ ports }: { readonly ports: readonly Port[] }): readonly Port[] =>
  ports.filter((port) => !isPlain(port)),
);

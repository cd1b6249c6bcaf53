/** Ports that no aspect needs to look at: those of whose columns nobody has set any but what the device is made of. */
import test from 'ava';
import { monitoredColumns, type PortRow, reportedColumns } from '../../datapath-linux/configuration.ts';
import { demandingPorts } from '../../datapath-linux/port/plain.ts';
import { SystemPort } from '../../datapath-linux/port/system.ts';
import { RowView } from '../../datapath-linux/row-view.ts';
import { Datum, defaultDatum } from '../../schema/datum.ts';
import { loadSchema } from '../../vsctl/switch-schema.ts';
import { interfaceRow } from '../helpers/rows.ts';

type Table = 'Port' | 'Interface';

const schema = loadSchema();

/** A row of that table as it is when it is made, but for one column. */
function viewOf(table: Table, column: string | undefined): RowView {
  const columns = schema.tables.get(table)?.columns;
  const datum = (name: string): Datum => {
    const { type } = columns?.get(name) ?? {};
    if (!type) return Datum.empty;
    if (name !== column) return defaultDatum(type);
    const value = { boolean: true, integer: 0, real: 1, string: 'x', uuid: '00000000-0000-4000-8000-000000000001' };
    // A set of none or one may hold a 0 too; what always holds a number must hold another.
    const key = type.key.type === 'integer' && type.min === 1 ? 1 : value[type.key.type];
    return Datum.fromElements([[key, type.value && 'x']]);
  };
  return new RowView({ uuid: '', datum, follow: () => undefined });
}

function isDemanding(table: Table, column: string | undefined): boolean {
  const view = (each: Table): RowView => viewOf(each, each === table ? column : undefined);
  const iface = interfaceRow('p0', { view: view('Interface') });
  const row: PortRow = { uuid: '', name: 'p0', interfaces: [iface], view: view('Port') };
  return demandingPorts({ ports: [new SystemPort(iface, row)] }).length > 0;
}

test('a port of whose columns none is set asks for a device only', (t) => {
  t.false(isDemanding('Port', undefined));
});

const device: Readonly<Record<Table, readonly string[]>> = {
  Port: ['name', 'interfaces'],
  Interface: ['name', 'type', 'options', 'mac', 'mtu_request', 'ofport_request', ...reportedColumns.Interface],
};

for (const table of ['Port', 'Interface'] as const) {
  for (const column of monitoredColumns[table]) {
    const isDevice = device[table].includes(column);
    test(`${table}.${column} ${isDevice ? 'is about the device' : 'is for the aspects to look at'}`, (t) => {
      t.is(isDemanding(table, column), !isDevice);
    });
  }
}

/** Rows of a configuration, with defaults for what a test does not care about. */
import type { BridgeRow, InterfaceRow, PortRow } from '../../datapath-linux/configuration.ts';
import { RowView } from '../../datapath-linux/row-view.ts';
import { Datum } from '../../schema/datum.ts';

/** Columns by name; a plain value stands for a set of one, an array for a set, a record for a map. */
export type ColumnValues = Readonly<
  Record<string, string | number | boolean | readonly (string | number)[] | Readonly<Record<string, string>>>
>;

function datumOf(value: ColumnValues[string]): Datum {
  if (typeof value !== 'object') return Datum.of(value);
  return Array.isArray(value) ? Datum.of(...value) : Datum.fromElements(Object.entries(value));
}

export const rowView = (columns: ColumnValues, uuid = ''): RowView => {
  const data = new Map(Object.entries(columns).map(([name, value]) => [name, datumOf(value)]));
  return new RowView({ uuid, datum: (column) => data.get(column) ?? Datum.empty, follow: () => undefined });
};

export const interfaceRow = (name: string, given: Partial<InterfaceRow> = {}): InterfaceRow => ({
  uuid: name,
  name,
  type: '',
  options: new Map(),
  mac: undefined,
  mtuRequest: undefined,
  ofport: undefined,
  ofportRequest: undefined,
  view: rowView({}, name),
  ...given,
});

/** A port of one interface that has its name. */
export const portRow = (name: string, given: Partial<InterfaceRow> = {}, columns: ColumnValues = {}): PortRow => ({
  uuid: name,
  name,
  interfaces: [interfaceRow(name, given)],
  view: rowView(columns, name),
});

export const bridgeRow = (name: string, ports: readonly PortRow[], given: Partial<BridgeRow> = {}): BridgeRow => ({
  uuid: '5fcd47c2-2b2d-40ce-9a8c-83eeeedfa981',
  name,
  datapathType: '',
  otherConfig: new Map(),
  ports,
  view: rowView({}, name),
  ...given,
});

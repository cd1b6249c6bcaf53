import type { Cell, Table } from '../rpc/table.ts';
import { OvsdbError } from '../schema/error.ts';
import { isObject, type Json, type JsonObject, member } from '../schema/json.ts';
import type { Column } from '../schema/schema.ts';
import type { Watched } from './monitor-request.ts';
import { parseLenient } from './value.ts';

/** Tells of what the server should not have sent. */
export type Complain = (message: string) => void;

type Rows = readonly (readonly Cell[])[];
/** The table's rows for one row of an update. */
type RowPrinter = (uuid: string, update: JsonObject, columns: readonly Column[], complain: Complain) => Rows;

/** The tables that show `<table-updates>` or `<table-updates2>`: one for each watched table in which something changed. */
export const updateTables = (
  updates: Json,
  watched: readonly Watched[],
  printRow: RowPrinter,
  complain: Complain,
): Table[] => {
  if (!isObject(updates)) {
    complain('<table-updates> is not object');
    return [];
  }
  return watched.flatMap(({ table, columns }) => {
    const update = member(updates, table.name);
    if (update === undefined) return [];
    if (!isObject(update)) {
      complain(`<table-update> for table ${table.name} is not object`);
      return [];
    }
    return [
      {
        ...(watched.length > 1 && { caption: table.name }),
        headings: ['row', 'action', ...columns.map(({ name }) => name)],
        rows: Object.entries(update).flatMap(([uuid, row]) => {
          if (isObject(row)) return printRow(uuid, row, columns, complain);
          complain('<row-update> is not object');
          return [];
        }),
      },
    ];
  });
};

const cells = (
  row: Json | undefined,
  action: string,
  uuid: string,
  columns: readonly Column[],
  complain: Complain,
): Rows => {
  if (row === undefined) complain(`missing ${action} row`);
  else if (!isObject(row)) complain('<row> is not object');
  else return [[uuid, action, ...columns.map((column) => cell(column, member(row, column.name)))]];
  return [];
};

const cell = ({ type }: Column, value: Json | undefined): Cell => {
  if (value === undefined) return undefined;
  try {
    return { datum: parseLenient(type, value), type };
  } catch (error) {
    if (error instanceof OvsdbError) return { json: value };
    throw error;
  }
};

/** The first answer to `monitor`. */
export const printInitial: RowPrinter = (uuid, update, columns, complain) =>
  cells(member(update, 'new'), 'initial', uuid, columns, complain);

/** A `<row-update>` of RFC 7047 section 4.1.6. */
export const printUpdate: RowPrinter = (uuid, update, columns, complain) => {
  const old = member(update, 'old');
  const now = member(update, 'new');
  if (old === undefined) return cells(now, 'insert', uuid, columns, complain);
  if (now === undefined) return cells(old, 'delete', uuid, columns, complain);
  return [...cells(old, 'old', uuid, columns, complain), ...cells(now, 'new', '', columns, complain)];
};

/** A `<row-update2>` of ovsdb-server(7), section 4.1.14. */
export const printUpdate2: RowPrinter = (uuid, update, columns, complain) => {
  if (member(update, 'delete') !== undefined) return [[uuid, 'delete', ...columns.map(() => undefined)]];
  const action = (['initial', 'modify', 'insert'] as const).find((kind) => member(update, kind) !== undefined);
  return action === undefined ? [] : cells(member(update, action), action, uuid, columns, complain);
};

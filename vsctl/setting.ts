import { parseAssignment } from './column-argument.ts';
import type { Context } from './context.ts';
import type { RowRef } from './edit.ts';
import { CommandFailure } from './failure.ts';
import { checkWritable } from './name.ts';
import { parseAtom, parseValue } from './value.ts';

/**
 * Sets a column, or a key of one, as `COLUMN[:KEY]=VALUE` says.
 * @throws CommandFailure
 */
export const assignColumn = ({ view, symbols }: Context, row: RowRef, setting: string): void => {
  const { column, key, value } = parseAssignment(row.table, setting);
  if (!view.isNew(row.uuid)) checkWritable(row.table, column);
  const { type } = column;
  if (key === undefined) {
    view.assign(row, column, parseValue(value, type, symbols));
    return;
  }
  if (type.value === undefined) {
    throw new CommandFailure(`cannot specify key to set for non-map column ${column.name}`);
  }
  const keyAtom = parseAtom(key, type.key, symbols);
  view.put(row, column, keyAtom, parseAtom(value, type.value, symbols));
};

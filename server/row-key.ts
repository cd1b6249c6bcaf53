import { type Atom, atomText } from '../schema/atom.ts';
import type { Datum } from '../schema/datum.ts';
import type { Row } from '../schema/row.ts';
import type { Column } from '../schema/schema.ts';
import type { ColumnType } from '../schema/type.ts';

const hasReals = ({ key, value }: ColumnType): boolean => key.type === 'real' || value?.type === 'real';

const exact = (atom: Atom | undefined): string => (typeof atom === 'string' ? JSON.stringify(atom) : String(atom));

/**
 * Text that two data of a column share exactly when they are equal. As printed for clients they may not: reals that
 * differ only past their 15th digit look alike.
 */
export const datumKey = (datum: Datum, type: ColumnType): string => {
  if (!hasReals(type)) {
    const { first } = datum;
    const isAtom = first !== undefined && datum.size === 1 && type.value === undefined;
    return isAtom ? atomText(type.key.type, first) : datum.text(type);
  }
  return `[${[...datum.elements()].map(([key, value]) => `${exact(key)}:${exact(value)}`).join()}]`;
};

/** Text that two rows share exactly when they are equal in those columns. */
export const rowKey = (row: Row, columns: readonly Column[]): string =>
  columns.map((column) => datumKey(row.get(column), column.type)).join();

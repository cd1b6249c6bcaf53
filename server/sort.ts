import type { Row } from '../schema/row.ts';
import type { Column } from '../schema/schema.ts';

/** Rows in the order of the first of the columns, rows alike in that by the second, and so on. */
export const sortRows = (rows: readonly Row[], columns: readonly Column[]): Row[] =>
  rows.toSorted((a, b) => {
    for (const column of columns) {
      const order = a.get(column).compare(b.get(column));
      if (order !== 0) return order;
    }
    return 0;
  });

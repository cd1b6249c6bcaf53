import { Datum, type Element } from './datum.ts';
import { difference } from './difference.ts';
import { type ColumnType, isMap } from './type.ts';

/**
 * What "update2" and "update3" send of a changed column (ovsdb-server(7), section 4.1.13): the new value where
 * there is one element at most; else the members that come or go; in a map also the new values.
 */
export const diffDatum = (type: ColumnType, before: Datum, after: Datum): Datum => {
  if (type.max === 1) return after;
  const map = isMap(type);
  const elements: Element[] = [];
  for (const change of difference(before, after)) {
    elements.push([change.key, map ? (change.new ?? change.old) : undefined]);
  }
  return Datum.fromElements(elements);
};

/** The inverse of diffDatum: `before` with such a difference applied. */
export const patchDatum = (type: ColumnType, before: Datum, diff: Datum): Datum => {
  if (type.max === 1) return diff;
  let after = before;
  for (const [key, value] of diff.elements()) {
    const gone = isMap(type) ? before.get(key) === value : before.has(key);
    after = gone ? after.remove(key) : after.put(key, value);
  }
  return after;
};

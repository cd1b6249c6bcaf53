import { compareAtoms } from './atom.ts';
import type { Datum } from './datum.ts';

/**
 * The order of two data as Open vSwitch's clients compare them: the larger one is the greater, then the first key that
 * differs decides, and values only where all keys are the same.
 */
export const compareData = (a: Datum, b: Datum): number => {
  if (a.size !== b.size) return a.size - b.size;
  const theirs = b.elements();
  let byValue = 0;
  for (const [key, value] of a.elements()) {
    const next = theirs.next();
    if (next.done) break;
    const [otherKey, otherValue] = next.value;
    const order = compareAtoms(key, otherKey);
    if (order !== 0) return order;
    byValue ||= compareAtoms(value ?? 0, otherValue ?? 0);
  }
  return byValue;
};

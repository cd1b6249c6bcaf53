import type { Atom } from '../schema/atom.ts';
import { Datum } from '../schema/datum.ts';
import { difference } from '../schema/difference.ts';
import type { Row } from '../schema/row.ts';
import type { Column } from '../schema/schema.ts';
import { isMap } from '../schema/type.ts';
import { UuidMap } from './uuid-map.ts';

/** The rows of a table by the elements of one column: the members of a set, the pairs of a map. */
export class Lookup {
  readonly #column: Column;
  readonly #uuids = new UuidMap();

  constructor(column: Column) {
    this.#column = column;
  }

  find(key: Atom, value: Atom | undefined): readonly string[] {
    return this.#uuids.get(elementKey(key, value));
  }

  replace(old: Row | undefined, row: Row | undefined): void {
    const map = isMap(this.#column.type);
    const before = old?.get(this.#column) ?? Datum.empty;
    const after = row?.get(this.#column) ?? Datum.empty;
    for (const { key, old: gone, new: added } of difference(before, after)) {
      if (gone !== undefined && old !== undefined) this.#uuids.remove(map ? elementKey(key, gone) : key, old.uuid);
      if (added !== undefined && row !== undefined) this.#uuids.add(map ? elementKey(key, added) : key, row.uuid);
    }
  }
}

/** A map's pair as one key; the length keeps pairs apart whose texts run together alike. */
const elementKey = (key: Atom, value: Atom | undefined): Atom =>
  value === undefined ? key : `${String(key).length} ${key} ${value}`;

import type { Atom } from '../schema/atom.ts';

/** Uuids of rows by a key. One uuid is held without a set around it: most keys have just one. */
export class UuidMap {
  readonly #uuids = new Map<Atom, string | Set<string>>();

  get(key: Atom): readonly string[] {
    const held = this.#uuids.get(key);
    if (held === undefined) return [];
    return typeof held === 'string' ? [held] : [...held];
  }

  add(key: Atom, uuid: string): void {
    const held = this.#uuids.get(key);
    if (held === undefined) this.#uuids.set(key, uuid);
    else if (typeof held !== 'string') held.add(uuid);
    else if (held !== uuid) this.#uuids.set(key, new Set([held, uuid]));
  }

  remove(key: Atom, uuid: string): void {
    const held = this.#uuids.get(key);
    if (held === uuid) this.#uuids.delete(key);
    else if (typeof held === 'object' && held.delete(uuid) && held.size === 0) this.#uuids.delete(key);
  }
}

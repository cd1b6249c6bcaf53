import { compareStrings } from '../../schema/atom.ts';
import { formatJson, isArray, isObject, type Json, type JsonObject } from '../../schema/json.ts';
import { zeroUuid } from '../../schema/uuid.ts';

const uuidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const wholeUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Replaces UUIDs by <0>, <1>, … in the order in which they are first seen, and back. So that the order does not depend
 * on the UUIDs, what the protocol leaves unordered is put in order first: rows of a `select`, members of objects and of
 * sets and maps of UUIDs. `_version` is always <version>.
 */
export class UuidNames {
  readonly #names = new Map<string, string>();
  readonly #uuids = new Map<string, string>();
  readonly #literal: ReadonlySet<string>;

  /** @param text UUIDs that stand in it stay as they are, as do zeros */
  constructor(text: string) {
    this.#literal = new Set([zeroUuid, ...(text.toLowerCase().match(uuidPattern) ?? [])]);
  }

  /** JSON with names in place of UUIDs. */
  normalize(json: Json): Json {
    return this.#name(sortUnordered(this.#mask(json, (uuid) => this.#names.get(uuid) ?? uuid)));
  }

  /** JSON with UUIDs in place of the names given so far. */
  restore(json: Json): Json {
    return mapStrings(json, (text) => text.replace(/<\d+>/g, (name) => this.#uuids.get(name) ?? name));
  }

  #mask(json: Json, rename: (uuid: string) => string): Json {
    return mapStrings(json, (text) =>
      text.replace(uuidPattern, (uuid) => (this.#literal.has(uuid) ? uuid : rename(uuid))),
    );
  }

  #name(json: Json): Json {
    if (typeof json === 'string') return this.#mask(json, (uuid) => this.#nameOf(uuid));
    if (isArray(json)) return json.map((each) => this.#name(each));
    if (!isObject(json)) return json;
    return fromEntries(
      Object.entries(json).map(([name, value]) => [
        String(this.#name(name)),
        name === '_version' ? ['uuid', '<version>'] : this.#name(value),
      ]),
    );
  }

  #nameOf(uuid: string): string {
    const known = this.#names.get(uuid);
    if (known !== undefined) return known;
    const name = `<${this.#names.size}>`;
    this.#names.set(uuid, name);
    this.#uuids.set(name, uuid);
    return name;
  }
}

const fromEntries = (entries: readonly (readonly [string, Json])[]): JsonObject => Object.fromEntries(entries);

const mapStrings = (json: Json, map: (text: string) => string): Json => {
  if (typeof json === 'string') return map(json);
  if (isArray(json)) return json.map((each) => mapStrings(each, map));
  if (!isObject(json)) return json;
  return fromEntries(Object.entries(json).map(([name, value]) => [map(name), mapStrings(value, map)]));
};

/** Text to sort by: UUIDs that have no name yet count as equal. */
const sortKey = (json: Json): string => formatJson(json, true).replace(uuidPattern, '<?>');
const byKey = (a: Json, b: Json): number => compareStrings(sortKey(a), sortKey(b));

const isUuidAtom = (json: Json | undefined): boolean => isArray(json) && json.length === 2 && json[0] === 'uuid';
const isUuidPair = (json: Json | undefined): boolean => isArray(json) && json.length === 2 && isUuidAtom(json[0]);

const sortUnordered = (json: Json): Json => {
  if (isArray(json)) {
    const elements = json.map(sortUnordered);
    const [keyword, members] = elements;
    if (elements.length !== 2 || !isArray(members)) return elements;
    const unordered =
      (keyword === 'set' && members.every(isUuidAtom)) || (keyword === 'map' && members.every(isUuidPair));
    return unordered ? [keyword, members.toSorted(byKey)] : elements;
  }
  if (!isObject(json)) return json;
  const members = Object.entries(json).map(([name, value]): [string, Json] => {
    const sorted = sortUnordered(value);
    return [name, name === 'rows' && isArray(sorted) ? sorted.toSorted(byKey) : sorted];
  });
  members.sort(([a, x], [b, y]) =>
    wholeUuid.test(a) && wholeUuid.test(b) ? byKey(x, y) : compareStrings(sortKey(a), sortKey(b)),
  );
  return fromEntries(members);
};

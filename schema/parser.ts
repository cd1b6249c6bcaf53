import { syntaxError } from './error.ts';
import { integerOf, isArray, isObject, type Json, type JsonObject, member } from './json.ts';
import { isId } from './uuid.ts';

/** What a member may be, and the TypeScript type it then has. */
interface Kinds {
  array: readonly Json[];
  boolean: boolean;
  id: string;
  integer: number | bigint;
  null: null;
  number: number | bigint;
  object: JsonObject;
  string: string;
}

const isNumber = (json: Json) => typeof json === 'number' || typeof json === 'bigint';
const tests: { readonly [kind in keyof Kinds]: (json: Json) => boolean } = {
  array: (json) => isArray(json),
  boolean: (json) => typeof json === 'boolean',
  id: (json) => typeof json === 'string' && isId(json),
  integer: (json) => (typeof json === 'number' || typeof json === 'bigint') && integerOf(json) !== undefined,
  null: (json) => json === null,
  number: isNumber,
  object: (json) => isObject(json),
  string: (json) => typeof json === 'string',
};

/**
 * Takes an object apart, member by member, and then insists that nothing is left: the protocol allows no members
 * that it does not name.
 * @throws OvsdbError syntax error, "Parsing <what> failed: …"
 */
export class ObjectParser {
  readonly json: JsonObject;
  readonly #what: string;
  readonly #used: string[] = [];

  constructor(json: Json, what: string) {
    this.#what = what;
    if (!isObject(json)) throw syntaxError(`Parsing ${what} failed: Object expected.`);
    this.json = json;
  }

  required<K extends keyof Kinds>(name: string, ...kinds: K[]): Kinds[K] {
    const value = this.optional(name, ...kinds);
    if (value === undefined) throw this.error(`Required '${name}' member is missing.`);
    return value;
  }

  optional<K extends keyof Kinds>(name: string, ...kinds: K[]): Kinds[K] | undefined {
    const value = member(this.json, name);
    if (value === undefined) return undefined;
    if (!this.#used.includes(name)) this.#used.push(name);
    if (!isOneOf(value, kinds)) throw this.error(`Type mismatch for member '${name}'.`);
    return value;
  }

  /** A member of any kind. */
  any(name: string): Json {
    const value = member(this.json, name);
    if (value === undefined) throw this.error(`Required '${name}' member is missing.`);
    if (!this.#used.includes(name)) this.#used.push(name);
    return value;
  }

  finish(): void {
    const names = Object.keys(this.json);
    if (names.length === this.#used.length) return;
    const [first, ...others] = names.filter((name) => !this.#used.includes(name)).reverse();
    if (first === undefined) return;
    const more = others.length === 0 ? ' is' : ` and ${others.length} other member${others.length > 1 ? 's' : ''} are`;
    throw this.error(`Member '${first}'${more} present but not allowed here.`);
  }

  error(message: string) {
    return syntaxError(`Parsing ${this.#what} failed: ${message}`, this.json);
  }
}

const isOneOf = <K extends keyof Kinds>(json: Json, kinds: K[]): json is Kinds[K] & Json =>
  kinds.some((kind) => tests[kind](json));

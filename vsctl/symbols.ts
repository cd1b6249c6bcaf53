import { isUuid } from '../schema/uuid.ts';
import { CommandFailure } from './failure.ts';

interface Symbol {
  readonly uuid: string;
  created: boolean;
  /** How data refer to it; a row that nothing refers to strongly is collected at once. */
  reference: 'none' | 'weak' | 'strong';
}

/** The `@name`s of one run (ovs-vsctl(8), "--id"). A name may be used before the command that defines it. */
export class Symbols {
  readonly #symbols = new Map<string, Symbol>();
  readonly #claimed = new Set<string>();
  readonly #newUuid: () => string;

  constructor(newUuid: () => string) {
    this.#newUuid = newUuid;
  }

  /** The uuid that `name` stands, or will stand, for. */
  refer(name: string, type: 'weak' | 'strong' | undefined): string {
    const symbol = this.#symbol(name);
    if (type === 'strong') symbol.reference = 'strong';
    else if (type === 'weak' && symbol.reference === 'none') symbol.reference = 'weak';
    return symbol.uuid;
  }

  /**
   * `create` makes the row that the name stands for, or one of that uuid. A row of a root table is kept without a
   * reference.
   */
  create(name: string, isRoot: boolean): string {
    if (isUuid(name)) return this.#claim(name);
    const symbol = this.#define(name, undefined);
    if (isRoot) symbol.reference = 'strong';
    return symbol.uuid;
  }

  /** `get` gives the name to a row that is there. */
  bind(name: string, uuid: string): void {
    const known = this.#symbols.has(name);
    this.#define(name, uuid).reference = 'strong';
    if (known) throw new CommandFailure(`row id "${name}" specified on "get" command was used before it was defined`);
  }

  /**
   * What is amiss once all commands have run: warnings about rows that will not be kept.
   * @throws CommandFailure a name was used that no command defines
   */
  *check(): Generator<string> {
    for (const [name, { created, reference }] of this.#symbols) {
      if (!created) {
        throw new CommandFailure(
          `row id "${name}" is referenced but never created (e.g. with "-- --id=${name} create ...")`,
        );
      }
      if (reference === 'strong') continue;
      const what = reference === 'weak' ? 'only a weak reference' : 'no reference';
      yield `row id "${name}" was created but ${what} to it was inserted, so it will not actually appear in the database`;
    }
  }

  /** A uuid may be given to one row only. It is no name: that nothing refers to the row is no matter for a warning. */
  #claim(text: string): string {
    const uuid = text.toLowerCase();
    if (this.#claimed.has(uuid)) throw new CommandFailure(`row id "${text}" may only be specified on one --id option`);
    this.#claimed.add(uuid);
    return uuid;
  }

  #define(name: string, uuid: string | undefined): Symbol {
    if (!name.startsWith('@')) throw new CommandFailure(`row id "${name}" does not begin with "@"`);
    const known = this.#symbols.get(name);
    if (known?.created) throw new CommandFailure(`row id "${name}" may only be specified on one --id option`);
    const symbol = uuid === undefined ? this.#symbol(name) : { uuid, created: true, reference: 'none' as const };
    symbol.created = true;
    this.#symbols.set(name, symbol);
    return symbol;
  }

  #symbol(name: string): Symbol {
    const known = this.#symbols.get(name);
    if (known !== undefined) return known;
    const symbol: Symbol = { uuid: this.#newUuid(), created: false, reference: 'none' };
    this.#symbols.set(name, symbol);
    return symbol;
  }
}

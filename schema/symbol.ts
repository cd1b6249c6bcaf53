import { OvsdbError, syntaxError } from './error.ts';
import type { Json } from './json.ts';
import { isId } from './uuid.ts';

interface Symbol {
  readonly uuid: string;
  created: boolean;
}

/**
 * The named-uuids of one transaction (RFC 7047 section 5.1). A name may be used before the insert that defines it;
 * the uuid it stands for is chosen when the name is first seen.
 */
export class SymbolTable {
  #symbols: Map<string, Symbol> | undefined;
  readonly #newUuid: () => string;

  constructor(newUuid: () => string) {
    this.#newUuid = newUuid;
  }

  /** The uuid of the row that the name stands, or will stand, for. */
  refer(name: string, at: Json): string {
    if (!isId(name)) throw syntaxError('named-uuid string is not a valid <id>', at);
    return this.#symbol(name).uuid;
  }

  /**
   * The name's row is being inserted, with `uuid` if the client chose one.
   * @throws OvsdbError duplicate uuid-name
   */
  define(name: string, uuid: string | undefined): string {
    const known = this.#symbols?.get(name);
    if (known?.created) {
      throw new OvsdbError('duplicate uuid-name', 'This "uuid-name" appeared on an earlier "insert" operation.', name);
    }
    const symbol = uuid === undefined ? this.#symbol(name) : { uuid, created: true };
    symbol.created = true;
    return this.#put(name, symbol).uuid;
  }

  #symbol(name: string): Symbol {
    return this.#symbols?.get(name) ?? this.#put(name, { uuid: this.#newUuid(), created: false });
  }

  #put(name: string, symbol: Symbol): Symbol {
    this.#symbols ??= new Map();
    this.#symbols.set(name, symbol);
    return symbol;
  }
}

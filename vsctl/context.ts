import type { Table } from '../rpc/table.ts';
import type { DatabaseSchema } from '../schema/schema.ts';
import type { RowRef } from './edit.ts';
import { Model } from './model.ts';
import type { Symbols } from './symbols.ts';
import type { View } from './view.ts';

/** A command as it was given. */
export interface Invocation {
  readonly name: string;
  /** Options by name, with their leading "--"; the value is undefined for options that take none. */
  readonly options: ReadonlyMap<string, string | undefined>;
  readonly arguments: readonly string[];
}

/** What a command prints: text, a table, or the uuid that a new row will have got. */
export type Output = string | Table | { readonly uuidOf: RowRef };

export type Warn = (module: string, message: string) => void;

/** What the commands of one run share. */
export class Context {
  readonly view: View;
  readonly model: Model;
  readonly symbols: Symbols;
  readonly warn: Warn;
  /** Interfaces that the switch is to set up: it is checked afterwards whether it could. */
  readonly newInterfaces: RowRef[] = [];
  #root: RowRef | undefined;

  constructor(view: View, symbols: Symbols, warn: Warn) {
    this.view = view;
    this.model = new Model(view);
    this.symbols = symbols;
    this.warn = warn;
  }

  get schema(): DatabaseSchema {
    return this.view.schema;
  }

  /** The one row of Open_vSwitch, which a run makes where it is missing. */
  get root(): RowRef {
    this.#root ??= this.#findRoot();
    return this.#root;
  }

  #findRoot(): RowRef {
    const table = this.view.table('Open_vSwitch');
    const [row] = this.view.all(table);
    if (row !== undefined) return row;
    this.view.guardEmpty(table);
    return this.view.insert(table);
  }
}

import type { DatabaseSchema } from '../schema/schema.ts';
import type { Context, Invocation, Output, Warn } from './context.ts';

/** A row of the command table. */
export interface Command {
  readonly name: string;
  readonly minArguments: number;
  /** Infinity where there is no limit. */
  readonly maxArguments: number;
  /** The arguments, as `--commands` lists them: what C's list leaves out, programs that read it do not expect. */
  readonly usage: string;
  /** The arguments as people read them, where `usage` says less, or says it in another way. */
  readonly synopsis?: string;
  /** What it does, in a few words. */
  readonly about: string;
  /** The command's options; a name that ends in "=" takes a value. */
  readonly options: readonly string[];
  /** Whether it may change the database. */
  readonly writes: boolean;
  /** What can be said against the arguments before the database is asked; it throws CommandFailure. */
  readonly check?: (schema: DatabaseSchema, invocation: Invocation, warn: Warn) => void;
  readonly run: (context: Context, invocation: Invocation) => Output;
}

import type { Daemon } from '../rpc/daemon.ts';
import type { Table } from '../rpc/table.ts';
import type { Connection } from './connection.ts';
import type { Settings } from './settings.ts';

/** What a command works with. */
export interface Context {
  readonly settings: Settings;
  readonly daemon: Daemon;
  readonly print: (text: string) => void;
  readonly printTable: (table: Table) => void;
}

/** What a command that needs a connection works with; `database` is '' for one that needs none. */
export interface Online extends Context {
  readonly connection: Connection;
  readonly database: string;
}

interface CommandBase {
  readonly name: string;
  /** The arguments, for people; `[SERVER]` and `[DATABASE]` are not counted in min and max. */
  readonly usage: string;
  readonly about: string;
  readonly min: number;
  readonly max: number;
}

/** One command of ovsdb-client(1), with what is to be there before it runs. */
export type Command =
  | (CommandBase & { readonly needs: 'nothing'; readonly run: Run<Context> })
  | (CommandBase & { readonly needs: 'server' | 'database'; readonly run: Run<Online> });

export type Run<Needed> = (context: Needed, args: readonly string[]) => Promise<void> | void;

import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Client } from '../../rpc/client.ts';
import { isObject, type Json, member, type OutJsonObject } from '../../schema/json.ts';
import type { RemotesOptions } from '../../server/remotes.ts';
import { Server } from '../../server/server.ts';
import { readSchema } from '../../server/server-database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import { projectFile } from './project.ts';
import { temporaryFolder } from './temporary.ts';

/** Two tables: the one row of Root refers to rows of Remote, each of which configures a remote; and what roles need. */
const remotesSchema = projectFile('test/cases/schemas/remotes.ovsschema');

/** A server in this process, whose remotes are configured by rows of its database `Remotes`. */
export class LocalServer {
  readonly server: Server;
  readonly socket: string;
  readonly client: Client;

  private constructor(server: Server, socket: string, client: Client) {
    this.server = server;
    this.socket = socket;
    this.client = client;
  }

  static async start(
    t: Pick<ExecutionContext, 'teardown'>,
    connections: RemotesOptions = {},
    ...remotes: readonly string[]
  ): Promise<LocalServer> {
    const folder = temporaryFolder(t);
    const database = join(folder, 'remotes.db');
    SqliteStorage.create(database, readSchema(remotesSchema));
    const socket = join(folder, 'socket');
    const server = await Server.start({
      databases: [database],
      remotes: [`punix:${socket}`, 'db:Remotes,Root,remotes', 'db:Remotes,Root,targets', ...remotes],
      connections,
    });
    t.teardown(() => server.close());
    const client = await Client.connect(`unix:${socket}`);
    t.teardown(() => client.close());
    await client.transact('Remotes', [{ op: 'insert', table: 'Root', row: {} }]);
    return new LocalServer(server, socket, client);
  }

  /** Adds a row that configures a remote; the columns are those of table Remote. */
  async configure(row: OutJsonObject): Promise<void> {
    const remotes: OutJsonObject = { op: 'mutate', table: 'Root', where: [] };
    await this.client.transact('Remotes', [
      { op: 'insert', table: 'Remote', 'uuid-name': 'remote', row },
      { ...remotes, mutations: [['remotes', 'insert', ['named-uuid', 'remote']]] },
    ]);
  }

  /** Adds a remote on a port that the system chooses, and waits until it listens there. */
  async listen(row: OutJsonObject & { readonly target: string }): Promise<number> {
    await this.configure(row);
    return Number(await this.status(row.target, 'bound_port'));
  }

  /** Waits until the status of a remote has such a key. */
  async status(target: string, key: string): Promise<string> {
    const status = await this.when(target, (row) => keysOf(row, 'status').has(key));
    return keysOf(status, 'status').get(key) ?? '';
  }

  /** Waits until the row of a remote is as it should be. */
  async when(target: string, condition: (row: Json) => boolean): Promise<Json> {
    for (;;) {
      const select = { op: 'select', table: 'Remote', where: [['target', '==', target]] };
      const [result] = await this.client.transact('Remotes', [select]);
      const rows = result === undefined ? undefined : member(result, 'rows');
      const row = Array.isArray(rows) ? rows[0] : undefined;
      if (row !== undefined && condition(row)) return row;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** A map column of a row that a select returned. */
export const keysOf = (row: Json, column: string): Map<string, string> => {
  const [, pairs] = isObject(row) && Array.isArray(row[column]) ? row[column] : [];
  return new Map(Array.isArray(pairs) ? pairs.map(([key, value]) => [String(key), String(value)]) : []);
};

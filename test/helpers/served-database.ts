import { existsSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { Client } from '../../rpc/client.ts';
import { formatJson, isArray, type JsonObject, type OutJson } from '../../schema/json.ts';
import { schemaToJson } from '../../schema/schema.ts';
import { readSchema } from '../../server/server-database.ts';
import { SqliteStorage } from '../../server/storage.ts';
import { DaemonFolder, type Kind } from './daemon-folder.ts';
import { until } from './until.ts';

/** A server, the C program or ours, and the one database that it serves, which has or gets the schema. */
export class ServedDatabase {
  readonly kind: Kind;
  readonly folder: DaemonFolder;
  readonly schema: string;
  readonly name: string;
  readonly #args: readonly string[];
  #running: ReturnType<DaemonFolder['start']> | undefined;

  private constructor(t: ExecutionContext, kind: Kind, schema: string, args: readonly string[]) {
    this.kind = kind;
    this.schema = schema;
    this.name = readSchema(schema).name;
    this.folder = new DaemonFolder(t);
    this.#args = args;
  }

  /** Serves a database in a file, which is new. */
  static async inFile(t: ExecutionContext, kind: Kind, schema: string, ...options: string[]): Promise<ServedDatabase> {
    const served = new ServedDatabase(t, kind, schema, ['database', ...options]);
    const path = served.folder.file('database');
    if (kind === 'ours') SqliteStorage.create(path, readSchema(schema));
    else await served.folder.run('c', 'ovsdb-tool', 'create', path, schema);
    await served.start();
    return served;
  }

  /** Relays the database of another server, which need not be there. */
  static async relaying(
    t: ExecutionContext,
    kind: Kind,
    source: ServedDatabase,
    target = source.target,
    ...options: string[]
  ): Promise<ServedDatabase> {
    const served = new ServedDatabase(t, kind, source.schema, [`relay:${source.name}:${target}`, ...options]);
    await served.start();
    return served;
  }

  get socket(): string {
    return this.folder.file('socket');
  }
  get target(): string {
    return `unix:${this.socket}`;
  }
  /** What it logged, since it was first started. */
  get log(): string {
    return this.folder.has('log') ? this.folder.read('log') : '';
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const { folder, socket } = this;
    const options = [
      `--remote=punix:${socket}`,
      `--unixctl=${folder.file('control')}`,
      `--log-file=${folder.file('log')}`,
    ];
    this.#running = folder.start(this.kind, 'ovsdb-server', '-vconsole:off', ...options, ...this.#args);
    let ended = '';
    this.#running.ended.then(({ stderr }) => {
      ended = stderr || 'it ended';
    });
    await until('the server listens', async () => {
      if (ended !== '') throw new Error(ended);
      return existsSync(socket) && (await this.use(async () => true).catch(() => false));
    });
  }

  /** Ends it, without a chance to say goodbye if so wished. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#running?.child.kill(signal);
    await this.#running?.ended;
  }

  /** Lends a connection. */
  async use<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = await Client.connect(this.target);
    try {
      return await work(client);
    } finally {
      client.close();
    }
  }

  /** The results of a transaction, with errors in them. */
  transact(...operations: readonly OutJson[]): Promise<readonly OutJson[]> {
    return this.use(async ({ peer }) => {
      const results = await peer.request('transact', [this.name, ...operations]);
      return isArray(results) ? results : [results];
    });
  }

  /** All rows, in order, as text: equal for databases that are equal. */
  async rows(): Promise<string[]> {
    const tables = [...readSchema(this.schema).tables.values()];
    const results = await this.transact(
      ...tables.map(({ name, ownColumns }): JsonObject => {
        const columns = ['_uuid', ...ownColumns.filter(({ ephemeral }) => !ephemeral).map((each) => each.name)];
        return { op: 'select', table: name, where: [], columns };
      }),
    );
    return results.flatMap((result, i) => {
      const rows = isArray(Object(result).rows) ? Object(result).rows : [];
      return rows.map((row: JsonObject) => `${tables[i]?.name} ${formatJson(row, true)}`).sort();
    });
  }

  /** Waits until it has the same rows as another. */
  async equals(other: ServedDatabase): Promise<boolean> {
    await until(`the ${this.kind} server has what its source has`, async () => {
      const [ours, theirs] = await Promise.all([this.rows().catch(() => null), other.rows()]);
      return formatJson(ours) === formatJson(theirs);
    });
    return true;
  }

  /** What `ovs-appctl` prints, and how it exits. */
  async appctl(command: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.folder.appctl('c', '-t', this.folder.file('control'), command, ...args);
    return `${stdout}${stderr}${code === 0 ? '' : `exit ${code}\n`}`;
  }

  /** Has the server convert the database to another schema. */
  convert(schema: string): Promise<unknown> {
    return this.use(({ peer }) => peer.request('convert', [this.name, schemaToJson(readSchema(schema))]));
  }
}

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { directories } from '../rpc/directories.ts';
import { logFor } from '../rpc/log.ts';
import { systemMessage } from '../rpc/system-error.ts';
import { formatJson, isObject, member, parseJson } from '../schema/json.ts';
import type { ActiveBackup } from './active-backup.ts';
import {
  type Configuration,
  ConfigurationError,
  type DatabaseConfiguration,
  type PairConfiguration,
  parseConfiguration,
  parseDatabaseArgument,
} from './config-file.ts';
import { ExcludedTables } from './excluded-tables.ts';
import { type Server, ServerError } from './server.ts';
import { defaultSourceSettings } from './source.ts';

const log = logFor('ovsdb_server');

export interface ServiceOptions {
  /** Where the configuration is read from; then it cannot be changed but there. */
  readonly configFile?: string | undefined;
  /** Told what the configuration is now, as text that `restore` takes, when it was changed other than by the file. */
  readonly changed: (configuration: string) => void;
}

/** A server with the configuration that it has been given, and how to give it another. */
export class Service {
  readonly server: Server;
  readonly configFile: string | undefined;
  /** The part that the whole server has in an active-backup pair, as the command line and ovs-appctl say. */
  readonly pair: ActiveBackup;
  /** The parts that single databases have, as the configuration file says, by the name of the database. */
  readonly #pairs = new Map<string, { readonly pair: ActiveBackup; readonly configured: string }>();
  readonly #changed: (configuration: string) => void;
  /** Relative paths are those of the place where the program was started, where it stays no longer than that. */
  readonly #folder = process.cwd();
  #relaySettings = defaultSourceSettings;
  #problem: string | undefined;

  constructor(server: Server, { configFile, changed }: ServiceOptions) {
    this.server = server;
    this.configFile = configFile;
    this.#changed = changed;
    this.pair = server.addPair(() => true);
  }

  /** What went wrong first, if anything did. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Makes the server what `configuration` says; the log tells what cannot be done.
   * @param create make database files that do not exist, of the vswitch schema
   * @returns whether all of it could be done
   */
  async configure({ databases, remotes, pair }: Configuration, create = false): Promise<boolean> {
    const databasesDone = await this.#configureDatabases(databases, create);
    if (!databasesDone) this.#complain('failed to configure databases');
    if (pair !== undefined) takePart(this.pair, pair);
    const remotesDone = await this.#configureRemotes(remotes);
    return databasesDone && remotesDone;
  }

  /** As `configure`, with the file's contents. */
  async load(): Promise<boolean> {
    if (this.configFile === undefined) return true;
    const text = this.#readConfigFile(this.configFile);
    if (text === undefined) return false;
    log.info(`loading configuration from '${this.configFile}'`);
    let configuration: Configuration;
    try {
      configuration = parseConfiguration(text);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      for (const message of error.messages) this.#complain(message);
      this.#complain(`failed to load configuration from ${this.configFile}`);
      return false;
    }
    return this.configure(configuration);
  }

  /** As `configure`, with what another process noted by `changed`. */
  restore(text: string): Promise<boolean> {
    return this.configure({ ...parseConfiguration(text), pair: parsePair(text) });
  }

  /** What `ovs-appctl ovsdb-server/sync-status` prints: for the whole server, or for the databases that have a part. */
  get syncStatus(): string {
    if (this.#pairs.size === 0) return this.pair.status;
    return [...this.#pairs.values()].map(({ pair }) => pair.status).join('');
  }

  /** Of relays whose configuration does not say: silence after which the source is probed, in ms; 0 for never. */
  set relayProbeInterval(probeInterval: number) {
    this.#relaySettings = { ...this.#relaySettings, probeInterval };
    for (const relay of this.server.relays.values()) relay.settings = { ...relay.settings, probeInterval };
  }

  /** To be called when the server was told to change. */
  save(): void {
    if (this.configFile !== undefined) return;
    const remotes = Object.fromEntries(this.server.listRemotes().map((target) => [target, null]));
    const files = [...this.server.files.values()].map((path) => [path, null]);
    const relays = [...this.server.relays].map(([name, { source, settings }]) => [
      name,
      {
        'service-model': 'relay',
        source: { [source]: { 'inactivity-probe': settings.probeInterval, 'max-backoff': settings.maxBackoff } },
      },
    ]);
    const { target, excluded, isBackup } = this.pair;
    const pair = { target, excluded: excluded.toString(), backup: isBackup };
    this.#changed(formatJson({ remotes, databases: Object.fromEntries([...files, ...relays]), pair }));
  }

  /**
   * Serves another database: a file, or relay:DB:SOURCE.
   * @throws as Server.addDatabase and Server.addRelay
   */
  async addDatabase(argument: string): Promise<void> {
    await this.#add(parseDatabaseArgument(argument));
  }

  async #add({ name, model, source, sourceSettings }: DatabaseConfiguration): Promise<void> {
    if (model === 'relay') {
      return this.server.addRelay(name, source ?? '', { ...this.#relaySettings, ...sourceSettings });
    }
    const path = this.#locate(name);
    if (!existsSync(path)) throw new ServerError(`I/O error: ${name}: open failed (No such file or directory)`);
    await this.server.addDatabase(path);
  }

  /** A file's absolute path: relative to where the program was started if it is there, else to where databases are. */
  #locate(name: string): string {
    const here = resolve(this.#folder, name);
    const usual = resolve(directories().db, name);
    return existsSync(here) || !existsSync(usual) ? here : usual;
  }

  async #configureDatabases(databases: readonly DatabaseConfiguration[], create: boolean): Promise<boolean> {
    const wanted = new Set(databases.map((each) => this.#keyOf(each)));
    for (const [name, key] of this.#served) {
      if (!wanted.has(key)) await this.server.removeDatabase(name, `database ${name} removed from configuration`);
    }
    const served = new Set(this.#served.values());
    let done = true;
    for (const database of databases) {
      if (!served.has(this.#keyOf(database)) && !(await this.#open(database, create))) done = false;
    }
    for (const { name, model, sourceSettings } of databases) {
      const relay = model === 'relay' ? this.server.relays.get(name) : undefined;
      if (relay !== undefined) relay.settings = { ...this.#relaySettings, ...sourceSettings };
    }
    this.#configurePairs(databases);
    return done;
  }

  /** The databases that are served, by name: what tells them from others. */
  get #served(): Map<string, string> {
    const relays = [...this.server.relays].map(([name, { source }]) => [name, relayKey(name, source)] as const);
    return new Map([...this.server.files, ...relays]);
  }

  #keyOf({ name, model, source }: DatabaseConfiguration): string {
    return model === 'relay' ? relayKey(name, source) : this.#locate(name);
  }

  #configurePairs(databases: readonly DatabaseConfiguration[]): void {
    const byPath = new Map(databases.map((each) => [this.#keyOf(each), each]));
    const wanted = new Map([...this.server.files].map(([name, path]) => [name, byPath.get(path)]));
    for (const [name, { pair }] of [...this.#pairs]) {
      if (wanted.get(name)?.model === 'active-backup') continue;
      this.server.removePair(pair);
      this.#pairs.delete(name);
    }
    for (const [name, database] of wanted) if (database?.model === 'active-backup') this.#configurePair(name, database);
  }

  #configurePair(name: string, { source, sourceSettings, backup, excludedTables }: DatabaseConfiguration): void {
    const configured = formatJson([source ?? null, { ...sourceSettings }, backup, excludedTables]);
    const known = this.#pairs.get(name);
    if (known?.configured === configured) return;
    const pair = known?.pair ?? this.server.addPair((each) => each === name);
    this.#pairs.set(name, { pair, configured });
    const excluded = excludedTables.map((table) => (table.includes(':') ? table : `${name}:${table}`)).join();
    pair.settings = { ...defaultSourceSettings, ...sourceSettings };
    takePart(pair, { target: source, excluded, backup });
  }

  async #open(database: DatabaseConfiguration, create: boolean): Promise<boolean> {
    const { name, model } = database;
    try {
      if (model === 'clustered') throw new ServerError(`ovsdb error: ${name}: database is standalone and not ${model}`);
      const isFile = model !== 'relay';
      if (create && isFile && !existsSync(this.#locate(name))) this.server.createDatabase(this.#locate(name));
      await this.#add(database);
      return true;
    } catch (error) {
      this.#complain(`failed to open database '${name}': ${error instanceof Error ? error.message : error}`);
      return false;
    }
  }

  async #configureRemotes(remotes: Configuration['remotes']): Promise<boolean> {
    const problems = await this.server.replaceRemotes(remotes);
    for (const problem of problems) this.#complain(`failed to configure remotes: ${problem}`);
    return problems.length === 0;
  }

  /** Undefined when it cannot be read, which the log tells then. */
  #readConfigFile(path: string): string | undefined {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      this.#problem ??= `failed to open configuration file '${path}': ${systemMessage(error)}`;
      log.err(this.#problem);
      return undefined;
    }
  }

  #complain(problem: string): void {
    this.#problem ??= problem;
    log.warn(problem);
  }
}

const relayKey = (name: string, source: string | undefined): string => `relay:${name}:${source}`;

/** @throws ExcludedTablesError */
const takePart = (pair: ActiveBackup, { target, excluded, backup }: PairConfiguration): void => {
  if (target !== undefined) pair.target = target;
  pair.disconnect();
  pair.excluded = new ExcludedTables(excluded);
  if (backup) pair.connect();
};

/** What `save` noted about the server's part in an active-backup pair. */
const parsePair = (text: string): PairConfiguration | undefined => {
  const json = parseJson(text);
  const pair = isObject(json) ? member(json, 'pair') : undefined;
  if (!isObject(pair)) return undefined;
  const target = member(pair, 'target');
  return {
    target: typeof target === 'string' ? target : undefined,
    excluded: String(member(pair, 'excluded') ?? ''),
    backup: member(pair, 'backup') === true,
  };
};

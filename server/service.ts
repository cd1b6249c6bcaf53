import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { directories } from '../rpc/directories.ts';
import { logFor } from '../rpc/log.ts';
import { systemMessage } from '../rpc/system-error.ts';
import { formatJson } from '../schema/json.ts';
import {
  type Configuration,
  ConfigurationError,
  type DatabaseConfiguration,
  parseConfiguration,
} from './config-file.ts';
import { createDatabase, type Server, ServerError } from './server.ts';

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
  readonly #changed: (configuration: string) => void;
  /** Relative paths are those of the place where the program was started, where it stays no longer than that. */
  readonly #folder = process.cwd();

  constructor(server: Server, { configFile, changed }: ServiceOptions) {
    this.server = server;
    this.configFile = configFile;
    this.#changed = changed;
  }

  /**
   * Makes the server what `configuration` says; the log tells what cannot be done.
   * @param create make database files that do not exist, of the vswitch schema
   * @returns whether all of it could be done
   */
  async configure({ databases, remotes }: Configuration, create = false): Promise<boolean> {
    const databasesDone = await this.#configureDatabases(databases, create);
    if (!databasesDone) log.warn('failed to configure databases');
    const remotesDone = await this.#configureRemotes(remotes);
    return databasesDone && remotesDone;
  }

  /** As `configure`, with the file's contents. */
  async load(): Promise<boolean> {
    if (this.configFile === undefined) return true;
    const text = readConfigFile(this.configFile);
    if (text === undefined) return false;
    log.info(`loading configuration from '${this.configFile}'`);
    let configuration: Configuration;
    try {
      configuration = parseConfiguration(text);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      for (const message of error.messages) log.warn(message);
      log.warn(`failed to load configuration from ${this.configFile}`);
      return false;
    }
    return this.configure(configuration);
  }

  /** As `configure`, with what another process noted by `changed`. */
  restore(text: string): Promise<boolean> {
    return this.configure(parseConfiguration(text));
  }

  /** To be called when the server was told to change. */
  save(): void {
    if (this.configFile !== undefined) return;
    const remotes = Object.fromEntries(this.server.listRemotes().map((target) => [target, null]));
    const databases = Object.fromEntries([...this.server.files.values()].map((path) => [path, null]));
    this.#changed(formatJson({ remotes, databases }));
  }

  /**
   * Serves another database file.
   * @throws as Server.addDatabase
   */
  async addDatabase(name: string): Promise<void> {
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
    const wanted = new Set(databases.map(({ name }) => this.#locate(name)));
    for (const [name, path] of [...this.server.files]) {
      if (!wanted.has(path)) await this.server.removeDatabase(name, `database ${name} removed from configuration`);
    }
    const served = new Set(this.server.files.values());
    let done = true;
    for (const database of databases) {
      if (served.has(this.#locate(database.name))) continue;
      if (!(await this.#open(database, create))) done = false;
    }
    return done;
  }

  async #open({ name, model }: DatabaseConfiguration, create: boolean): Promise<boolean> {
    try {
      if (model !== undefined && model !== 'standalone') {
        throw new ServerError(`ovsdb error: ${name}: database is standalone and not ${model}`);
      }
      if (create && !existsSync(this.#locate(name))) createDatabase(this.#locate(name));
      await this.addDatabase(name);
      return true;
    } catch (error) {
      log.warn(`failed to open database '${name}': ${error instanceof Error ? error.message : error}`);
      return false;
    }
  }

  async #configureRemotes(remotes: Configuration['remotes']): Promise<boolean> {
    const problems = await this.server.replaceRemotes(remotes);
    for (const problem of problems) log.warn(`failed to configure remotes: ${problem}`);
    return problems.length === 0;
  }
}

/** Undefined when it cannot be read, which the log tells then. */
const readConfigFile = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    log.err(`failed to open configuration file '${path}': ${systemMessage(error)}`);
    return undefined;
  }
};

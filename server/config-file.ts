import { resolve } from 'node:path';
import { directories } from '../rpc/directories.ts';
import { OvsdbError, syntaxError } from '../schema/error.ts';
import { isArray, isObject, type Json, type JsonObject, member } from '../schema/json.ts';
import { readJson } from '../schema/json-check.ts';
import { ObjectParser } from '../schema/parser.ts';
import type { RemoteSettings } from './remote-settings.ts';
import type { SourceSettings } from './source.ts';

/** What a server serves and how it is reached. */
export interface Configuration {
  /** With the settings that are not at their defaults. */
  readonly remotes: ReadonlyMap<string, Partial<RemoteSettings>>;
  readonly databases: readonly DatabaseConfiguration[];
  /** The part that the whole server has in an active-backup pair; not from a file, which says it for each database. */
  readonly pair?: PairConfiguration | undefined;
}

export interface PairConfiguration {
  /** The server to be a backup of. */
  readonly target: string | undefined;
  /** As ExcludedTables takes it. */
  readonly excluded: string;
  readonly backup: boolean;
}

const serviceModels = ['standalone', 'clustered', 'relay', 'active-backup'] as const;
type ServiceModel = (typeof serviceModels)[number];
const isServiceModel = (word: string): word is ServiceModel => serviceModels.some((model) => model === word);

export interface DatabaseConfiguration {
  /** As it is written: relative to the folder of databases; for a relay, the name of the database. */
  readonly name: string;
  /** Undefined: what the file says. */
  readonly model: ServiceModel | undefined;
  /** The server to copy or to stand in for. */
  readonly source: string | undefined;
  /** Of the connection to that server; what is left out is at its default. */
  readonly sourceSettings: Partial<SourceSettings>;
  /** For `active-backup`: whether to start as the backup. */
  readonly backup: boolean;
  /** For `active-backup`: tables that are not copied. */
  readonly excludedTables: readonly string[];
}

const standard = { model: undefined, source: undefined, sourceSettings: {}, backup: false, excludedTables: [] };
const relayArgument = /^relay:([^:]*):(.*)$/s;

/**
 * A database as the command line names it: a file, or relay:DB:SOURCE.
 * @throws Error
 */
export const parseDatabaseArgument = (argument: string): DatabaseConfiguration => {
  if (!argument.startsWith('relay:')) return { ...standard, name: argument };
  const [, name, source] = relayArgument.exec(argument) ?? [];
  if (!name || !source) throw new Error(`ovsdb error: ${argument}: invalid syntax`);
  return { ...standard, name, model: 'relay', source };
};

/** The configuration cannot be used; the messages say where and why, the one closest to the fault first. */
export class ConfigurationError extends Error {
  readonly messages: readonly string[];
  constructor(...messages: readonly string[]) {
    super(messages.join('\n'));
    this.messages = messages;
  }
}

export const configurationPath = (path: string): string => resolve(directories().db, path);

/** @throws ConfigurationError */
export const parseConfiguration = (text: string): Configuration => {
  const json = parseText(text);
  if (!isObject(json)) throw new ConfigurationError('configuration in a file must be a JSON object');
  return { remotes: parseRemotes(member(json, 'remotes')), databases: parseDatabases(member(json, 'databases')) };
};

const parseText = (text: string): Json => {
  try {
    return readJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ConfigurationError(`config: reading JSON failed (${error.message})`);
  }
};

const parseRemotes = (json: Json = null): Map<string, Partial<RemoteSettings>> => {
  if (json === null) return new Map();
  const failed = "config: failed to parse 'remotes'";
  if (!isObject(json)) throw new ConfigurationError("config: 'remotes' is not a JSON object", failed);
  try {
    return new Map(Object.entries(json).map(([target, options]) => [target, parseRemoteSettings(target, options)]));
  } catch (error) {
    throw error instanceof OvsdbError ? new ConfigurationError(error.message, failed) : error;
  }
};

/** The parser of what is said of a connection; null says nothing. */
const connectionParser = (target: string, json: Json): ObjectParser => {
  if (json !== null && !isObject(json)) {
    throw syntaxError(`${target}: JSON-RPC options are not a JSON object or null`);
  }
  return new ObjectParser(json ?? {}, `JSON-RPC options of ${target}`);
};

const parseConnection = (parser: ObjectParser): Partial<SourceSettings> => {
  const maxBackoff = parser.optional('max-backoff', 'integer');
  const probeInterval = parser.optional('inactivity-probe', 'integer');
  // Marks packets for routers, which this program cannot.
  parser.optional('dscp', 'integer');
  return {
    ...(maxBackoff !== undefined && { maxBackoff: Number(maxBackoff) }),
    ...(probeInterval !== undefined && { probeInterval: Number(probeInterval) }),
  };
};

const parseRemoteSettings = (target: string, json: Json): Partial<RemoteSettings> => {
  const parser = connectionParser(target, json);
  const connection = parseConnection(parser);
  const readOnly = parser.optional('read-only', 'boolean');
  const role = parser.optional('role', 'string');
  parser.finish();
  return {
    ...connection,
    ...(readOnly !== undefined && { readOnly }),
    ...(role !== undefined && { role }),
  };
};

const parseDatabases = (json: Json = null): DatabaseConfiguration[] => {
  if (json === null) return [];
  const failed = "config: failed to parse 'databases'";
  if (!isObject(json)) throw new ConfigurationError("config: 'databases' is not a JSON object or null", failed);
  try {
    return Object.entries(json).map(([name, database]) => parseDatabase(name, database));
  } catch (error) {
    throw error instanceof OvsdbError ? new ConfigurationError(error.message, failed) : error;
  }
};

const parseDatabase = (name: string, json: Json): DatabaseConfiguration => {
  if (json === null) return { ...standard, name };
  const parser = new ObjectParser(json, `database ${name}`);
  const model = parser.optional('service-model', 'string');
  if (model !== undefined && !isServiceModel(model)) throw parser.error(`'${model}' is not a valid service model`);
  const isBackupModel = model === 'active-backup';
  const backup = isBackupModel && parser.required('backup', 'boolean');
  const excluded = isBackupModel ? parser.optional('exclude-tables', 'array') : undefined;
  const hasSource = isBackupModel || model === 'relay';
  const sourceJson = hasSource ? parser.optional('source', 'object') : undefined;
  if (sourceJson === undefined && (model === 'relay' || backup))
    throw parser.error("Required 'source' member is missing.");
  parser.finish();
  const excludedTables = strings(excluded ?? [], parser);
  return { name, model, backup, excludedTables, ...parseSource(sourceJson, parser) };
};

const parseSource = (
  json: JsonObject | undefined,
  parser: ObjectParser,
): Pick<DatabaseConfiguration, 'source' | 'sourceSettings'> => {
  if (json === undefined) return { source: undefined, sourceSettings: {} };
  const [only, ...more] = Object.entries(json);
  if (only === undefined || more.length > 0) {
    throw parser.error("'source' should be an object with exactly one element");
  }
  const [source, options] = only;
  const connection = connectionParser(source, options);
  const sourceSettings = parseConnection(connection);
  connection.finish();
  return { source, sourceSettings };
};

const strings = (json: Json, parser: ObjectParser): string[] => {
  if (!isArray(json) || !json.every((each) => typeof each === 'string')) {
    throw parser.error("'exclude-tables' must contain strings");
  }
  return json.map(String);
};

import { Command, InvalidArgumentError } from 'commander';
import type { TlsFiles } from '../rpc/credentials.ts';
import { addDaemonOptions } from '../rpc/daemon-options.ts';
import { defaultDatabase } from '../rpc/directories.ts';
import { addOptions } from '../rpc/program.ts';
import { tlsDescriptions, tlsOptions } from '../rpc/tls-options.ts';
import { programVersion, version } from '../rpc/version.ts';
import { type Configuration, configurationPath, type PairConfiguration, parseDatabaseArgument } from './config-file.ts';
import { ExcludedTables } from './excluded-tables.ts';
import { defaultServerLimits, type RemotesOptions } from './remotes.ts';

export const programName = 'ovsdb-server';
export const versionText = programVersion(programName);

/** What the command line of ovsdb-server says. */
export interface Options {
  readonly remote: readonly string[];
  readonly syncFrom?: string;
  readonly syncExcludeTables: string;
  readonly active?: true;
  /** False for --no-dbs. */
  readonly dbs: boolean;
  /** Absolute. */
  readonly configFile?: string;
  readonly run?: string;
  readonly maxConnections: number;
  readonly maxMessage: number;
  readonly maxDepth: number;
  readonly maxBacklog: number;
  readonly websocketOrigin: readonly string[];
  readonly record?: string | true;
  readonly replay?: string | true;
}

const collect = (value: string, values: readonly string[]): string[] => [...values, value];

const count = (text: string): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value === 0) throw new InvalidArgumentError('It must be a whole number above 0.');
  return value;
};

const tls: { -readonly [name in keyof TlsFiles]: TlsFiles[name] } = {};

const descriptions: ReadonlyMap<string, string> = new Map([
  ...tlsDescriptions,
  ['private-key', 'for TLS: the file of the private key, or db:DB,TABLE,COLUMN that names it'],
  ['certificate', 'for TLS: the file of the certificate, or db:DB,TABLE,COLUMN'],
  ['ca-cert', "for TLS: the file of the certificate that verifies clients', or db:DB,TABLE,COLUMN, or none"],
]);

const { maxConnections, maxSize, maxDepth, maxBacklog } = defaultServerLimits;

export const program = new Command(programName)
  .description('Serves OVSDB databases (RFC 7047).')
  .argument(
    '[database...]',
    `database files; made, for a virtual switch, if they do not exist (default: ${defaultDatabase()})`,
  )
  .option('--remote <remote>', 'where clients connect, or are to be called; or db:DB,TABLE,COLUMN', collect, [])
  .option('--sync-from <server>', 'be a backup: copy the databases from that server, the active one')
  .option('--sync-exclude-tables <tables>', 'do not copy these: DB:TABLE, separated by commas', '')
  .option('--active', 'with --sync-from, start as the active server')
  .option('--config-file <file>', 'read databases and remotes from a file', configurationPath)
  .option('--no-dbs', 'without a database argument, serve none')
  .option('--run <command>', 'run a shell command when ready, and end with it')
  .option('--max-connections <n>', 'how many clients to serve at a time', count, maxConnections)
  .option('--max-message <bytes>', 'the longest message to take', count, maxSize)
  .option('--max-depth <n>', 'how deep a message may be nested', count, maxDepth)
  .option('--max-backlog <bytes>', 'how much may wait for a client that does not read', count, maxBacklog)
  .option('--websocket-origin <origin>', 'let web pages of that origin use pws: and pwss: (* for all)', collect, [])
  .option('--disable-file-column-diff', 'accepted: of no meaning for database files of this program')
  .option('--disable-file-no-data-conversion', 'accepted, likewise')
  .option('--record [directory]', 'refused: this program writes no replay files')
  .option('--replay [directory]', 'refused: this program runs no replay files')
  .version(`${versionText}\nvswitch ${version}`, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help');
/** Filled in as the command line is read. */
export const daemonSettings = addDaemonOptions(program);
addOptions(program, tlsOptions, { tls }, descriptions);

/** What the server is to do. */
export interface Invocation {
  readonly configuration: Configuration;
  readonly configFile: string | undefined;
  readonly connections: RemotesOptions;
}

/**
 * @param databases absolute paths
 * @throws Error when options contradict each other
 */
export const readInvocation = (databases: readonly string[], options: Options): Invocation => {
  const { configFile, remote, dbs, record, replay } = options;
  if (record !== undefined) throw new Error('--record: this program writes no replay files');
  if (replay !== undefined) throw new Error('--replay: this program runs no replay files');
  if (configFile !== undefined && remote.length > 0) {
    throw new Error('--config-file is mutually exclusive with --remote');
  }
  if (configFile !== undefined && options.syncFrom !== undefined) {
    throw new Error('--config-file is mutually exclusive with --sync-from');
  }
  if (configFile !== undefined && databases.length > 0) {
    throw new Error('Databases should be specified in a config file');
  }
  const served = databases.length > 0 ? [...new Set(databases)] : dbs ? [defaultDatabase()] : [];
  const limits = {
    maxConnections: options.maxConnections,
    maxSize: options.maxMessage,
    maxDepth: options.maxDepth,
    maxBacklog: options.maxBacklog,
  };
  return {
    configuration: {
      remotes: new Map(remote.map((target) => [target, {}])),
      databases: served.map(parseDatabaseArgument),
      pair: readPair(options),
    },
    configFile,
    connections: { tls, limits, origins: options.websocketOrigin },
  };
};

const readPair = ({ syncFrom, syncExcludeTables, active }: Options): PairConfiguration => ({
  target: syncFrom,
  excluded: new ExcludedTables(syncExcludeTables).toString(),
  backup: syncFrom !== undefined && active === undefined,
});

import { existsSync } from 'node:fs';
import { defaultDatabase, defaultSchema } from '../rpc/directories.ts';
import { readSchemaFile, sameSchema } from '../rpc/schema-file.ts';
import { systemMessage } from '../rpc/system-error.ts';
import { readJson } from '../schema/json-check.ts';
import { LogFile } from '../server/log-file.ts';
import { SqliteStorage } from '../server/storage.ts';
import { clusterMember, refuseCluster } from './cluster.ts';
import { compact, convert } from './compaction.ts';
import { changeDatabase, isSqlite, readDatabase, readDatabaseSchema } from './database-file.ts';
import { causeOf, Failure } from './failure.ts';
import type { Settings } from './settings.ts';
import { showLog } from './show-log.ts';
import { runTransaction } from './transaction.ts';
import { compareVersions } from './version.ts';

/** What a command works with. */
export interface Context {
  readonly settings: Settings;
  readonly print: (text: string) => void;
  /** Ends the program with status 2 rather than 0: the answer to a question. */
  readonly sayNo: () => void;
}

type Run = (args: readonly string[], context: Context) => void;

export interface Command {
  readonly name: string;
  /** The arguments, for people. */
  readonly usage: string;
  readonly about: string;
  readonly min: number;
  readonly max: number;
  readonly run: Run;
}

const asking =
  (holds: (args: readonly string[]) => boolean): Run =>
  (args, { sayNo }) => {
    if (!holds(args)) sayNo();
  };

const printing =
  (text: (args: readonly string[]) => string): Run =>
  (args, { print }) =>
    print(`${text(args)}\n`);

const database = ([path = defaultDatabase()]: readonly string[]): string => path;
const schema = ([path = defaultSchema()]: readonly string[]) => readSchemaFile(path);

const create: Run = ([path = defaultDatabase(), schemaPath = defaultSchema()]) => {
  const parsed = readSchemaFile(schemaPath);
  if (existsSync(path)) throw new Failure(`I/O error: ${path}: create failed (File exists)`);
  try {
    SqliteStorage.create(path, parsed);
  } catch (error) {
    throw new Failure(`I/O error: ${path}: create failed (${systemMessage(causeOf(error))})`, { cause: error });
  }
};

const parseTransaction = (text: string) => {
  try {
    return readJson(text);
  } catch (error) {
    throw error instanceof SyntaxError ? new Failure(`"${text}": ${error.message}`) : error;
  }
};

/** The database, unless it is left out, and the transaction. */
const transactionArguments = (args: readonly string[]) => {
  const [path, text = ''] = args.length > 1 ? args : [defaultDatabase(), ...args];
  return { path: path ?? defaultDatabase(), text };
};

const query: Run = (args, { settings, print }) => {
  const { path, text } = transactionArguments(args);
  const content = readDatabase(path);
  print(`${runTransaction(content, parseTransaction(text), settings.role).answer}\n`);
};

const transact: Run = (args, { settings, print }) => {
  const { path, text } = transactionArguments(args);
  let answered = '';
  changeDatabase(path, (content) => {
    const { answer, written } = runTransaction(content, parseTransaction(text), settings.role);
    answered = answer;
    return written;
  });
  print(`${answered}\n`);
};

const isClustered = (path: string): boolean => !isSqlite(path) && LogFile.read(path).kind === 'clustered';

const clusterId: Run = ([path = ''], { print }) => {
  const id = clusterMember(path, 'cluster_id');
  if (id === undefined) throw new Failure(`${path}: cluster ID not yet known`);
  print(`${id}\n`);
};

const name = (args: readonly string[]): string => {
  const path = database(args);
  return (isClustered(path) ? clusterMember(path, 'name') : undefined) ?? readDatabaseSchema(path).name;
};

const listCommands: Run = (_args, { print }) => {
  print('The available commands are:\n');
  for (const { name, usage } of commands) print(`  ${name.padEnd(23)} ${usage}\n`);
};

const row = (name: string, usage: string, [min, max]: readonly [number, number], about: string, run: Run): Command => ({
  name,
  usage,
  about,
  min,
  max,
  run,
});

/** The commands of ovsdb-tool(1). */
export const commands: readonly Command[] = [
  row('create', '[db [schema]]', [0, 2], 'make an empty database of that schema', create),
  row('create-cluster', 'db contents local', [3, 3], 'not supported', refuseCluster),
  row('join-cluster', 'db name local remote...', [4, Infinity], 'not supported', refuseCluster),
  row('compact', '[db [dst]]', [0, 2], 'write the database anew without its past', ([path, destination]) =>
    compact(path ?? defaultDatabase(), destination),
  ),
  row('convert', '[db [schema [dst]]]', [0, 3], 'put the database under another schema', ([path, file, destination]) =>
    convert(path ?? defaultDatabase(), schema(file === undefined ? [] : [file]), destination),
  ),
  row(
    'needs-conversion',
    '[db [schema]]',
    [0, 2],
    'say whether the database has another schema',
    printing(([path = defaultDatabase(), ...rest]) => {
      const own = readDatabaseSchema(path);
      return sameSchema(own, schema(rest)) ? 'no' : 'yes';
    }),
  ),
  row('db-name', '[db]', [0, 1], "print the name of the database's schema", printing(name)),
  row(
    'db-version',
    '[db]',
    [0, 1],
    "print the version of the database's schema",
    printing((args) => readDatabaseSchema(database(args)).version),
  ),
  row(
    'db-cksum',
    '[db]',
    [0, 1],
    "print the checksum of the database's schema",
    printing((args) => readDatabaseSchema(database(args)).cksum),
  ),
  row('db-cid', 'db', [1, 1], 'print the cluster id of a clustered database', clusterId),
  row(
    'db-sid',
    'db',
    [1, 1],
    'print the server id of a clustered database',
    printing(([path = '']) => clusterMember(path, 'server_id') ?? ''),
  ),
  row(
    'db-local-address',
    'db',
    [1, 1],
    'print the address of a clustered database',
    printing(([path = '']) => clusterMember(path, 'local_address') ?? ''),
  ),
  row(
    'db-is-clustered',
    'db',
    [1, 1],
    'exit with 0 if the database is clustered, else 2',
    asking(([path = '']) => isClustered(path)),
  ),
  row(
    'db-is-standalone',
    'db',
    [1, 1],
    'exit with 0 if the database is of one server, else 2',
    asking(([path = '']) => !isClustered(path)),
  ),
  row(
    'schema-name',
    '[schema]',
    [0, 1],
    "print the schema's name",
    printing((args) => schema(args).name),
  ),
  row(
    'schema-version',
    '[schema]',
    [0, 1],
    "print the schema's version",
    printing((args) => schema(args).version),
  ),
  row(
    'schema-cksum',
    '[schema]',
    [0, 1],
    "print the schema's checksum",
    printing((args) => schema(args).cksum),
  ),
  row('query', '[db] trns', [1, 2], 'run a transaction, store nothing', query),
  row('transact', '[db] trns', [1, 2], 'run a transaction', transact),
  row('show-log', '[db]', [0, 1], "print the records of the database's log", (args, { settings, print }) =>
    showLog(database(args), settings.verbosity, print),
  ),
  row('check-cluster', 'db...', [1, Infinity], 'not supported', refuseCluster),
  row(
    'compare-versions',
    'a op b',
    [3, 3],
    'exit with 0 if the versions compare so, else 2',
    asking(([a = '', operator = '', b = '']) => compareVersions(a, operator, b)),
  ),
  row('help', '', [0, Infinity], 'print this help', (_args, { print }) => print(help())),
  row('list-commands', '', [0, Infinity], 'print the names of the commands', listCommands),
  row('cluster-to-standalone', 'db clusterdb', [2, 2], 'not supported', refuseCluster),
];

/** What --help prints. */
export const help = (): string =>
  [
    'ovsdb-tool: works on database files of ovsdb-server\n',
    'usage: ovsdb-tool [OPTIONS] COMMAND [ARG...]\n\n',
    ...commands.map(({ name, usage, about }) => `  ${`${name} ${usage}`.padEnd(32)} ${about}\n`),
    `\nThe default DB is ${defaultDatabase()}.\n`,
    `The default SCHEMA is ${defaultSchema()}.\n`,
    '\nOptions:\n',
    '  -m, --more                  show more of each record (twice: also the values)\n',
    '  --rbac-role=ROLE            the role for query and transact\n',
    '  -v, --verbose[=SPEC]        what to log\n',
    '  --log-file[=FILE]           log to a file\n',
    '  --syslog-method=METHOD      how to reach syslog\n',
    '  --syslog-target=HOST:PORT   log to syslog by UDP\n',
    '  -h, --help                  print this help\n',
    '  -V, --version               print the version\n',
  ].join('');

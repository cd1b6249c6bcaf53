import { type Command, CommandError, plainCommand } from '../rpc/command.ts';
import { logFor } from '../rpc/log.ts';
import type { Database } from './database.ts';
import { memoryUsage } from './memory.ts';
import { replicationCommands } from './replication-commands.ts';
import type { Service } from './service.ts';
import { TransactionLog } from './transaction-log.ts';

const log = logFor('ovsdb_server');

type Run = (args: readonly string[]) => string | Promise<string>;

const lines = (words: Iterable<string>): string => [...words].map((word) => `${word}\n`).join('');

/** The commands that ovsdb-server takes on its control socket, besides those of every daemon (ovsdb-server(1)). */
export const serverCommands = (service: Service): readonly Command[] => {
  const { server } = service;
  const changes = (run: Run): Run => unlessFromFile(service, saving(service, run));
  return [
    command(
      'ovsdb-server/add-remote',
      'REMOTE',
      changes(([remote = '']) => done(server.addRemote(remote))),
    ),
    command(
      'ovsdb-server/remove-remote',
      'REMOTE',
      changes(([remote = '']) => done(server.removeRemote(remote))),
    ),
    plainCommand('ovsdb-server/list-remotes', () => lines(server.listRemotes())),
    command(
      'ovsdb-server/add-db',
      'DB',
      changes(([path = '']) => done(service.addDatabase(path))),
    ),
    command(
      'ovsdb-server/remove-db',
      'DB',
      changes(([name = '']) => done(removeDatabase(service, name))),
    ),
    plainCommand('ovsdb-server/list-dbs', () =>
      lines([...new Set([...server.databases.keys(), ...server.relays.keys()])].sort()),
    ),
    plainCommand('ovsdb-server/reload', () => reload(service)),
    plainCommand('ovsdb-server/reconnect', () => {
      server.reconnect('user ran ovsdb-server/reconnect');
      return '';
    }),
    plainCommand('ovsdb-server/disable-monitor-cond', () => {
      server.disableConditionalMonitors();
      return '';
    }),
    { name: 'ovsdb-server/compact', usage: '', min: 0, max: 1, run: ([name]) => compact(service, name) },
    command('ovsdb-server/memory-trim-on-compaction', 'on|off', ([word = '']) => trimOnCompaction(word)),
    command('ovsdb-server/get-db-storage-status', 'DB', ([name = '']) => storageStatus(service, name)),
    plainCommand('ovsdb-server/perf-counters-show', () => 'performance counter is not supported on this platform\n'),
    plainCommand('ovsdb-server/perf-counters-clear', () => ''),
    ...replicationCommands(service, changes),
    ...transactionLogCommands(service),
    plainCommand('memory/show', () => {
      const usage = [...memoryUsage(server)].map(([name, count]) => `${name}:${count}`);
      return usage.join(' ');
    }),
  ];
};

const command = (name: string, usage: string, run: Run): Command => ({ name, usage, min: 1, max: 1, run });
const done = async (work: Promise<void>): Promise<string> => {
  await work;
  return '';
};

/** What a configuration file says can be changed there only. */
const unlessFromFile =
  ({ configFile }: Service, run: Run): Run =>
  (args) => {
    if (configFile === undefined) return run(args);
    throw new CommandError(`Update the ${configFile} and use ovsdb-server/reload instead`);
  };

/** Refusals are the user's to read; what was changed outlives a crash. */
const saving =
  (service: Service, run: Run): Run =>
  async (args) => {
    try {
      return await run(args);
    } catch (error) {
      throw new CommandError(error instanceof Error ? error.message : String(error), { cause: error });
    } finally {
      service.save();
    }
  };

const removeDatabase = ({ server }: Service, name: string): Promise<void> =>
  server.removeDatabase(name, `removing ${name} database by user request`);

const reload = async (service: Service): Promise<string> => {
  if (service.configFile === undefined) {
    throw new CommandError('Configuration file was not specified on command line');
  }
  if (await service.load()) return '';
  throw new CommandError('Configuration failed.  See the log file for details.');
};

const compact = ({ server }: Service, name: string | undefined): string => {
  if (name?.startsWith('_')) throw new CommandError('cannot compact built-in databases');
  const chosen = [...server.files.keys()].filter((each) => name === undefined || each === name);
  if (chosen.length === 0) throw new CommandError('no database by that name');
  const problems: string[] = [];
  for (const each of chosen) {
    log.info(`compacting ${each} database by user request`);
    try {
      server.databases.get(each)?.compact();
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (problems.length > 0) throw new CommandError(lines(problems));
  return '';
};

/** Node gives memory back on its own; scripts may still ask. */
const trimOnCompaction = (word: string): string => {
  if (word !== 'on' && word !== 'off') throw new CommandError('invalid argument');
  log.info(`memory trimming after compaction ${word === 'on' ? 'enabled' : 'disabled'}.`);
  return '';
};

const storageStatus = ({ server }: Service, name: string): string => {
  const database = server.databases.get(name);
  if (database === undefined) throw new CommandError('Failed to find the database.');
  return `status: ${database.storageProblem ?? 'ok'}`;
};

const transactionLogCommands = ({ server }: Service): Command[] => {
  const transactionLog = new TransactionLog();
  return [
    {
      name: 'ovsdb-server/tlog-set',
      usage: 'DB:TABLE on|off',
      min: 2,
      max: 2,
      run: ([name = '', word = '']) => {
        const on = parseSwitch(word);
        const [database, table] = findTable(server.databases, name);
        if (on) transactionLog.start(database, table);
        else transactionLog.stop(database, table);
        return '';
      },
    },
    plainCommand('ovsdb-server/tlog-list', () => listLogged(server.databases, transactionLog)),
  ];
};

const parseSwitch = (word: string): boolean => {
  const lower = word.toLowerCase();
  if (lower !== 'on' && lower !== 'off') throw new CommandError('invalid command argument');
  return lower === 'on';
};

const findTable = (databases: ReadonlyMap<string, Database>, name: string): readonly [Database, string] => {
  const [databaseName = '', table = '', ...more] = name.split(':');
  if (databaseName === '' || table === '' || more.length > 0) throw new CommandError('invalid DB:TABLE argument');
  const database = databases.get(databaseName);
  if (database === undefined) throw new CommandError('no such database');
  if (!database.tables.has(table)) throw new CommandError('no such table');
  return [database, table];
};

const listLogged = (databases: ReadonlyMap<string, Database>, transactionLog: TransactionLog): string => {
  const text = [
    'database        table                       logging\n',
    '--------        -----                       -------\n',
  ];
  for (const [name, database] of [...databases].sort(([a], [b]) => (a < b ? -1 : 1))) {
    text.push(`${name.padEnd(16)} \n`);
    for (const table of [...database.tables.keys()].sort()) {
      const state = transactionLog.isLogged(database, table) ? 'ON' : 'OFF';
      text.push(`                ${table.padEnd(27)} ${state}\n`);
    }
  }
  return text.join('');
};

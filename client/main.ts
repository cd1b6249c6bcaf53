#!/usr/bin/env node
import { openSync, writeSync } from 'node:fs';
import { native } from '../native/index.ts';
import { type Daemon, runDaemon } from '../rpc/daemon.ts';
import { UserError } from '../rpc/daemon-user.ts';
import { afterSeconds } from '../rpc/delay.ts';
import { LogSpecError } from '../rpc/log-spec.ts';
import { applyOptions, type Option, UsageError } from '../rpc/options.ts';
import { PidFileError } from '../rpc/pidfile.ts';
import { SchemaFileError } from '../rpc/schema-file.ts';
import { TablePrinter } from '../rpc/table.ts';
import { ovsVersion } from '../rpc/version.ts';
import { OvsdbError } from '../schema/error.ts';
import type { Command, Context } from './command.ts';
import { commands } from './commands.ts';
import { chooseDatabase, openServer } from './connection.ts';
import { Failure } from './failure.ts';
import { help } from './help.ts';
import { defaultSettings, options, type Settings } from './settings.ts';

/** The program has done what it was asked for. */
class Finished extends Error {}

const finish = (text: string) => () => {
  process.stdout.write(text);
  throw new Finished();
};

const allOptions: readonly Option<Settings>[] = [
  { long: 'help', short: 'h', apply: finish(help()) },
  { long: 'version', short: 'V', apply: finish(`ovsdb-client (Open vSwitch) ${ovsVersion}\n`) },
  ...options,
];

const findCommand = (name: string | undefined): Command => {
  if (name === undefined) throw new UsageError('missing command name; use --help for help');
  if (name === 'help') finish(help())();
  const command = commands.find((each) => each.name === name);
  if (command === undefined) throw new UsageError(`unknown command '${name}'; use --help for help`);
  return command;
};

const checkCount = ({ name, min, max }: Command, { length }: readonly string[]): void => {
  if (length < min || length > max) throw new UsageError(`invalid syntax for '${name}' (use --help for help)`);
};

const run = async (command: Command, context: Context, args: readonly string[]): Promise<void> => {
  if (command.needs === 'nothing') {
    checkCount(command, args);
    await command.run(context, args);
    return;
  }
  const { connection, rest } = await openServer(args, command, context.settings);
  const { database, rest: words } =
    command.needs === 'database' ? await chooseDatabase(connection, rest, command.min) : { database: '', rest };
  checkCount(command, words);
  await command.run({ ...context, connection, database }, words);
};

/** In the background standard output is let go of, but what is printed still goes there. */
const printer = ({ process: { detach } }: Settings): ((text: string) => void) => {
  if (detach !== true) return (text) => void process.stdout.write(text);
  const output = openSync('/dev/null', 'w');
  native().duplicate(1, output);
  return (text) => void writeSync(output, text);
};

const contextOf = (settings: Settings, daemon: Daemon): Context => {
  const print = printer(settings);
  const tables = new TablePrinter(settings.style);
  return { settings, daemon, print, printTable: (table) => print(tables.print(table)) };
};

/** Ends the program, by a signal that tells why. */
const limitTime = (seconds: number | undefined): void => {
  if (seconds !== undefined) afterSeconds(seconds, () => process.kill(process.pid, 'SIGALRM'));
};

const expected = [UsageError, Failure, SchemaFileError, OvsdbError, LogSpecError, PidFileError, UserError] as const;

const report = (error: unknown): number => {
  if (error instanceof Finished) return 0;
  if (!(error instanceof Error) || !expected.some((type) => error instanceof type)) throw error;
  process.stderr.write(`ovsdb-client: ${error.message}\n`);
  return 1;
};

const main = async (): Promise<number> => {
  const settings = defaultSettings();
  try {
    const [name, ...args] = applyOptions(process.argv.slice(2), allOptions, settings);
    limitTime(settings.timeout);
    const command = findCommand(name);
    return await runDaemon({
      name: 'ovsdb-client',
      process: settings.process,
      log: settings.log,
      serve: (daemon) => run(command, contextOf(settings, daemon), args),
    });
  } catch (error) {
    return report(error);
  }
};

// A connection may be open still; what was printed is to be out first.
void main().then((status) => process.stdout.write('', () => process.exit(status)));

#!/usr/bin/env node
import { LogSpecError } from '../rpc/log-spec.ts';
import { applyLogLevels, LogPlaceError, openLog } from '../rpc/log-start.ts';
import { applyOptions, type Option, UsageError } from '../rpc/options.ts';
import { SchemaFileError } from '../rpc/schema-file.ts';
import { ovsVersion } from '../rpc/version.ts';
import { OvsdbError } from '../schema/error.ts';
import { StorageError } from '../server/file-format.ts';
import { RefusedRecord } from '../server/log-record.ts';
import { type Command, commands, help } from './commands.ts';
import { Failure } from './failure.ts';
import { defaultSettings, options, type Settings } from './settings.ts';

const print = (text: string): void => {
  process.stdout.write(text);
};

/** The program has done what it was asked for. */
class Finished extends Error {}

const finish = (text: string) => () => {
  print(text);
  throw new Finished();
};

const allOptions: readonly Option<Settings>[] = [
  ...options,
  { long: 'help', short: 'h', apply: finish(help()) },
  { long: 'version', short: 'V', apply: finish(`ovsdb-tool (Open vSwitch) ${ovsVersion}\n`) },
];

const findCommand = (name: string | undefined): Command => {
  if (name === undefined) throw new UsageError('missing command name; use --help for help');
  const command = commands.find((each) => each.name === name);
  if (command === undefined) throw new UsageError(`unknown command '${name}'; use --help for help`);
  return command;
};

const run = (argv: readonly string[]): number => {
  const settings = defaultSettings();
  const [name, ...args] = applyOptions(argv, allOptions, settings);
  applyLogLevels(settings.log);
  openLog('ovsdb-tool', settings.log);
  const { min, max, run } = findCommand(name);
  if (args.length < min) throw new UsageError(`'${name}' command requires at least ${min} arguments`);
  if (args.length > max) throw new UsageError(`'${name}' command takes at most ${max} arguments`);
  let status = 0;
  run(args, {
    settings,
    print,
    sayNo: () => {
      status = 2;
    },
  });
  return status;
};

const expected = [
  UsageError,
  Failure,
  SchemaFileError,
  OvsdbError,
  StorageError,
  RefusedRecord,
  LogSpecError,
  LogPlaceError,
] as const;

const main = (): number => {
  try {
    return run(process.argv.slice(2));
  } catch (error) {
    if (error instanceof Finished) return 0;
    if (!(error instanceof Error) || !expected.some((type) => error instanceof type)) throw error;
    if (error.message !== '') process.stderr.write(`ovsdb-tool: ${error.message}\n`);
    return 1;
  }
};

process.title = 'ovsdb-tool';
// Whoever read what is printed may have seen enough.
process.stdout.on('error', () => {});
process.exitCode = main();

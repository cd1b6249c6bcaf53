import { randomUUID } from 'node:crypto';
import { directories } from '../rpc/directories.ts';
import { systemMessage } from '../rpc/system-error.ts';
import { TablePrinter } from '../rpc/table.ts';
import type { DatabaseSchema } from '../schema/schema.ts';
import { setupErrors, untilApplied } from './apply.ts';
import { type ParsedCommand, parseCommands } from './argv.ts';
import { commands } from './commands.ts';
import { commandLine, transactionComment } from './comment.ts';
import { Connection } from './connection.ts';
import type { Output, Warn } from './context.ts';
import { CommandFailure } from './failure.ts';
import { informationText } from './information.ts';
import { type Options, parseOptions } from './options.ts';
import { UnfitServer } from './remotes.ts';
import { type Outcome, run } from './run.ts';
import { Session } from './session.ts';
import { loadSchema } from './switch-schema.ts';

import { dieAfter, type Terminal } from './terminal.ts';

/** The changes were made, but the switch reports that it could not apply all of them. */
const exitNotApplied = 65;

/** Milliseconds of waiting after which a person at a terminal is told what for. */
const patience = 3000;

const hintAfter = (delayed: number, terminal: Terminal): NodeJS.Timeout | undefined => {
  if (!terminal.interactive) return undefined;
  const hint = 'waiting for ovs-vswitchd to apply the changes, which are stored; --no-wait would not wait';
  return setTimeout(() => complain(terminal, hint), delayed).unref();
};

/** Runs `ovs-vsctl` with these arguments, and returns its exit status. */
export const program = async (words: readonly string[], terminal: Terminal): Promise<number> => {
  try {
    return await runProgram(words, terminal);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    if (error.message !== '') complain(terminal, error.message);
    return error.exitCode;
  }
};

const runProgram = async (words: readonly string[], terminal: Terminal): Promise<number> => {
  const { options, commandOptions, rest } = parseOptions(words, commands, terminal.env);
  if (options.instead !== undefined) {
    terminal.print(await informationText(options.instead));
    return 0;
  }
  const parsed = parseCommands(rest, commandOptions, commands);
  const schema = loadSchema();
  await terminal.openLog(options);
  const mayWrite = parsed.some(({ command }) => command.writes);
  terminal.log(mayWrite ? 'info' : 'dbg', 'vsctl', `Called as ${commandLine(['ovs-vsctl', ...words])}`);
  if (options.timeout !== undefined) dieAfter(options.timeout, terminal);
  const warn: Warn = (module, message) => terminal.log('warn', module, message);
  for (const { command, invocation } of parsed) command.check?.(schema, invocation, warn);
  const connection = new Connection(() => connect(options, terminal));
  try {
    return await runAndReport(connection, schema, parsed, options, words, terminal);
  } catch (error) {
    throw error instanceof UnfitServer ? connectionFailure(options.remotes.targets, error) : error;
  } finally {
    connection.close();
  }
};

const runAndReport = async (
  connection: Connection,
  schema: DatabaseSchema,
  parsed: readonly ParsedCommand[],
  { wait, dryRun, style, oneLine }: Options,
  words: readonly string[],
  terminal: Terminal,
): Promise<number> => {
  const comment = transactionComment(commandLine(['ovs-vsctl', ...words]), process.ppid);
  const warn: Warn = (module, message) => terminal.log('warn', module, message);
  const runOptions = { schema, wait, dryRun, comment, newUuid: () => randomUUID(), warn };
  const outcome = await connection.use((session) => run(session, parsed, runOptions));
  terminal.print(printOutputs(outcome, new TablePrinter(style), oneLine));
  const { nextConfiguration } = outcome;
  if (nextConfiguration === undefined || dryRun) return 0;
  const hint = hintAfter(patience, terminal);
  await connection.use((session) => untilApplied(session, schema, nextConfiguration));
  clearTimeout(hint);
  const uuids = outcome.newInterfaces.map(outcome.uuidOf);
  const errors = await connection.use((session) => setupErrors(session, schema, uuids));
  if (errors.length === 0) return 0;
  for (const error of [...errors, `The default log directory is "${directories().log}".`]) complain(terminal, error);
  return exitNotApplied;
};

const complain = (terminal: Terminal, message: string): void => terminal.printError(`ovs-vsctl: ${message}\n`);

const printOutputs = (outcome: Outcome, printer: TablePrinter, oneLine: boolean): string =>
  outcome.outputs.map((output) => printOutput(output, outcome, printer, oneLine)).join('');

const printOutput = (output: Output, { uuidOf }: Outcome, printer: TablePrinter, oneLine: boolean): string => {
  if (typeof output === 'object' && 'headings' in output) return printer.print(output);
  const text = typeof output === 'string' ? output : `${uuidOf(output.uuidOf)}\n`;
  if (!oneLine) return text;
  return `${text.replace(/\n$/, '').replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`;
};

/** Nothing of TLS is loaded by those that do not use it. */
const loadCredentials = async (target: string, tls: Options['tls']) => {
  if (!target.includes('ssl:') && Object.keys(tls).length === 0) return undefined;
  const { Credentials } = await import('../rpc/credentials.ts');
  return new Credentials(tls);
};

/** @throws CommandFailure */
const connect = async ({ remotes, tls }: Options, terminal: Terminal): Promise<Session> => {
  const { targets } = remotes;
  const credentials = await loadCredentials(targets, tls);
  const log = (message: string) => terminal.log('info', 'ovsdb_cs', message);
  try {
    return await Session.connect(remotes, { credentials, random: Math.random, log });
  } catch (error) {
    throw connectionFailure(targets, error);
  }
};

const connectionFailure = (targets: string, error: unknown): CommandFailure => {
  const reason = error instanceof UnfitServer ? '' : systemMessage(error);
  return new CommandFailure(`${targets}: database connection failed (${reason})`);
};

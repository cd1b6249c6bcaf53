#!/usr/bin/env node
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { directories } from '../rpc/directories.ts';
import { TargetError } from '../rpc/target.ts';
import type { DatabaseSchema } from '../schema/schema.ts';
import { setupErrors, untilApplied } from './apply.ts';
import { type ParsedCommand, parseCommands } from './argv.ts';
import { commands } from './commands.ts';
import { commandLine, transactionComment } from './comment.ts';
import type { Output } from './context.ts';
import { CommandFailure } from './failure.ts';
import { informationText } from './information.ts';
import { type Options, parseOptions } from './options.ts';
import { type Outcome, run } from './run.ts';
import { Session } from './session.ts';
import { databaseName, loadSchema } from './switch-schema.ts';
import { describeCode, describeSystemError } from './system-error.ts';
import { TablePrinter } from './table.ts';
import { warn } from './warning.ts';

/** The changes were made, but the switch reports that it could not apply all of them. */
const exitNotApplied = 65;

const program = async (words: readonly string[]): Promise<number> => {
  const { options, commandOptions, rest } = parseOptions(words, commands, process.env);
  if (options.instead !== undefined) {
    process.stdout.write(await informationText(options.instead));
    return 0;
  }
  const parsed = parseCommands(rest, commandOptions, commands);
  const schema = loadSchema();
  if (options.timeout !== undefined) dieAfter(options.timeout);
  for (const { command, invocation } of parsed) command.check?.(schema, invocation, warn);
  const session = await connect(options);
  try {
    return await runAndReport(session, schema, parsed, options, words);
  } finally {
    session.close();
  }
};

const runAndReport = async (
  session: Session,
  schema: DatabaseSchema,
  parsed: readonly ParsedCommand[],
  options: Options,
  words: readonly string[],
): Promise<number> => {
  const { wait, dryRun, style, oneLine } = options;
  const comment = transactionComment(commandLine(['ovs-vsctl', ...words]), process.ppid);
  const outcome = await run(session, parsed, { schema, wait, dryRun, comment, newUuid: randomUUID, warn });
  process.stdout.write(printOutputs(outcome, new TablePrinter(style), oneLine));
  if (outcome.nextConfiguration === undefined || dryRun) return 0;
  await untilApplied(session, schema, outcome.nextConfiguration);
  const errors = await setupErrors(session, schema, outcome.newInterfaces.map(outcome.uuidOf));
  if (errors.length === 0) return 0;
  for (const error of [...errors, `The default log directory is "${directories().log}".`]) complain(error);
  return exitNotApplied;
};

const printOutputs = (outcome: Outcome, printer: TablePrinter, oneLine: boolean): string =>
  outcome.outputs.map((output) => printOutput(output, outcome, printer, oneLine)).join('');

const printOutput = (output: Output, { uuidOf }: Outcome, printer: TablePrinter, oneLine: boolean): string => {
  if (typeof output === 'object' && 'headings' in output) return printer.print(output);
  const text = typeof output === 'string' ? output : `${uuidOf(output.uuidOf)}\n`;
  if (!oneLine) return text;
  return `${text.replace(/\n$/, '').replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`;
};

/** @throws CommandFailure */
const connect = async ({ target, retry }: Options): Promise<Session> => {
  for (let backoff = 1000; ; backoff = Math.min(backoff * 2, 8000)) {
    try {
      return await Session.connect(target, databaseName);
    } catch (error) {
      if (!retry || error instanceof TargetError) {
        const reason = error instanceof TargetError ? describeCode('EAFNOSUPPORT') : describeSystemError(error);
        throw new CommandFailure(`${target}: database connection failed (${reason})`);
      }
      await delay(backoff);
    }
  }
};

/** Ends the program as the alarm clock would, so that its exit status says so. */
const dieAfter = (seconds: number): void => {
  const die = () => {
    warn('fatal_signal', 'terminating with signal 14 (Alarm clock)');
    process.kill(process.pid, 'SIGALRM');
  };
  // The longest delay that a timer takes; it is more than three weeks.
  setTimeout(die, Math.min(seconds * 1000, 2 ** 31 - 1)).unref();
};

const complain = (message: string): void => {
  process.stderr.write(`ovs-vsctl: ${message}\n`);
};

try {
  process.exitCode = await program(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CommandFailure)) throw error;
  if (error.message !== '') complain(error.message);
  process.exitCode = error.exitCode;
}

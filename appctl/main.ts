#!/usr/bin/env node
/** ovs-appctl: gives commands to running daemons. */
import { afterSeconds } from '../rpc/delay.ts';
import { logFor } from '../rpc/log.ts';
import { applyLogLevels, openLog } from '../rpc/log-start.ts';
import { applyOptions, UsageError } from '../rpc/options.ts';
import { ControlClient, ControlError, controlPath, RefusalError } from '../rpc/unixctl-client.ts';
import { ovsVersion } from '../rpc/version.ts';
import { formatJson, type Json } from '../schema/json.ts';
import { prettyJson } from '../schema/pretty-json.ts';
import { defaultSettings, help, options, programName, type Settings } from './settings.ts';

const complain = (message: string): void => {
  process.stderr.write(`${programName}: ${message}\n`);
};

const run = async (args: readonly string[]): Promise<number> => {
  const settings = defaultSettings(process.env);
  const [command, ...params] = applyOptions(args, options, settings, true);
  applyLogLevels(settings.log);
  openLog(programName, settings.log);
  if (settings.show !== undefined) {
    process.stdout.write(settings.show === 'help' ? help : `${programName} (Open vSwitch) ${ovsVersion}\n`);
    return 0;
  }
  if (command === undefined) throw new UsageError('at least one non-option argument is required (use --help for help)');
  if (settings.pretty && settings.format !== 'json') {
    throw new UsageError('--pretty is supported with --format json only');
  }
  if (settings.timeout !== undefined) afterSeconds(settings.timeout, alarm);
  return execute(settings, command, params);
};

/** As the C program, and as scripts expect: the process dies of the signal. */
const alarm = (): void => {
  logFor('fatal_signal').warn('terminating with signal 14 (Alarm clock)');
  process.kill(process.pid, 'SIGALRM');
};

const execute = async (settings: Settings, command: string, params: readonly string[]): Promise<number> => {
  const { target, format } = settings;
  const client = await ControlClient.connect(controlPath(target));
  try {
    if (format === 'json') await client.run('set-options', ['--format', 'json']);
    process.stdout.write(answerText(await client.run(command, params), settings));
    return 0;
  } catch (error) {
    if (!(error instanceof RefusalError)) {
      throw new ControlError(`${target}: transaction error (${error instanceof Error ? error.message : error})`);
    }
    process.stderr.write(error.message);
    complain(`${target}: server returned an error`);
    return 2;
  } finally {
    client.close();
  }
};

const answerText = (answer: Json, { format, pretty }: Settings): string => {
  if (format === 'text' && typeof answer === 'string') return answer;
  return `${pretty ? prettyJson(answer) : formatJson(answer, true)}\n`;
};

const main = async (): Promise<void> => {
  try {
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (message !== '') complain(message);
    process.exitCode = 1;
  }
};

void main();

#!/usr/bin/env node
/** vswitch: the database server and the switch in one program, and a doctor for both. */
import { Command, InvalidArgumentError } from 'commander';
import { isLevel, type Level, setLogLevel } from '../rpc/log.ts';
import { version } from '../rpc/version.ts';
import { doctor } from './doctor.ts';
import { type RunOptions, run } from './run.ts';

const collect = (value: string, values: readonly string[] = []): readonly string[] => [...values, value];

const parseLevel = (word: string): Level => {
  if (!isLevel(word)) throw new InvalidArgumentError('It must be off, emer, err, warn, info or dbg.');
  return word;
};

const program = new Command('vswitch')
  .description("Open vSwitch's database and switch on the Linux kernel.")
  .version(`vswitch ${version}`, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .helpCommand(false)
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error/, 'vswitch')) })
  .enablePositionalOptions()
  .allowExcessArguments()
  // Plain `vswitch` is `vswitch run`: to the parser a misspelt command is one argument too many of that.
  .hook('preAction', (_, { args: [word] }) => {
    if (word !== undefined) program.error(`error: unknown command or argument '${word}'; see vswitch --help`);
  });

program
  .command('run', { isDefault: true })
  .description('run both in the foreground (this is what plain `vswitch` does)')
  .option('--database <file>', 'the database; made if it does not exist')
  .option('--rundir <directory>', 'where the socket db.sock is made')
  .option('--remote <target>', 'listen there too, for example on ptcp:6640:127.0.0.1', collect)
  .option('-v, --verbose <level>', 'what to log on stderr: off, emer, err, warn, info or dbg', parseLevel, 'warn')
  .action((options: RunOptions & { readonly verbose: Level }) => {
    setLogLevel(options.verbose);
    return run(options);
  });

program
  .command('doctor')
  .description('say what is wrong and what to do; exit status 1 if something is')
  .option('--db <server>', 'the database server to ask, such as unix:/var/run/openvswitch/db.sock')
  .action(async ({ db }: { readonly db?: string }) => {
    process.exitCode = await doctor(db);
  });

process.title = 'vswitch';
const main = async (): Promise<void> => {
  try {
    await program.parseAsync();
  } catch (error) {
    process.stderr.write(`vswitch: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
};

void main();

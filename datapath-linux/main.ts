#!/usr/bin/env node
/** ovs-vswitchd: makes the Linux kernel switch as an Open_vSwitch database says. */
import { Command, Option } from 'commander';
import { defaultSocket } from '../rpc/directories.ts';
import { isLevel, setLogLevel } from '../rpc/log.ts';
import { startSwitch } from './switch.ts';
import { ovsVersion } from './version.ts';

const program = new Command('ovs-vswitchd')
  .description('Makes the Linux kernel switch as an Open_vSwitch database says, until it is told to stop.')
  .argument('[database]', 'the server of the database', `unix:${defaultSocket()}`)
  .addOption(
    new Option('-v, --verbose [spec]', 'log more: a level, or [module][:destination][:level]').argParser(verbosity),
  )
  .version(`ovs-vswitchd (Open vSwitch) ${ovsVersion}`, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .action(run);

/** The last word that is a level counts; none means everything, as in the C daemon. */
function verbosity(spec: string | undefined): string {
  const level =
    spec
      ?.split(':')
      .findLast((word) => isLevel(word.toLowerCase()))
      ?.toLowerCase() ?? 'dbg';
  if (isLevel(level)) setLogLevel(level);
  return level;
}

function run(database: string): void {
  const running = startSwitch({ remote: database });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => void running.stop());
}

program.parse();

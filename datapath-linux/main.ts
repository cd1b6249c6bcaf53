#!/usr/bin/env node
/** ovs-vswitchd: makes the Linux kernel switch as an Open_vSwitch database says. */
import { Command } from 'commander';
import { completeArguments } from '../rpc/arguments.ts';
import { Commands, type Command as ControlCommand, plainCommand } from '../rpc/command.ts';
import { coverageCommands } from '../rpc/coverage.ts';
import { Credentials } from '../rpc/credentials.ts';
import { type Daemon, runDaemon } from '../rpc/daemon.ts';
import {
  addControlOption,
  addDaemonOptions,
  addLogOptions,
  type DaemonOptions,
  type LogOptions,
} from '../rpc/daemon-options.ts';
import { defaultControlPath, defaultSocket } from '../rpc/directories.ts';
import { addOptions } from '../rpc/program.ts';
import { isActive } from '../rpc/target.ts';
import { type TlsSettings, tlsDescriptions, tlsOptions } from '../rpc/tls-options.ts';
import { ControlServer } from '../rpc/unixctl.ts';
import { ovsVersion } from '../rpc/version.ts';
import { vlogCommands } from '../rpc/vlog-commands.ts';
import { type Switch, startSwitch } from './switch.ts';

const name = 'ovs-vswitchd';
const versionText = `${name} (Open vSwitch) ${ovsVersion}`;

const program = new Command(name)
  .description('Makes the Linux kernel switch as an Open_vSwitch database says, until it is told to stop.')
  .argument('[database]', 'the server of the database', `unix:${defaultSocket()}`)
  .version(versionText, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help');
for (const add of [addDaemonOptions, addControlOption, addLogOptions]) add(program);
const tls: TlsSettings['tls'] = {};
addOptions(program, tlsOptions, { tls }, tlsDescriptions);

/** The commands of the control socket (ovs-appctl(8)). `exit` answers before it takes effect. */
function controlCommands(daemon: Daemon, running: Switch): readonly ControlCommand[] {
  const exit = ([option]: readonly string[]): string => {
    if (option === '--cleanup') daemon.atEnd(() => running.cleanUp());
    setImmediate(() => daemon.stop());
    return '';
  };
  return [
    { name: 'exit', usage: '[--cleanup]', min: 0, max: 1, run: exit },
    plainCommand('version', () => versionText),
  ];
}

async function serve(daemon: Daemon, database: string, { unixctl }: DaemonOptions): Promise<void> {
  const running = startSwitch({ remote: database, credentials: new Credentials(tls) });
  daemon.atEnd(() => running.stop());
  if (unixctl !== 'none') {
    const commands = new Commands(controlCommands(daemon, running), coverageCommands, vlogCommands);
    const control = await ControlServer.listen(unixctl ?? defaultControlPath(name), commands);
    daemon.atEnd(() => control.close());
  }
  // As the C daemon: who started it in the background waits for the first configuration.
  await Promise.race([running.configured, daemon.stopped]);
  daemon.ready();
  await daemon.stopped;
}

async function main(database: string, options: DaemonOptions & LogOptions): Promise<void> {
  if (!isActive(database))
    throw new Error(`${database}: not an active connection method; use unix:FILE, tcp:HOST:PORT or ssl:HOST:PORT`);
  process.exitCode = await runDaemon({
    name,
    process: options,
    log: options,
    serve: (daemon) => serve(daemon, database, options),
  });
}

program.action(main);
try {
  await program.parseAsync(completeArguments(process.argv.slice(2), program), { from: 'user' });
} catch (error) {
  console.error(`${name}: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

#!/usr/bin/env node
/** ovs-vswitchd: makes the Linux kernel switch as an Open_vSwitch database says. */
import { Command, Option } from 'commander';
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
import { capabilities } from '../rpc/daemon-user.ts';
import { defaultControlPath, defaultSocket } from '../rpc/directories.ts';
import { logFor } from '../rpc/log.ts';
import { addOptions, runProgram } from '../rpc/program.ts';
import { isActive } from '../rpc/target.ts';
import { type TlsSettings, tlsDescriptions, tlsOptions } from '../rpc/tls-options.ts';
import { ControlServer } from '../rpc/unixctl.ts';
import { ovsVersion } from '../rpc/version.ts';
import { vlogCommands } from '../rpc/vlog-commands.ts';
import { switchCommands } from './command/commands.ts';
import { type Switch, startSwitch } from './switch.ts';

const log = logFor('vswitchd');
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
// The start script ovs-ctl gives it. With memory locked, madvise() fails, which V8 does not survive.
program.option('--mlockall', 'accepted for the sake of scripts; has no effect');
program.option('--disable-system-route', 'accepted: this switch routes nothing itself');

/** Options of the C daemon that ask for what this switch is not: it will not start with them, and says why. */
const refusals = [
  { key: 'dpdk', flags: '--dpdk [args...]', reason: 'Using --dpdk to configure DPDK is not supported.' },
  {
    key: 'disableSystem',
    flags: '--disable-system',
    reason: '--disable-system leaves nothing to do: this switch has no datapath but the kernel',
  },
  {
    key: 'enableDummy',
    flags: '--enable-dummy [level]',
    reason: '--enable-dummy is not supported: this switch has no dummy datapaths and devices',
  },
] as const;
for (const { flags } of refusals) program.addOption(new Option(flags).hideHelp());

interface Options extends DaemonOptions, LogOptions, Partial<Record<(typeof refusals)[number]['key'], unknown>> {
  readonly mlockall?: true;
}

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

async function serve(daemon: Daemon, database: string, { unixctl, mlockall }: Options): Promise<void> {
  if (mlockall) log.info('--mlockall has no effect: the JavaScript engine cannot give back memory that is locked');
  const running = startSwitch({ remote: database, credentials: new Credentials(tls) });
  daemon.atEnd(() => running.stop());
  if (unixctl !== 'none') {
    const commands = new Commands(
      controlCommands(daemon, running),
      switchCommands(() => running.view()),
      coverageCommands,
      vlogCommands,
    );
    const control = await ControlServer.listen(unixctl ?? defaultControlPath(name), commands);
    daemon.atEnd(() => control.close());
  }
  // As the C daemon: who started it in the background waits for the first configuration.
  await Promise.race([running.configured, daemon.stopped]);
  daemon.ready();
  await daemon.stopped;
}

/** Those that the C daemon keeps as another user. */
const switchCapabilities = capabilities.networkAdministration | capabilities.networkBroadcast | capabilities.rawSockets;

async function main(database: string, options: Options): Promise<number> {
  if (!isActive(database))
    throw new Error(`${database}: not an active connection method; use unix:FILE, tcp:HOST:PORT or ssl:HOST:PORT`);
  for (const { key, reason } of refusals) if (options[key] !== undefined) throw new Error(reason);
  return runDaemon({
    name,
    process: options,
    log: options,
    capabilities: switchCapabilities,
    serve: (daemon) => serve(daemon, database, options),
  });
}

process.exitCode = await runProgram<string, Options>(program, main);

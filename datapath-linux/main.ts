#!/usr/bin/env node
/** ovs-vswitchd: makes the Linux kernel switch as an Open_vSwitch database says. */
import { Commands, type Command as ControlCommand, plainCommand } from '../rpc/command.ts';
import { coverageCommands } from '../rpc/coverage.ts';
import { Credentials } from '../rpc/credentials.ts';
import { type Daemon, runDaemon } from '../rpc/daemon.ts';
import { capabilities } from '../rpc/daemon-user.ts';
import { defaultControlPath } from '../rpc/directories.ts';
import { logFor } from '../rpc/log.ts';
import { runProgram } from '../rpc/program.ts';
import { isActive } from '../rpc/target.ts';
import { ControlServer } from '../rpc/unixctl.ts';
import { vlogCommands } from '../rpc/vlog-commands.ts';
import { switchCommands } from './command/commands.ts';
import { daemonSettings, name, type Options, program, refusals, tls, versionText } from './options.ts';
import { type Switch, startSwitch } from './switch.ts';

const log = logFor('vswitchd');
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

async function serve(daemon: Daemon, database: string, { mlockall }: Options): Promise<void> {
  if (mlockall) log.info('--mlockall has no effect: the JavaScript engine cannot give back memory that is locked');
  const credentials = new Credentials(tls);
  credentials.inspect();
  const running = startSwitch({ remote: database, credentials });
  daemon.atEnd(() => running.stop());
  const { unixctl } = daemonSettings.process;
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

async function follow(database: string, options: Options): Promise<number> {
  if (!isActive(database))
    throw new Error(`${database}: not an active connection method; use unix:FILE, tcp:HOST:PORT or ssl:HOST:PORT`);
  for (const { key, reason } of refusals) if (options[key] !== undefined) throw new Error(reason);
  return runDaemon({
    name,
    ...daemonSettings,
    capabilities: switchCapabilities,
    serve: (daemon) => serve(daemon, database, options),
  });
}

const main = async (): Promise<void> => {
  process.exitCode = await runProgram<string, Options>(program, follow);
};

void main();

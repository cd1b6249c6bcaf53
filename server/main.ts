#!/usr/bin/env node
/** ovsdb-server: serves OVSDB databases. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { Commands, plainCommand } from '../rpc/command.ts';
import { coverageCommands } from '../rpc/coverage.ts';
import { type Daemon, runDaemon } from '../rpc/daemon.ts';
import { defaultControlPath } from '../rpc/directories.ts';
import { logFor } from '../rpc/log.ts';
import { exitStatus } from '../rpc/process.ts';
import { runProgram } from '../rpc/program.ts';
import { ControlServer } from '../rpc/unixctl.ts';
import { vlogCommands } from '../rpc/vlog-commands.ts';
import type { Configuration } from './config-file.ts';
import { serverCommands } from './control.ts';
import { daemonSettings, type Options, program, programName, readInvocation, versionText } from './options.ts';
import { Server } from './server.ts';
import { Service } from './service.ts';

const log = logFor('ovsdb_server');

/** What the server serves at first, as the command line says or as a worker that crashed left it. */
const configure = async (service: Service, daemon: Daemon, given: Configuration): Promise<void> => {
  const left = daemon.inheritance;
  const done =
    service.configFile !== undefined
      ? await service.load()
      : left !== undefined
        ? await service.restore(left)
        : await service.configure(given, true);
  if (!done) throw new Error(`server configuration failed: ${service.problem}`);
  service.save();
};

const listenForCommands = async (path: string | undefined, service: Service, daemon: Daemon): Promise<void> => {
  if (path === 'none') return;
  const commands = new Commands(
    // The answer leaves before the server stops.
    [plainCommand('exit', () => stopSoon(daemon)), plainCommand('version', () => versionText)],
    serverCommands(service),
    coverageCommands,
    vlogCommands,
  );
  const control = await ControlServer.listen(path ?? defaultControlPath(programName), commands);
  daemon.atEnd(() => control.close());
};

const stopSoon = (daemon: Daemon): string => {
  setImmediate(() => daemon.stop());
  return '';
};

/** Runs a shell command; resolves when it has ended. @throws Error that says how it failed */
const runCommand = (command: string): Promise<void> =>
  new Promise((done, fail) => {
    const child = spawn('/bin/sh', ['-c', command], { stdio: 'inherit' });
    child.once('error', fail);
    child.once('exit', (code, signal) => {
      if (code === 0) done();
      else fail(new Error(`${command}: child exited, ${exitStatus({ code, signal })}`));
    });
  });

const serve = async (daemon: Daemon, paths: readonly string[], options: Options): Promise<void> => {
  const { configuration, configFile, connections } = readInvocation(paths, options);
  const server = new Server(connections);
  daemon.atEnd(() => server.close());
  const service = new Service(server, { configFile, changed: (text) => daemon.bequeath(text) });
  await configure(service, daemon, configuration);
  await listenForCommands(daemonSettings.process.unixctl, service, daemon);
  const command = options.run === undefined ? undefined : runCommand(options.run);
  // Whether it fails is asked for below; until then it may fail unasked.
  command?.catch(() => {});
  if (command === undefined) log.info(versionText);
  daemon.ready();
  await (command === undefined ? daemon.stopped : Promise.race([command, daemon.stopped]));
};

const main = async (): Promise<void> => {
  const code = await runProgram<readonly string[], Options>(program, (databases, options) => {
    // Where relative paths are meant from; the daemon itself goes elsewhere.
    const paths = databases.map((path) => (path.startsWith('relay:') ? path : resolve(path)));
    return runDaemon({
      name: programName,
      ...daemonSettings,
      serve: (daemon) => serve(daemon, paths, options),
    });
  });
  process.exit(code);
};

void main();

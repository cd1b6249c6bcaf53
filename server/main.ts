#!/usr/bin/env node
import { Command } from 'commander';
import { defaultDatabase, defaultSocket } from '../rpc/directories.ts';
import { isLevel, logFor, setLogLevel } from '../rpc/log.ts';
import { version } from '../rpc/version.ts';
import { Server } from './server.ts';

const log = logFor('ovsdb_server');

interface Options {
  readonly remote: string[];
  readonly verbose?: string;
}

const collect = (value: string, values: string[]): string[] => [...values, value];

const program = new Command('ovsdb-server')
  .description('Serves OVSDB databases (RFC 7047).')
  .argument('[database...]', 'database files; made, for a virtual switch, if they do not exist', [defaultDatabase()])
  .option('--remote <target>', 'listen on punix:FILE or ptcp:[PORT][:HOST]', collect, [])
  .option('-v, --verbose <level>', 'log level: off, emer, err, warn, info or dbg')
  .version(`ovsdb-server (vswitch) ${version}`, '-V, --version');

const run = async (databases: readonly string[], { remote, verbose }: Options): Promise<void> => {
  if (verbose !== undefined && isLevel(verbose)) setLogLevel(verbose);
  const server = await Server.start({ databases, remotes: remote.length > 0 ? remote : [`punix:${defaultSocket()}`] });
  log.info(`ovsdb-server (vswitch) ${version}`);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.once(signal, () => {
      server.close().then(() => process.exit(0));
    });
  }
};

process.title = 'ovsdb-server';
program.action(run);
try {
  await program.parseAsync();
} catch (error) {
  console.error(`ovsdb-server: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

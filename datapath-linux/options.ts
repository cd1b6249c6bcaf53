/** The command line of ovs-vswitchd. */
import { Command, Option } from 'commander';
import { addDaemonOptions } from '../rpc/daemon-options.ts';
import { defaultSocket } from '../rpc/directories.ts';
import { addOptions } from '../rpc/program.ts';
import { type TlsSettings, tlsDescriptions, tlsOptions } from '../rpc/tls-options.ts';
import { programVersion } from '../rpc/version.ts';

export const name = 'ovs-vswitchd';
export const versionText = programVersion(name);

export const program = new Command(name)
  .description('Makes the Linux kernel switch as an Open_vSwitch database says, until it is told to stop.')
  .argument('[database]', 'the server of the database', `unix:${defaultSocket()}`)
  .version(versionText, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help');
/** Filled in as the command line is read, as what follows. */
export const daemonSettings = addDaemonOptions(program);
export const tls: TlsSettings['tls'] = {};
addOptions(program, tlsOptions, { tls }, tlsDescriptions);
// The start script ovs-ctl gives it. With memory locked, madvise() fails, which V8 does not survive.
program.option('--mlockall', 'accepted for the sake of scripts; has no effect');
program.option('--disable-system-route', 'accepted: this switch routes nothing itself');

/** Options of the C daemon that ask for what this switch is not: it will not start with them, and says why. */
export const refusals = [
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

export interface Options extends Partial<Record<(typeof refusals)[number]['key'], unknown>> {
  readonly mlockall?: true;
}

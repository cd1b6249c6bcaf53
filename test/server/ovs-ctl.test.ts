/** Open vSwitch's start script, which starts, asks and stops ovsdb-server: ours, found before the C program. */
import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { comm, DaemonFolder, isAlive, parentOf } from '../helpers/daemon-folder.ts';
import { projectProgram } from '../helpers/project.ts';
import { cPrograms, program, root, testRequiring } from '../helpers/requires.ts';

const script = '/usr/share/openvswitch/scripts/ovs-ctl';
const programs = ['ovsdb-server', 'ovsdb-tool', 'ovs-appctl', 'ovs-vsctl'] as const;

testRequiring(
  cPrograms(),
  program(script, 'openvswitch-switch'),
  root(),
)('ovs-ctl starts our server, restarts it, and stops it', async (t) => {
  const folder = new DaemonFolder(t);
  for (const name of ['bin', 'etc']) mkdirSync(folder.file(name));
  for (const name of programs) symlinkSync(projectProgram(name), folder.file(`bin/${name}`));
  const env = {
    ...folder.env,
    OVS_SYSCONFDIR: folder.file('etc'),
    OVS_PKGDATADIR: '/usr/share/openvswitch',
    PATH: `${folder.file('bin')}:${process.env.PATH}`,
  };
  const ctl = async (...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)(script, ['--no-ovs-vswitchd', '--system-id=random', ...args], { env })).stdout;

  t.regex(await ctl('start'), /Creating empty database .*conf\.db\.\nStarting ovsdb-server\.\n/);
  const first = folder.pid();
  t.is(comm(first), 'ovsdb-server');
  t.is(comm(parentOf(first) ?? 0), 'monitor');
  const show = await promisify(execFile)('ovs-vsctl', ['--no-wait', 'get', 'Open_vSwitch', '.', 'external_ids'], {
    env,
  });
  t.regex(show.stdout, /system-id=/);

  t.regex(await ctl('restart'), new RegExp(`Exiting ovsdb-server \\(${first}\\)\\.\n`));
  t.false(isAlive(first));
  const second = folder.pid();
  t.not(second, first);
  await ctl('stop');
  t.false(isAlive(second));
  t.false(folder.has('ovsdb-server.pid'));
  t.notRegex(folder.read('ovsdb-server.log'), /\|(WARN|ERR|EMER)\|/);
});

/** Manual pages are true: every option and command that one names exists, and the reverse. */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import test from 'ava';
import { options as appctlOptions } from '../../appctl/settings.ts';
import { Commands } from '../../rpc/command.ts';
import { coverageCommands } from '../../rpc/coverage.ts';
import { vlogCommands } from '../../rpc/vlog-commands.ts';
import { serverCommands } from '../../server/control.ts';
import { program } from '../../server/options.ts';
import { Server } from '../../server/server.ts';
import { Service } from '../../server/service.ts';
import { readManPage } from '../helpers/man-page.ts';
import { projectFile } from '../helpers/project.ts';
import { findProgram, program as installed, testRequiring } from '../helpers/requires.ts';

const sorted = (words: Iterable<string>): string[] => [...words].sort();

test('ovsdb-server(1) has the options of ovsdb-server', (t) => {
  const help = ['-h', '--help'];
  const real = program.options.flatMap(({ short, long }) => [short, long].filter((flag) => flag !== undefined));
  t.deepEqual(sorted(readManPage('ovsdb-server.1').options), sorted([...real, ...help]));
});

test('ovs-appctl(8) has the options of ovs-appctl', (t) => {
  const real = appctlOptions.flatMap(({ short, long }) => [`--${long}`, ...(short === undefined ? [] : [`-${short}`])]);
  t.deepEqual(sorted(readManPage('ovs-appctl.8').options), sorted(real));
});

test('ovsdb-server(1) and ovs-appctl(8) have the commands of ovsdb-server', async (t) => {
  const server = new Server();
  t.teardown(() => server.close());
  const own = serverCommands(new Service(server, { changed: () => {} })).map(({ name }) => name);
  t.deepEqual(sorted(readManPage('ovsdb-server.1').commands), sorted(own));
  const list = await new Commands(coverageCommands, vlogCommands).run('list-commands', []);
  const common = [...list.matchAll(/^ {2}(\S+)/gm)].map(([, name = '']) => name);
  t.deepEqual(sorted(readManPage('ovs-appctl.8').commands), sorted([...common, 'exit', 'version']));
});

testRequiring(installed('mandoc', 'mandoc'))('mandoc finds no fault in any page', (t) => {
  for (const page of readdirSync(projectFile('man'))) {
    const { stdout } = spawnSync(findProgram('mandoc') ?? '', ['-T', 'lint', projectFile('man', page)], {
      encoding: 'utf8',
    });
    const faults = stdout.split('\n').filter((line) => line !== '' && !line.includes('referenced manual not found'));
    t.deepEqual(faults, []);
  }
});

/** Manual pages are true: every option and command that one names exists, and the reverse. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { options as appctlOptions } from '../../appctl/settings.ts';
import { commands as clientCommands } from '../../client/commands.ts';
import { help as clientHelp } from '../../client/help.ts';
import { options as clientOptions } from '../../client/settings.ts';
import { switchCommands } from '../../datapath-linux/command/commands.ts';
import { reportedColumns } from '../../datapath-linux/configuration.ts';
import { program as switchProgram } from '../../datapath-linux/options.ts';
import { Commands } from '../../rpc/command.ts';
import { coverageCommands } from '../../rpc/coverage.ts';
import { vlogCommands } from '../../rpc/vlog-commands.ts';
import { serverCommands } from '../../server/control.ts';
import { program } from '../../server/options.ts';
import { Server } from '../../server/server.ts';
import { Service } from '../../server/service.ts';
import { commands as toolCommands, help as toolHelp } from '../../tool/commands.ts';
import { options as toolOptions } from '../../tool/settings.ts';
import { commands as vsctlCommands } from '../../vsctl/commands.ts';
import { globalOptions } from '../../vsctl/options.ts';
import { namings } from '../../vsctl/record.ts';
import { differences } from '../datapath-linux/frames/differences.ts';
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

/** Cross references and other macros are one line of input each, and sentences begin on lines of their own. */
const words = (text: string): string =>
  text
    .replaceAll(/^\.\S+ /gm, '')
    .replaceAll(/\\&/g, '')
    .replaceAll(/\s+/g, ' ');

test('ovs-vswitchd(8) has the options and commands of ovs-vswitchd, and says what it does otherwise', (t) => {
  const page = readManPage('ovs-vswitchd.8');
  const real = switchProgram.options.flatMap(({ short, long }) => [short, long].filter((flag) => flag !== undefined));
  const commands = switchCommands(() => {
    throw new Error('nothing is run');
  });
  t.deepEqual(sorted(page.options), sorted([...real, '-h', '--help']));
  t.deepEqual(sorted(page.commands), sorted([...commands.map((each) => each.name), 'exit', 'version']));
  const text = words(readFileSync(projectFile('man/ovs-vswitchd.8'), 'utf8'));
  for (const { why } of differences.ours) t.true(text.includes(words(why)), why);
});

test('ovs-vswitchd.conf.db(5) has the tables and columns of the schema, each with its type', (t) => {
  const schema: { readonly tables: Readonly<Record<string, { readonly columns: object }>> } = JSON.parse(
    readFileSync(projectFile('schema/vswitch.ovsschema'), 'utf8'),
  );
  const page = readFileSync(projectFile('man/ovs-vswitchd.conf.db.5'), 'utf8');
  const sections = page.split(/^\.Sh /m).filter((section) => section.startsWith('TABLE '));
  const documented = sections.map((section) => ({
    table: section.split('\n', 1)[0]?.replace('TABLE ', ''),
    columns: [...section.matchAll(/^\.It Va (\S+) : \S/gm)].map(([, column]) => column),
  }));
  const real = Object.entries(schema.tables).map(([table, { columns }]) => ({ table, columns: Object.keys(columns) }));
  t.deepEqual(documented, real);
});

test('ovs-vswitchd.conf.db(5) says of the columns that the switch writes that they are reported', (t) => {
  const page = readFileSync(projectFile('man/ovs-vswitchd.conf.db.5'), 'utf8');
  for (const [table, columns] of Object.entries(reportedColumns)) {
    const section = page.split(`\n.Sh TABLE ${table}\n`)[1]?.split('\n.Sh ')[0] ?? '';
    for (const column of columns) {
      const entry = section.split(new RegExp(`^\\.It Va ${column} : .*\\n`, 'm'))[1] ?? '';
      t.regex(entry, /^(Reported|Empty)/, `${table}.${column}`);
    }
  }
});

for (const { name, options, commands, help } of [
  { name: 'ovsdb-tool', options: toolOptions, commands: toolCommands, help: toolHelp() },
  { name: 'ovsdb-client', options: clientOptions, commands: clientCommands, help: clientHelp() },
]) {
  test(`${name}(1) and --help have the options and commands of ${name}`, (t) => {
    const page = readManPage(`${name}.1`);
    const flags = options.flatMap(({ short, long }) => [`--${long}`, ...(short === undefined ? [] : [`-${short}`])]);
    const all = sorted([...flags, '-h', '--help', '-V', '--version']);
    t.deepEqual(sorted(page.options), all);
    t.deepEqual(sorted(page.commands), sorted(commands.map((each) => each.name)));
    const shown = [...help.matchAll(/^ {2}(-\S+?,?)(?:[[=]\S*)?(?: (--[a-z-]+)\S*)?(?= )/gm)];
    const helped = shown.flatMap(([, first = '', second]) => [first.replace(',', ''), ...(second ? [second] : [])]);
    t.deepEqual(sorted(helped), all);
    for (const each of commands) t.regex(help, new RegExp(`^ {2}${each.name}\\b`, 'm'));
  });
}

test('ovs-vsctl(8) has the options and commands of ovs-vsctl, each with its own options', (t) => {
  const page = readManPage('ovs-vsctl.8');
  const flags = globalOptions.flatMap(({ name, short }) => [
    `--${name}`,
    ...(short === undefined ? [] : [`-${short}`]),
  ]);
  t.deepEqual(sorted(page.options), sorted(flags));
  t.deepEqual(sorted(page.commands), sorted(vsctlCommands.keys()));
  for (const { name, options } of vsctlCommands.values()) {
    t.deepEqual(
      sorted(page.commandOptions.get(name) ?? []),
      sorted(options.map((each) => each.replace('=', ''))),
      name,
    );
  }
});

test("ovs-vsctl(8) says how each table's records are named", (t) => {
  const entries = readFileSync(projectFile('man/ovs-vsctl.8'), 'utf8').matchAll(/^\.It Sy (.*)$/gm);
  const named = [...entries].flatMap(([, tables = '']) => tables.split(' , '));
  t.deepEqual(sorted(named), sorted(namings.keys()));
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

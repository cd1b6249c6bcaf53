/** What bash proposes where a command line is not finished: each case runs bash with the file that it would read. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { commands } from '../../vsctl/commands.ts';
import { projectFile, projectProgram } from '../helpers/project.ts';
import { program, testRequiring } from '../helpers/requires.ts';
import { startServer } from '../helpers/server-process.ts';

const execute = promisify(execFile);
const bash = program('bash', 'bash');

/** Where COMP_LINE ends is the cursor, as bash has it. */
const ask = `source "$1"
COMP_LINE=$3 COMP_POINT=\${#3}
_ovs_vsctl "$2"
(( \${#COMPREPLY[@]} == 0 )) || printf '%s\\n' "\${COMPREPLY[@]}"`;

/** What bash is told can take the place of the last part of the line, sorted. */
const complete = async (line: string, before = ''): Promise<string[]> => {
  const args = [
    '--norc',
    '-c',
    `${before}${ask}`,
    'bash',
    projectFile('dist/completions/ovs-vsctl'),
    projectProgram('ovs-vsctl'),
    line,
  ];
  const { stdout, stderr } = await execute('bash', args);
  if (stderr !== '') throw new Error(stderr);
  return stdout
    .split('\n')
    .filter((each) => each !== '')
    .sort();
};

const setUp: readonly string[] = [
  ...['add-br', 'br0', '--', 'add-br', 'br1', '--', 'br-set-external-id', 'br0', 'who', 'me'],
  ...['--', 'add-port', 'br0', 'vnet0', '--', 'add-port', 'br0', 'vnet1', '--', 'add-port', 'br1', 'tap7'],
  ...['--', 'set', 'Bridge', 'br0', 'other_config:hwaddr=02:00:00:00:00:01', 'other_config:stp-priority=7'],
  ...['--', 'set', 'Port', 'vnet0', 'trunks=3,4'],
];

/** A server with two bridges; a line that names it. */
const start = async (t: ExecutionContext): Promise<(rest: string) => Promise<string[]>> => {
  const { target } = await startServer(t, projectFile('schema/vswitch.ovsschema'));
  await execute(projectProgram('ovs-vsctl'), [`--db=${target}`, '--no-wait', ...setUp]);
  return (rest) => complete(`ovs-vsctl --db=${target} ${rest}`);
};

testRequiring(bash)('commands and options', async (t) => {
  t.deepEqual(await complete('ovs-vsctl add-'), [
    'add-aa-mapping',
    'add-bond',
    'add-bond-iface',
    'add-br',
    'add-port',
    'add-zone-tp',
  ]);
  t.deepEqual(await complete('ovs-vsctl --no-h'), ['--no-headings']);
  t.deepEqual(await complete('ovs-vsctl --format='), ['csv', 'html', 'json', 'list', 'table']);
  t.deepEqual(await complete('ovs-vsctl -f j'), ['json']);
  t.deepEqual(await complete('ovs-vsctl --timeout 3 --wi'), ['--with-iface']);
  t.deepEqual(await complete('ovs-vsctl --may-exist add-b'), ['add-bond', 'add-bond-iface', 'add-br']);
  t.deepEqual(await complete('ovs-vsctl -- --with-iface '), ['--if-exists', '--with-iface', 'del-port']);
  t.deepEqual(await complete('ovs-vsctl -- --no-h'), [], 'global options stand before the first command');
  t.deepEqual(await complete('ovs-vsctl set-fail-mode br0 s'), ['secure', 'standalone']);
});

test('every command is proposed', async (t) => {
  const proposed = await complete('ovs-vsctl ');
  for (const name of commands.keys()) t.true(proposed.includes(name), name);
});

testRequiring(bash)('bridges, ports and interfaces of the server that the line names', async (t) => {
  const here = await start(t);
  t.deepEqual(await here('del-br '), ['br0', 'br1']);
  t.deepEqual(await here('del-port '), ['br0', 'br1', 'tap7', 'vnet0', 'vnet1']);
  t.deepEqual(await here('del-port br0 '), ['--', 'vnet0', 'vnet1']);
  t.deepEqual(await here('-- --if-exists del-port br1 t'), ['tap7']);
  t.deepEqual(await here('iface-to-br vnet'), ['vnet0', 'vnet1']);
  t.true((await here('add-port br0 ')).includes('lo'));
  t.deepEqual(await here('add-port br0 eth9 vlan_mode='), [
    'access',
    'dot1q-tunnel',
    'native-tagged',
    'native-untagged',
    'trunk',
  ]);
  t.deepEqual(await here('br-get-external-id br0 '), ['--', 'who']);
  t.deepEqual(await here('show '), []);
});

testRequiring(bash)('tables, records, columns, keys and values', async (t) => {
  const here = await start(t);
  t.deepEqual(await here('list Br'), ['Bridge']);
  t.deepEqual(await here('list bridge '), ['--', 'br0', 'br1']);
  t.deepEqual(await here('get Open '), ['--', '.']);
  t.deepEqual(await here('get Bridge br0 other_config:'), ['hwaddr', 'stp-priority']);
  t.deepEqual(await here('get Bridge br0 other'), ['other_config', 'other_config:']);
  t.deepEqual(await here('set Bridge br0 stp'), ['stp_enable=']);
  t.deepEqual(await here('set Bridge br0 stp_enable='), ['false', 'true']);
  t.deepEqual(await here('set Bridge br0 other_config:h'), ['hwaddr=']);
  t.deepEqual(await here('set Bridge br0 fail_mode=secure other_config:s'), ['stp-priority='], 'there may be more');
  t.deepEqual(await here('find Port bond_m'), ['bond_mode=']);
  t.deepEqual(await here('clear Port vnet0 tr'), ['trunks']);
  t.deepEqual(await here('remove Port vnet0 trunks '), ['--', '3', '4']);
  t.deepEqual(await here('remove Bridge br0 other_config h'), ['hwaddr']);
  t.deepEqual(await here('add Bridge br0 other_config h'), ['hwaddr=']);
  t.deepEqual(await here('list Bridge br0 -- set Bridge br1 stp_enable=t'), ['true']);
});

testRequiring(bash)(
  'what bash takes for the last part of the line, by the characters that it parts words at',
  async (t) => {
    const partedAt = (breaks: string): Promise<string[]> =>
      complete('ovs-vsctl set Bridge br0 fail_mode=se', `COMP_WORDBREAKS='${breaks}'\n`);
    t.deepEqual(await partedAt(' =:'), ['secure']);
    t.deepEqual(await partedAt(' ='), ['secure']);
    t.deepEqual(await partedAt(' :'), ['fail_mode=secure']);
    t.deepEqual(await partedAt(' '), ['fail_mode=secure']);
  },
);

testRequiring(bash)('a server that does not answer proposes nothing', async (t) => {
  t.deepEqual(await complete('ovs-vsctl --db=unix:/nonexistent del-br '), []);
});

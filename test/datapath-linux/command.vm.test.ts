/** The commands of the control socket answer in the C daemon's form. */
import type { ExecutionContext } from 'ava';
import { ask } from '../helpers/ask.ts';
import { kernelHas } from '../helpers/kernel.ts';
import { Lab } from '../helpers/lab.ts';
import { cPrograms, kernel, program, root, testRequiring } from '../helpers/requires.ts';

/** Ports of the datapath come in the order of numbers that each daemon gives as it likes. */
const unordered = (text: string): string => text.split('\n').sort().join('\n');

/**
 * With what is another in each daemon left out: the C daemon's userspace datapath has another name, makes taps for
 * internal ports, and has a port of its own; ports have other numbers in it; counters count.
 */
const normalized = (text: string): string =>
  text
    .replaceAll('netdev@ovs-netdev', 'system@ovs-system')
    .replaceAll('netdev@', 'system@')
    .replaceAll('(tap)', '(internal)')
    .replace(/^ {2}port \d+: ovs-netdev \(internal\)\n( {4}.*\n)*/gm, '')
    .replace(/^( {2}port )\d+(?=:)/gm, '$1N')
    .replace(/(\d+)\/\d+: /g, '$1/N: ')
    .replace(/missed:\d+/g, 'missed:N')
    .replace(/flows: \d+/g, 'flows: N')
    .replace(/(packets|bytes|dropped):\d+( \([\d.]+ .iB\))?/g, '$1:N')
    .replace(/^( {2}tx_(?:packets|bytes): )\d+$/gm, '$1N');

const queues = [
  ...'set Port p0 qos=@qos -- --id=@qos create QoS type=linux-htb other_config:max-rate=1000000000 queues:0=@a queues:5=@b'.split(
    ' ',
  ),
  ...'-- --id=@a create Queue other_config:min-rate=10000000 other_config:max-rate=20000000 other_config:priority=3 other_config:burst=200000'.split(
    ' ',
  ),
  ...'-- --id=@b create Queue other_config:min-rate=5000000'.split(' '),
];

async function start(t: ExecutionContext, daemon: 'c' | 'ours'): Promise<Lab> {
  const lab = await Lab.start(t, { daemon });
  for (const name of ['p0', 'p1']) {
    await lab.host.ip(`link add ${name} type veth peer name q${name}`);
    await lab.host.ip(`link set ${name} up`);
  }
  return lab;
}

async function configure(lab: Lab, daemon: 'c' | 'ours'): Promise<void> {
  const type =
    daemon === 'c' ? [' -- set Bridge br0 datapath_type=netdev', ' -- set Bridge br1 datapath_type=netdev'] : ['', ''];
  await lab.vsctlAll([
    `add-br br0${type[0]}`,
    `add-br br1${type[1]}`,
    'add-port br0 p0',
    'add-port br0 p1 -- set Interface p1 ofport_request=2',
    'add-port br0 pa -- set Interface pa type=patch options:peer=pb ofport_request=3',
    'add-port br1 pb -- set Interface pb type=patch options:peer=pa',
    'add-port br1 int1 -- set Interface int1 type=internal ofport_request=7',
  ]);
  await lab.vsctl(...queues);
}

/** Where the kernel has Open vSwitch's own module, it has another word for a datapath that is not there. */
const answer = async (lab: Lab, question: readonly string[]): Promise<string> => {
  const text = normalized(await ask(lab, ...question)).replace('(No such device)', '(No such file or directory)');
  return question[0] === 'dpctl/show' ? unordered(text) : text;
};

const questions = [
  ['dpif/show'],
  ['dpif/dump-dps'],
  ['dpctl/dump-dps'],
  ['dpctl/show'],
  ['dpctl/show', '-s'],
  ['ofproto/list'],
  ['dpctl/show', 'nosuch'],
  ['dpif/show', 'br0'],
  ['ofproto/list', 'br0'],
  ['qos/show'],
  ['qos/show', 'p0'],
  ['qos/show', 'p1'],
  ['qos/show', 'br0'],
  ['qos/show', 'nosuch'],
  ['qos/show-types', 'p1'],
  ['qos/show-types', 'nosuch'],
  ['no/such/command'],
  ['memory/show', 'x'],
  ['version', 'x'],
] as const;

testRequiring(
  root(),
  cPrograms(),
  program('ovs-vswitchd', 'openvswitch-switch'),
  kernel('htb'),
)('what is told of bridges, ports and queues has the form of the C daemon', async (t) => {
  t.timeout(300_000);
  const [ours, theirs] = [await start(t, 'ours'), await start(t, 'c')];
  for (const question of questions.slice(0, 6)) {
    // Where the kernel has none of its datapaths, the C daemon cannot tell that there are none.
    if (question[0].startsWith('dpctl/') && !kernelHas('openvswitch')) continue;
    t.is(await answer(ours, question), await answer(theirs, question), `without bridges: ${question.join(' ')}`);
  }
  await configure(ours, 'ours');
  await configure(theirs, 'c');
  for (const question of questions) {
    t.is(await answer(ours, question), await answer(theirs, question), question.join(' '));
  }
});

testRequiring(root())('memory/show counts ports and cells', async (t) => {
  const lab = await start(t, 'ours');
  t.is(await ask(lab, 'memory/show'), (await ask(lab, 'memory/show')).replace(/ports:\d+/, 'ports:0'));
  await lab.vsctlAll(['add-br br0', 'add-port br0 p0']);
  t.regex(await ask(lab, 'memory/show'), /^idl-cells-Open_vSwitch:\d+ ports:2\n$/);
});

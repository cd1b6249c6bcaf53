/** What the control socket tells of spanning trees and of learned addresses and groups, in the C daemon's form. */
import type { ExecutionContext } from 'ava';
import { ask } from '../helpers/ask.ts';
import { Lab } from '../helpers/lab.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, program, root, testRequiring } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';

const test = testRequiring(root(), cPrograms(), program('ovs-vswitchd', 'openvswitch-switch'));

/** A frame of Ethernet type 0x88b5, to everyone. */
const sender = `
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("far-p0", 0))
s.send(b"\\xff" * 6 + bytes([2, 0, 0, 0, 1, 1]) + b"\\x88\\xb5" + bytes(46))
`;
const multicast = projectFile('test/fixtures/multicast.py');

async function start(t: ExecutionContext, daemon: 'c' | 'ours', columns: readonly string[]): Promise<Lab> {
  const lab = await Lab.start(t, { daemon });
  await lab.host.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6');
  for (const name of ['p0', 'p1']) {
    await lab.host.ip(`link add ${name} type veth peer name far-${name}`);
    for (const each of [name, `far-${name}`]) await lab.host.ip(`link set ${each} up`);
  }
  const datapath = daemon === 'c' ? ['datapath_type=netdev'] : [];
  await lab.vsctl(
    ...['add-br', 'br0', '--', 'set', 'Bridge', 'br0', 'external_ids:for=test', ...datapath, ...columns],
    ...['--', 'add-port', 'br0', 'p0', '--', 'set', 'Interface', 'p0', 'ofport_request=1'],
    ...['--', 'add-port', 'br0', 'p1', '--', 'set', 'Interface', 'p1', 'ofport_request=2'],
  );
  return lab;
}

/** What both say to `args`, after `prepare`. */
async function both(
  t: ExecutionContext,
  columns: readonly string[],
  compare: (lab: Lab) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const [c, ours] = [await start(t, 'c', columns), await start(t, 'ours', columns)];
  const [fromC, fromOurs] = [await compare(c), await compare(ours)];
  t.deepEqual(fromOurs, fromC);
  return fromOurs;
}

test('learned addresses are shown and flushed in the form of the C daemon', async (t) => {
  const [table] = await both(t, [], async (lab) => {
    await lab.host.run('/usr/bin/python3', '-c', sender);
    await until('the address is learned', async () =>
      (await ask(lab, 'fdb/show', 'br0')).includes('02:00:00:00:01:01'),
    );
    const answers = [(await ask(lab, 'fdb/show', 'br0')).replace(/ +\d+\n/g, ' N\n')];
    for (const args of [
      ['fdb/flush'],
      ['fdb/flush', 'br0'],
      ['fdb/flush', 'nope'],
      ['fdb/show', 'br0'],
      ['fdb/show', 'x'],
    ]) {
      answers.push(await ask(lab, ...args));
    }
    answers.push((await ask(lab, 'fdb/stats-show', 'br0')).split('\n').slice(0, 3).join('\n'));
    return answers;
  });
  t.regex(table ?? '', /^ port {2}VLAN {2}MAC {16}Age\n {4}1 {5}0 {2}02:00:00:00:01:01 +N\n$/);
});

test('snooped groups are shown and flushed in the form of the C daemon', async (t) => {
  await both(t, ['mcast_snooping_enable=true'], async (lab) => {
    await lab.host.run('/usr/bin/python3', multicast, 'join', 'far-p1', '239.1.2.3');
    await until('the group is known', async () => (await ask(lab, 'mdb/show', 'br0')).includes('239.1.2.3'));
    const answers = [(await ask(lab, 'mdb/show', 'br0')).replace(/ +\d+\n/g, ' N\n')];
    for (const args of [
      ['mdb/flush', 'br0'],
      ['mdb/show', 'br0'],
      ['mdb/show', 'nope'],
      ['mdb/flush', 'nope'],
    ]) {
      answers.push(await ask(lab, ...args));
    }
    return answers;
  });
  await both(t, [], async (lab) => [await ask(lab, 'mdb/show', 'br0'), await ask(lab, 'mdb/flush', 'br0')]);
});

test('spanning trees are shown in the form of the C daemon', async (t) => {
  const [shown] = await both(t, ['stp_enable=true', 'other_config:stp-system-id=02:00:00:00:00:77'], async (lab) => {
    await until('the ports listen', async () => (await ask(lab, 'stp/show', 'br0')).match(/listening/g)?.length === 2);
    const answers: string[] = [];
    const questions = [['stp/show', 'br0'], ['stp/tcn'], ['stp/tcn', 'br0'], ['stp/tcn', 'x'], ['stp/show', 'x']];
    for (const args of [...questions, ['rstp/show'], ['rstp/show', 'br0'], ['rstp/tcn'], ['rstp/tcn', 'br0']]) {
      answers.push((await ask(lab, ...args)).replace(/\.\d$/gm, '.N').split('\n').sort().join('\n'));
    }
    return answers;
  });
  t.regex(shown ?? '', /This bridge is the root/);
});

test('bonds that are not there are refused in the words of the C daemon', async (t) => {
  await both(t, [], async (lab) => {
    const answers: string[] = [];
    for (const line of [
      ...['bond/list', 'bond/show', 'bond/show x', 'lacp/show', 'lacp/show x', 'lacp/show-stats', 'bond/migrate x 1 y'],
      ...[
        'bond/set-active-slave x y',
        'bond/set-active-member x y',
        'bond/enable-member x y',
        'bond/disable-slave x y',
      ],
      ...['bond/hash xx', 'bond/hash 02:00:00:00:00:01 x', 'bond/hash 02:00:00:00:00:01 1 x', 'stp/show', 'mdb/flush'],
    ]) {
      answers.push(await ask(lab, ...line.split(' ')));
    }
    return answers;
  });
});

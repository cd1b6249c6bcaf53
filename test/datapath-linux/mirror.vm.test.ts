/** Mirrors beyond where copies go, which test/cases/frames/mirror-*.frames tell: counters, lengths, and coming and going. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';
import { Client } from '../../rpc/client.ts';
import { Lab } from '../helpers/lab.ts';
import { connect, type Namespace } from '../helpers/netns.ts';
import { cPrograms, program, root, testRequiring } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';

const test = testRequiring(root(), cPrograms(), program('python3', 'python3'));

/** Sends frames of a length from eth0, to everyone. */
const sender = `
import socket, sys
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
port.bind(("eth0", 0x88b5))
frame = b"\\xff" * 6 + bytes([2, 0, 0, 0, 0, 9]) + b"\\x88\\xb5"
for _ in range(int(sys.argv[1])):
    port.send(frame.ljust(int(sys.argv[2]), b"x"))
`;
/** Prints the lengths of the frames that come in at eth0, one a line, until it is ended. */
const listener = `
import socket
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5))
port.bind(("eth0", 0x88b5))
print("ready", flush=True)
while True:
    frame, address = port.recvfrom(65536)
    if address[2] != 4:
        print(len(frame), flush=True)
`;

const send = (from: Namespace, count: number, length: number): Promise<string> =>
  from.run('python3', '-c', sender, String(count), String(length));

/** The lengths of what arrives from now on. */
async function listen(at: Namespace): Promise<readonly string[]> {
  const child = at.spawn('python3', '-c', listener);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout ?? process.stdin });
  await once(reader, 'line');
  reader.on('line', (line) => lines.push(line));
  return lines;
}

/** Hosts that send nothing of their own accord, on the ports of that name of br0. */
async function quietHosts(lab: Lab, ...ports: readonly string[]): Promise<readonly Namespace[]> {
  const hosts: Namespace[] = [];
  await lab.host.run('sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1');
  for (const port of ports) {
    const host = await lab.neighbour();
    await host.run('sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1');
    await connect(lab.host, port, host, 'eth0');
    hosts.push(host);
  }
  return hosts;
}

const host = (hosts: readonly Namespace[], index: number): Namespace => {
  const found = hosts[index];
  if (!found) throw new Error(`no host ${index}`);
  return found;
};

type Daemon = 'ours' | 'c';
const addBridge = (lab: Lab, daemon: Daemon, ...ports: readonly string[]): Promise<string> =>
  lab.vsctlAll([
    `add-br br0${daemon === 'c' ? ' -- set Bridge br0 datapath_type=netdev' : ''}`,
    ...ports.map((port) => `add-port br0 ${port}`),
  ]);

const addMirror = (lab: Lab, columns: string, ...ports: readonly string[]): Promise<string> =>
  lab.vsctlAll([
    ...ports.map((port) => `--id=@${port} get Port ${port}`),
    `--id=@mirror create Mirror name=m0 ${columns}`,
    'add Bridge br0 mirrors @mirror',
  ]);

for (const daemon of ['ours', 'c'] as const) {
  test(`copies are counted, once for each frame (${daemon})`, async (t) => {
    const lab = await Lab.start(t, { daemon });
    const hosts = await quietHosts(lab, 'va', 'vb', 'vc', 'vm');
    await addBridge(lab, daemon, 'va', 'vb', 'vc', 'vm');
    await addMirror(lab, 'select_src_port=@va select_dst_port=@vb,@vc output_port=@vm', 'va', 'vb', 'vc', 'vm');
    const copies = await listen(host(hosts, 3));
    await send(host(hosts, 0), 5, 100);
    await until('the copies are there', () => copies.length >= 5);
    await lab.await('Mirror', 'm0', 'statistics', '{tx_bytes=500, tx_packets=5}');
    t.is(copies.length, 5);
    t.true(copies.every((length) => length === '100'));
  });

  test(`snaplen shortens the copies, not the frames (${daemon})`, async (t) => {
    const lab = await Lab.start(t, { daemon });
    const hosts = await quietHosts(lab, 'va', 'vb', 'vm');
    await addBridge(lab, daemon, 'va', 'vb', 'vm');
    await addMirror(lab, 'select_all=true snaplen=64 output_port=@vm', 'vm');
    const [frames, copies] = [await listen(host(hosts, 1)), await listen(host(hosts, 2))];
    await send(host(hosts, 0), 2, 500);
    await send(host(hosts, 0), 1, 60);
    await until('all is there', () => frames.length >= 3 && copies.length >= 3);
    t.deepEqual(frames, ['500', '500', '60']);
    t.deepEqual(copies, ['64', '64', '60']);
  });
}

async function ourMirror(t: ExecutionContext) {
  const lab = await Lab.start(t);
  const hosts = await quietHosts(lab, 'va', 'vb', 'vm');
  await addBridge(lab, 'ours', 'va', 'vb', 'vm');
  await addMirror(lab, 'select_src_port=@va output_port=@vm', 'va', 'vm');
  return { lab, hosts };
}

test('a mirror is there again when its output port is, and counts on over a restart and a change', async (t) => {
  const { lab, hosts } = await ourMirror(t);
  const before = await listen(host(hosts, 2));
  await send(host(hosts, 0), 2, 100);
  await until('copies arrive', () => before.length === 2);
  await lab.assertSettled();
  await lab.stopSwitch('SIGKILL');
  await send(host(hosts, 0), 1, 100);
  await until('a copy arrives while no switch runs', () => before.length === 3);
  lab.startSwitch();
  await lab.assertSettled();
  await lab.vsctlAll(['--id=@vb get Port vb', 'set Mirror m0 select_src_port=@vb']);
  await send(host(hosts, 1), 1, 100);
  await send(host(hosts, 0), 1, 100);
  await lab.await('Mirror', 'm0', 'statistics', '{tx_bytes=400, tx_packets=4}');
  t.is(before.length, 4);
  await lab.host.ip('link del vm');
  await lab.await('Interface', 'vm', 'ofport', '-1');
  await lab.assertSettled();
  const fresh = await lab.neighbour();
  await connect(lab.host, 'vm', fresh, 'eth0');
  await lab.await('Interface', 'vm', 'ofport', /^[1-9]/);
  const after = await listen(fresh);
  await send(host(hosts, 1), 1, 100);
  await until('copies arrive again', () => after.length === 1);
});

test('without the mirror its output port is a port again, and nothing of it is left', async (t) => {
  const { lab, hosts } = await ourMirror(t);
  t.regex(await lab.host.run('tc', 'qdisc', 'show', 'dev', 'va'), /clsact/);
  await lab.vsctl('clear', 'Bridge', 'br0', 'mirrors');
  for (const device of ['va', 'vb', 'vm'])
    t.notRegex(await lab.host.run('tc', 'qdisc', 'show', 'dev', device), /clsact/);
  const received = await listen(host(hosts, 2));
  await send(host(hosts, 1), 1, 100);
  await until('the frame arrives', () => received.length === 1);
  await lab.assertSettled();
});

test('what a mirror lacks is told of its bridge', async (t) => {
  const lab = await Lab.start(t);
  await lab.vsctl('add-br', 'br0');
  await addMirror(lab, 'select_all=true');
  t.is(await lab.get('Bridge', 'br0', 'status:error'), '"bridge br0: mirror m0 does not specify output; ignoring"');
  await lab.vsctlAll(['add-br br1', 'add-port br1 i1 -- set Interface i1 type=internal']);
  await lab.vsctlAll(['--id=@i get Port i1', 'set Mirror m0 output_port=@i']);
  t.is(await lab.get('Bridge', 'br0', 'status:error'), '"bridge br0: mirror m0 outputs to port not on bridge"');
  await lab.vsctlAll(['--id=@i get Port br0', 'set Mirror m0 output_port=@i output_vlan=7']);
  t.is(
    await lab.get('Bridge', 'br0', 'status:error'),
    '"bridge br0: mirror m0 specifies both output port and output vlan; ignoring output vlan"',
  );
  await lab.vsctl('clear', 'Mirror', 'm0', 'output_vlan');
  await lab.vsctlAll(['add-port br0 gone0', '--id=@i get Port gone0', 'set Mirror m0 output_port=@i']);
  t.is(
    await lab.get('Bridge', 'br0', 'status:error'),
    '"bridge br0: mirror m0 copies nothing: its output port gone0 is not there"',
  );
  // A column that the C ovs-vsctl may not know yet.
  const client = await Client.connect(`unix:${lab.socket}`);
  await client.transact('Open_vSwitch', [{ op: 'update', table: 'Mirror', where: [], row: { filter: 'tcp' } }]);
  client.close();
  await lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:filter=set');
  t.regex(await lab.get('Bridge', 'br0', 'status:error'), /takes OpenFlow to understand/);
});

/** Queueing: what tc shows of it is what it shows of the C daemon's, and what others made is left alone. */
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { kernelHas } from '../helpers/kernel.ts';
import { Lab } from '../helpers/lab.ts';
import { connect, rootTest } from '../helpers/netns.ts';
import { cPrograms, kernel, program, root, testRequiring } from '../helpers/requires.ts';

/** A QoS row's type and options, and its queues' options by number. */
interface Case {
  readonly type: string;
  readonly options?: string;
  readonly queues?: Readonly<Record<number, string>>;
}

const configured = (prefix: string, options = ''): string[] =>
  options === '' ? [] : options.split(' ').map((option) => `${prefix}:${option}`);

/** The arguments of ovs-vsctl that give a port a new QoS, and remove the one before. */
function replaceQos(port: string, { type, options, queues = {} }: Case): string[] {
  const numbers = Object.keys(queues).map(Number);
  return [
    ...['--', '--all', 'destroy', 'QoS', '--', '--all', 'destroy', 'Queue'],
    ...['--', 'set', 'Port', port, 'qos=@qos'],
    ...['--', '--id=@qos', 'create', 'QoS', `type=${type}`, ...configured('other_config', options)],
    ...numbers.map((number) => `queues:${number}=@q${number}`),
    ...numbers.flatMap((number) => [
      ...['--', `--id=@q${number}`, 'create', 'Queue', 'external_ids:of=test'],
      ...configured('other_config', queues[number]),
    ]),
  ];
}

async function start(t: ExecutionContext, daemon: 'c' | 'ours'): Promise<Lab> {
  const lab = await Lab.start(t, { daemon });
  await lab.host.ip('link add p0 type veth peer name q0');
  await lab.host.ip('link set p0 up');
  const bridge = daemon === 'c' ? ['--', 'set', 'Bridge', 'br0', 'datapath_type=netdev'] : [];
  await lab.vsctl('add-br', 'br0', ...bridge, '--', 'add-port', 'br0', 'p0');
  return lab;
}

const qdiscs = async ({ host }: Lab, device: string): Promise<string> => host.run('tc', 'qdisc', 'show', 'dev', device);

/** Qdisc and classes in full; with the one handle that differs from the C daemon's as that has it. */
async function shown({ host }: Lab, device: string): Promise<string[]> {
  const lines = ['qdisc', 'class'].map((what) => host.run('tc', '-d', what, 'show', 'dev', device));
  const text = (await Promise.all(lines)).join('');
  return text
    .replaceAll(' 6f76: ', ' 1: ')
    .replace(/direct_packets_stat \d+/g, 'direct_packets_stat N')
    .replace(/refcnt \d+/g, 'refcnt N')
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd())
    .sort();
}

/** Gives each of the cases to a port of both daemons, one after the other, and compares what tc shows. */
async function compare(t: ExecutionContext, cases: readonly Case[]): Promise<void> {
  t.timeout(900_000);
  const [ours, theirs] = [await start(t, 'ours'), await start(t, 'c')];
  for (const each of cases) {
    for (const lab of [ours, theirs]) {
      // From one setting of sfq to another the C daemon finds no way.
      await lab.vsctl('clear', 'Port', 'p0', 'qos');
      await lab.vsctl(...replaceQos('p0', each));
    }
    const told = `${each.type} ${each.options ?? ''} ${JSON.stringify(each.queues ?? {})}`;
    t.deepEqual(await shown(ours, 'p0'), await shown(theirs, 'p0'), told);
    t.is(await ours.get('Interface', 'p0', 'error'), '[]', told);
    await ours.assertSettled();
  }
}

const cDaemon = [root(), cPrograms(), program('ovs-vswitchd', 'openvswitch-switch')] as const;

testRequiring(...cDaemon, kernel('htb'))('linux-htb is in the kernel as the C daemon has it', (t) =>
  compare(t, [
    { type: 'linux-htb' },
    {
      type: 'linux-htb',
      options: 'max-rate=1000000000',
      queues: { 0: 'min-rate=10000000 max-rate=20000000 priority=3 burst=200000', 5: 'min-rate=5000000' },
    },
    { type: 'linux-htb', queues: { 0: 'min-rate=20000000000', 1: 'min-rate=100000000' } },
    {
      type: 'linux-htb',
      options: 'max-rate=1000000',
      queues: {
        0: 'min-rate=2000000 max-rate=500000',
        1: 'min-rate=500000 max-rate=5000000',
        2: 'min-rate=1 max-rate=1',
        3: 'min-rate=x max-rate=0',
      },
    },
    { type: 'linux-htb', options: 'max-rate=100', queues: { 3: 'burst=1 priority=9' } },
    {
      type: 'linux-htb',
      options: 'max-rate=1000000000',
      queues: { 61439: 'min-rate=121000', 61440: 'min-rate=130000' },
    },
  ]),
);

const others = ['hfsc', 'sfq', 'codel', 'fq_codel', 'netem'] as const;

testRequiring(...cDaemon, ...others.map((feature) => kernel(feature)))(
  'the other disciplines are in the kernel as the C daemon has them',
  (t) =>
    compare(t, [
      {
        type: 'linux-hfsc',
        options: 'max-rate=1000000000',
        queues: { 0: 'min-rate=10000000 max-rate=20000000', 5: 'min-rate=5000000' },
      },
      {
        type: 'linux-hfsc',
        options: 'max-rate=1000000',
        queues: { 2: 'min-rate=2000000 max-rate=500000', 3: 'min-rate=1000 max-rate=700000' },
      },
      { type: 'linux-sfq' },
      { type: 'linux-sfq', options: 'perturb=20 quantum=3000' },
      { type: 'linux-sfq', options: 'perturb=0 quantum=x' },
      { type: 'linux-codel' },
      { type: 'linux-codel', options: 'limit=500 target=4000 interval=90000' },
      { type: 'linux-codel', options: 'limit=0 target=x' },
      { type: 'linux-fq_codel' },
      { type: 'linux-fq_codel', options: 'limit=500 target=4000 interval=90000 flows=100 quantum=2000' },
      { type: 'linux-fq_codel', options: 'quantum=100 flows=0' },
      { type: 'linux-netem' },
      { type: 'linux-netem', options: 'latency=2000 loss=5 limit=200' },
      { type: 'linux-netem', options: 'latency=1.5 loss=100' },
    ]),
);

testRequiring(root(), kernel('htb'))(
  'queues change in place, with the filters that others have set on them',
  async (t) => {
    const lab = await start(t, 'ours');
    const { host } = lab;
    await lab.vsctl(
      ...replaceQos('p0', {
        type: 'linux-htb',
        options: 'max-rate=1000000000',
        queues: { 1: 'min-rate=1000000', 2: 'min-rate=2000000' },
      }),
    );
    const filter = 'protocol ip u32 match ip dsfield 0xb8 0xfc flowid 1:2';
    await host.run('tc', 'filter', 'add', 'dev', 'p0', 'parent', '1:', ...filter.split(' '));
    const queue = (await lab.vsctl('get', 'QoS', await lab.get('Port', 'p0', 'qos'), 'queues:1')).trim();
    await lab.vsctl(
      'set',
      'Queue',
      queue,
      'other_config:min-rate=3000000',
      '--',
      'remove',
      'QoS',
      await lab.get('Port', 'p0', 'qos'),
      'queues',
      '2',
    );
    const classes = await host.run('tc', 'class', 'show', 'dev', 'p0');
    t.regex(classes, /class htb 1:2 parent 1:fffe prio 0 rate 3Mbit/);
    t.notRegex(classes, /class htb 1:3 /);
    t.regex(await host.run('tc', 'filter', 'show', 'dev', 'p0'), /flowid 1:2/);

    // What somebody has changed by hand is mended, with a word from the kernel and no other.
    await host.run('tc', ...'class change dev p0 parent 1:fffe classid 1:2 htb rate 9mbit'.split(' '));
    await lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:look=1');
    t.regex(await host.run('tc', 'class', 'show', 'dev', 'p0'), /1:2 parent 1:fffe prio 0 rate 3Mbit/);

    await lab.stopSwitch('SIGKILL');
    lab.startSwitch();
    const from = lab.log.length;
    await lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:restarted=1');
    t.deepEqual(lab.stepsSince(from), []);

    await lab.vsctl('clear', 'Port', 'p0', 'qos');
    t.notRegex(await qdiscs(lab, 'p0'), /htb/);
  },
);

testRequiring(root(), kernel('htb'))('an internal port is shaped where its frames leave the bridge', async (t) => {
  const lab = await start(t, 'ours');
  await lab.vsctl(...replaceQos('br0', { type: 'linux-htb', options: 'max-rate=5000000' }));
  t.regex(await qdiscs(lab, 'to-br0'), /qdisc htb 1: root/);
  t.notRegex(await qdiscs(lab, 'br0'), /htb/);
});

testRequiring(root(), kernel('htb'))('the queueing that others made stays, and is told to be in the way', async (t) => {
  const lab = await start(t, 'ours');
  await lab.host.run('tc', ...'qdisc add dev p0 root handle 7: htb default 3'.split(' '));
  await lab.vsctl('set', 'Interface', 'p0', 'external_ids:a=b');
  t.regex(await qdiscs(lab, 'p0'), /qdisc htb 7: root/);
  await lab.vsctl(...replaceQos('p0', { type: 'linux-htb' }));
  t.is(
    await lab.get('Interface', 'p0', 'error'),
    '"could not set linux-htb on p0: the switch did not make the queueing discipline htb that is there; tc qdisc delete dev p0 root makes way"',
  );
  t.regex(await qdiscs(lab, 'p0'), /qdisc htb 7: root/);
  await lab.host.run('tc', ...'qdisc delete dev p0 root'.split(' '));
  await lab.await('Interface', 'p0', 'error', '[]');
  t.regex(await qdiscs(lab, 'p0'), /qdisc htb 1: root/);

  // What is asked for as linux-noop is whatever is there; other words, and none, ask for nothing.
  await lab.vsctl(...replaceQos('p0', { type: 'linux-noop' }));
  t.regex(await qdiscs(lab, 'p0'), /qdisc htb 1: root/);
  await lab.vsctl(...replaceQos('p0', { type: 'no-such-type' }));
  t.notRegex(await qdiscs(lab, 'p0'), /htb/);
  t.is(await lab.get('Interface', 'p0', 'error'), '[]');
});

testRequiring(root(), kernel('htb'))('a port that is removed keeps nothing of its queues', async (t) => {
  const lab = await start(t, 'ours');
  await lab.vsctl(...replaceQos('p0', { type: 'linux-htb' }));
  await lab.vsctl('del-port', 'p0');
  t.notRegex(await qdiscs(lab, 'p0'), /htb/);
});

testRequiring(root(), kernel('htb'))(
  'frames leave at the rate of their queue, to which a filter sends them',
  async (t) => {
    t.timeout(300_000);
    const lab = await Lab.start(t);
    const { host } = lab;
    const [sender, receiver] = [await lab.neighbour(), await lab.neighbour()];
    await connect(host, 'p0', receiver, 'eth0');
    await connect(host, 'p1', sender, 'eth0');
    await receiver.ip('addr add 10.9.0.1/24 dev eth0');
    await sender.ip('addr add 10.9.0.2/24 dev eth0');
    await lab.vsctlAll(['add-br br0', 'add-port br0 p0', 'add-port br0 p1']);
    const slow = 'min-rate=400000 max-rate=800000';
    await lab.vsctl(...replaceQos('p0', { type: 'linux-htb', options: 'max-rate=1000000000', queues: { 5: slow } }));
    const filter = 'parent 1: protocol ip u32 match ip dsfield 0xb8 0xfc flowid 1:6';
    await host.run('tc', 'filter', 'add', 'dev', 'p0', ...filter.split(' '));

    /** How long 200 packets of 1042 bytes take, which are sent within a second, in seconds. */
    const send = async (typeOfService: string): Promise<number> => {
      const options = ['-n', '-q', '-c', '200', '-i', '0.005', '-s', '1000', '-Q', typeOfService, '-W', '30'];
      const start = performance.now();
      t.regex(await sender.run('ping', ...options, '10.9.0.1'), / 0% packet loss/);
      return (performance.now() - start) / 1000;
    };
    t.true(await sender.ping('10.9.0.1'));
    // At 800 kbit/s they take 2.08 s, less what the burst lets through at once.
    t.true((await send('0xb8')) > 1.9);
    t.regex(await host.run('tc', '-s', 'class', 'show', 'dev', 'p0'), /class htb 1:6 .*\n Sent 208400 bytes 200 pkt/);
    await send('0');
    t.regex(await host.run('tc', '-s', 'class', 'show', 'dev', 'p0'), /class htb 1:6 .*\n Sent 208400 bytes 200 pkt/);
  },
);

/** Sends a UDP packet of a version of IP with a priority out of one device, and prints the header that comes to another. */
const sendWithPriority = `
import socket, struct, sys
out, into, version, priority = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4], 16)
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff
if version == 4:
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0x02, 28, 0, 0, 64, 17, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
    packet = head[:10] + struct.pack('!H', checksum(head)) + head[12:] + bytes(8)
else:
    packet = struct.pack('!IHBB16s16s', 0x60212345, 8, 17, 64, bytes(16), bytes(16)) + bytes(8)
receiver = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
receiver.bind((into, 0))
receiver.settimeout(30)
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
sender.setsockopt(socket.SOL_SOCKET, 12, priority)
kind = b'\\x08\\x00' if version == 4 else b'\\x86\\xdd'
sender.bind((out, 0x0800 if version == 4 else 0x86dd))
sender.send(bytes([2, 0, 0, 0, 0, 9]) + bytes([2, 0, 0, 0, 0, 8]) + kind + packet)
while True:
    frame = receiver.recv(2000)
    if frame[:6] == bytes([2, 0, 0, 0, 0, 9]): break
print(frame[14:18].hex(), 'ok' if version == 6 or checksum(frame[14:34]) == 0 else 'bad checksum')
`;

testRequiring(
  root(),
  kernel('htb'),
  program('python3', 'python3'),
)('what leaves through a queue with a DSCP is marked with it, if its priority chose the queue', async (t) => {
  const lab = await start(t, 'ours');
  await lab.host.ip('link set q0 up');
  await lab.vsctl(...replaceQos('p0', { type: 'linux-htb', queues: { 1: 'min-rate=1000', 5: 'min-rate=1000' } }));
  const send = async (version: 4 | 6, priority: string): Promise<string> =>
    (await lab.host.run('python3', '-c', sendWithPriority, 'p0', 'q0', String(version), priority)).trim();
  t.is(await send(4, '10006'), '4502001c ok');
  const qos = await lab.get('Port', 'p0', 'qos');
  const queue = (await lab.vsctl('get', 'QoS', qos, 'queues:5')).trim();
  await lab.vsctl('set', 'Queue', queue, 'dscp=46');
  t.is(await lab.get('Interface', 'p0', 'error'), '[]');
  // 46 << 2, and the congestion bits as they were.
  t.is(await send(4, '10006'), '45ba001c ok');
  t.is(await send(4, '10002'), '4502001c ok');
  t.is(await send(4, '0'), '4502001c ok');
  // The traffic class 0x02 becomes 0xba; the flow label stays.
  t.is(await send(6, '10006'), '6ba12345 ok');
  t.is(await send(6, '10002'), '60212345 ok');
  await lab.assertSettled();
  await lab.vsctl('clear', 'Queue', queue, 'dscp');
  t.is(await send(4, '10006'), '4502001c ok');
  t.notRegex(await qdiscs(lab, 'p0'), /clsact/);
});

testRequiring(root(), kernel('htb'))('exit --cleanup leaves no queues on devices that were there before', async (t) => {
  const lab = await start(t, 'ours');
  await lab.vsctl(...replaceQos('p0', { type: 'linux-htb' }));
  const target = `${lab.directory}/ovs-vswitchd.${lab.switch.pid}.ctl`;
  const exited = once(lab.switch, 'exit');
  await lab.host.run('ovs-appctl', '-t', target, 'exit', '--cleanup');
  await exited;
  t.notRegex(await qdiscs(lab, 'p0'), /htb/);
});

rootTest('a kernel without a discipline is told in one sentence, and the port works', async (t) => {
  if (kernelHas('hfsc')) {
    t.pass('this kernel has it');
    return;
  }
  const lab = await start(t, 'ours');
  await lab.vsctl(...replaceQos('p0', { type: 'linux-hfsc' }));
  t.is(
    await lab.get('Interface', 'p0', 'error'),
    '"could not set linux-hfsc on p0: this kernel has no hfsc (CONFIG_NET_SCH_HFSC, module sch_hfsc)"',
  );
  t.is(await lab.get('Interface', 'p0', 'ofport'), '1');
});

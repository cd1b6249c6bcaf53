/** How fast the switch makes and takes a thousand ports, what it takes while nothing happens, and what it forwards. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Lab } from '../test/helpers/lab.ts';
import { connect, Namespace } from '../test/helpers/namespace.ts';
import { inScope } from './scope.ts';
import { measureTraffic, type Traffic, type Way } from './traffic.ts';

/** A figure, and what it should be; `atMost` and `atLeast` are in its unit. */
export interface DatapathFigure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

const count = 1000;
const names = Array.from({ length: count }, (_, i) => `p${i}`);
const singles = 20;
const idleSeconds = 15;

async function milliseconds(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** Processor time that a process and its threads have had, in milliseconds (/proc/PID/task/TID/schedstat, in ns). */
function processorTime(pid: number | undefined): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const times = tasks.map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]));
  return times.reduce((sum, time) => sum + time, 0) / 1e6;
}

/** `ip -batch`, fed with these lines. */
async function batch(host: Namespace, lines: readonly string[]): Promise<void> {
  const child = spawn('ip', ['-n', host.name, '-batch', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.end(lines.map((line) => `${line}\n`).join(''));
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`ip -batch ended with status ${status}`);
}

/** Someone who knows what he wants: the same devices, in as few words as they take. */
const byHand = (): Promise<number> =>
  inScope(async (scope) => {
    const host = await Namespace.create();
    scope.teardown(() => host.close());
    await host.ip('link add hand type bridge');
    await host.ip('link set hand up');
    const pairs = names.map((name) => `link add o${name} up master hand group 7 type veth peer name ${name}`);
    return milliseconds(() => batch(host, pairs));
  });

const byC = (): Promise<{ made: number; gone: number }> =>
  inScope(async (scope) => {
    const lab = await Lab.start(scope, { daemon: 'c' });
    await lab.vsctl('add-br', 'br0', '--', 'set', 'Bridge', 'br0', 'datapath_type=netdev');
    const made = await milliseconds(() => lab.insertPorts('br0', names));
    return { made, gone: await milliseconds(() => lab.vsctl('del-br', 'br0')) };
  });

/** One port after the other, each waited for: the switch's own time, and the whole. */
async function addSingles(lab: Lab): Promise<{ own: number; whole: number }> {
  const before = processorTime(lab.switch.pid);
  const whole = await milliseconds(async () => {
    for (let i = 0; i < singles; i++) await lab.vsctlAll([`add-port br0 s${i} -- set Interface s${i} type=internal`]);
  });
  return { own: (processorTime(lab.switch.pid) - before) / singles, whole: whole / singles };
}

/** Once the memory of what was done before has been given back, which takes the runtime some twenty seconds. */
async function idleShare(lab: Lab): Promise<number> {
  await delay(25_000);
  const before = processorTime(lab.switch.pid);
  await delay(idleSeconds * 1000);
  return (processorTime(lab.switch.pid) - before) / (idleSeconds * 10);
}

/** Kills the switch while two neighbours talk, and starts it again; packets lost, and how long until all is adopted. */
async function restart(lab: Lab): Promise<{ lost: number; took: number }> {
  const [one, other] = [await lab.neighbour(), await lab.neighbour()];
  await connect(lab.host, 'va', one, 'eth0');
  await connect(lab.host, 'vb', other, 'eth0');
  await one.ip('addr add 10.9.0.1/24 dev eth0');
  await other.ip('addr add 10.9.0.2/24 dev eth0');
  await lab.vsctlAll(['add-port br0 va', 'add-port br0 vb']);
  await one.ping('10.9.0.2');
  const traffic = one.run('ping', '-n', '-c', '1000', '-i', '0.005', '-W', '2', '10.9.0.2').catch(String);
  await delay(500);
  await lab.stopSwitch('SIGKILL');
  lab.startSwitch();
  const took = await milliseconds(() => lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:restarted=1'));
  await lab.assertSettled();
  const [, received = 0] = /(\d+) received/.exec(await traffic) ?? [];
  return { lost: 1000 - Number(received), took };
}

const byUs = () =>
  inScope(async (scope) => {
    const small = await inScope(async (inner) => {
      const lab = await Lab.start(inner);
      await lab.vsctl('add-br', 'br0');
      await lab.insertPorts('br0', names.slice(0, 10));
      return addSingles(lab);
    });
    const lab = await Lab.start(scope);
    await lab.vsctl('add-br', 'br0');
    const made = await milliseconds(() => lab.insertPorts('br0', names));
    const idle = await idleShare(lab);
    await addSingles(lab);
    await lab.vsctlAll(Array.from({ length: singles }, (_, i) => `del-port s${i}`));
    const single = await addSingles(lab);
    await lab.vsctlAll(Array.from({ length: singles }, (_, i) => `del-port s${i}`));
    const restarted = await restart(lab);
    return { made, small, single, idle, restarted, gone: await milliseconds(() => lab.vsctl('del-br', 'br0')) };
  });

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function thousandPorts(rounds: number): Promise<DatapathFigure[]> {
  const results: { hand: number; c: Awaited<ReturnType<typeof byC>>; ours: Awaited<ReturnType<typeof byUs>> }[] = [];
  for (let round = 0; round < rounds; round++) {
    results.push({ hand: await byHand(), ours: await byUs(), c: await byC() });
  }
  const of = (pick: (result: (typeof results)[number]) => number): number => median(results.map(pick));
  return [
    { name: '1,000 ports made by ip -batch', value: of(({ hand }) => hand), unit: 'ms' },
    { name: '1,000 ports made by the C daemon', value: of(({ c }) => c.made), unit: 'ms' },
    { name: '1,000 ports made', value: of(({ ours }) => ours.made), unit: 'ms' },
    { name: '  against ip -batch', value: of(({ ours, hand }) => ours.made / hand), unit: '', atMost: 1.3 },
    { name: '  against the C daemon', value: of(({ ours, c }) => ours.made / c.made), unit: '', atMost: 1 },
    { name: '1,000 ports taken down by the C daemon', value: of(({ c }) => c.gone), unit: 'ms' },
    { name: '1,000 ports taken down', value: of(({ ours }) => ours.gone), unit: 'ms', atMost: 2000 },
    { name: 'one more port, whole', value: of(({ ours }) => ours.single.whole), unit: 'ms' },
    { name: 'one more port, our own work', value: of(({ ours }) => ours.single.own), unit: 'ms', atMost: 5 },
    { name: '  on a bridge of 10', value: of(({ ours }) => ours.small.own), unit: 'ms' },
    { name: 'idle with 1,000 ports', value: of(({ ours }) => ours.idle), unit: '%', atMost: 1 },
    { name: 'restart with 1,000 ports', value: of(({ ours }) => ours.restarted.took), unit: 'ms' },
    { name: '  packets lost meanwhile', value: of(({ ours }) => ours.restarted.lost), unit: '', atMost: 0 },
  ];
}

async function traffic(rounds: number): Promise<DatapathFigure[]> {
  const results: Record<Way, Traffic>[] = [];
  for (let round = 0; round < rounds; round++) {
    results.push({
      'by hand': await measureTraffic('by hand'),
      ours: await measureTraffic('ours'),
      'C userspace': await measureTraffic('C userspace'),
    });
  }
  const figures = ({ key, what, unit }: { key: keyof Traffic; what: string; unit: string }): DatapathFigure[] => {
    const of = (way: Way): number => median(results.map((result) => result[way][key]));
    const against = (way: Way): number => median(results.map((result) => result.ours[key] / result[way][key]));
    return [
      { name: what, value: of('ours'), unit },
      { name: '  against a bridge made by hand', value: against('by hand'), unit: '', atLeast: 0.97 },
      { name: '  against the C userspace datapath', value: against('C userspace'), unit: '', atLeast: 1 },
    ];
  };
  return [
    ...figures({ key: 'throughput', what: 'TCP throughput', unit: 'Gbit/s' }),
    ...figures({ key: 'packets', what: 'packets of 64 bytes', unit: 'kpps' }),
  ];
}

/** Needs root, the C programs, iperf3 and ethtool. */
export async function measureDatapath(rounds: number): Promise<DatapathFigure[]> {
  return [...(await thousandPorts(rounds)), ...(await traffic(rounds))];
}

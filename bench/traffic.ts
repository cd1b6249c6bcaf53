/** How much traffic passes between two hosts: through a kernel bridge made by hand, our switch, and the C userspace one. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Lab, type Scope } from '../test/helpers/lab.ts';
import { connect, end, Namespace } from '../test/helpers/namespace.ts';
import { until } from '../test/helpers/until.ts';
import { inScope } from './scope.ts';

export interface Traffic {
  /** Gbit/s of one TCP stream */
  readonly throughput: number;
  /** thousands of small UDP packets that arrive in a second */
  readonly packets: number;
}

const seconds = '2';
const server = '10.9.0.2';
const ports = ['va', 'vb'] as const;

interface Host {
  readonly namespace: Namespace;
  /** Joins the two ports, once they are there. */
  join(): Promise<unknown>;
}

async function byHand(scope: Scope): Promise<Host> {
  const namespace = await Namespace.create();
  scope.teardown(() => namespace.close());
  await namespace.ip('link add hand type bridge');
  await namespace.ip('link set hand up');
  return { namespace, join: () => Promise.all(ports.map((port) => namespace.ip(`link set ${port} master hand`))) };
}

const bySwitch =
  (daemon: 'c' | 'ours') =>
  async (scope: Scope): Promise<Host> => {
    const lab = await Lab.start(scope, { daemon });
    const type = daemon === 'c' ? ['--', 'set', 'Bridge', 'br0', 'datapath_type=netdev'] : [];
    await lab.vsctl('add-br', 'br0', ...type);
    return { namespace: lab.host, join: () => lab.vsctlAll(ports.map((port) => `add-port br0 ${port}`)) };
  };

const ways = { 'by hand': byHand, ours: bySwitch('ours'), 'C userspace': bySwitch('c') } as const;
export type Way = keyof typeof ways;

async function neighbour(scope: Scope, host: Namespace, port: string, address: string): Promise<Namespace> {
  const namespace = await Namespace.create();
  scope.teardown(() => namespace.close());
  await connect(host, port, namespace, 'eth0');
  await namespace.ip(`addr add ${address}/24 dev eth0`);
  return namespace;
}

interface Report {
  readonly end: {
    readonly sum_received?: { readonly bits_per_second: number };
    readonly sum: { readonly packets: number; readonly lost_packets: number; readonly seconds: number };
  };
}

async function iperf(from: Namespace, ...args: readonly string[]): Promise<Report['end']> {
  const report: Report = JSON.parse(await from.run('iperf3', '-J', '-c', server, '-t', seconds, ...args));
  return report.end;
}

async function listening(child: ChildProcess): Promise<ChildProcess> {
  await once(child.stdout ?? child, 'data');
  return child;
}

/** The userspace switch forwards no packets whose checksums the sender left to the hardware (DATAPATH.md, trap 27). */
const withoutOffloads = (host: Namespace): Promise<string> => host.run('ethtool', '-K', 'eth0', 'tx', 'off');

export const measureTraffic = (way: Way): Promise<Traffic> =>
  inScope(async (scope) => {
    const { namespace, join } = await ways[way](scope);
    const one = await neighbour(scope, namespace, ports[0], '10.9.0.1');
    const other = await neighbour(scope, namespace, ports[1], server);
    await join();
    if (way === 'C userspace') for (const each of [one, other]) await withoutOffloads(each);
    await until('the two reach each other', () => one.ping(server));
    const receiver = await listening(other.spawn('iperf3', '-s', '--forceflush'));
    const tcp = await iperf(one);
    const udp = await iperf(one, '-u', '-b', '0', '-l', '64');
    await end(receiver, 'SIGTERM');
    const { packets, lost_packets, seconds: took } = udp.sum;
    return {
      throughput: (tcp.sum_received?.bits_per_second ?? 0) / 1e9,
      packets: (packets - lost_packets) / took / 1e3,
    };
  });

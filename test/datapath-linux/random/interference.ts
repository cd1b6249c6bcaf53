/** What others do to the switch's devices, queues and filters, and to the switch itself. */
import type { Lab } from '../../helpers/lab.ts';
import type { Namespace } from '../../helpers/netns.ts';
import type { Random } from '../../helpers/random.ts';
import { cables } from './edits.ts';

const devices = [
  'to-int0',
  'to-int1',
  'int1',
  'tap0',
  'to-br0',
  'sw-br1',
  'veth0',
  'veth4',
  'br0',
  'vx0',
  'pa',
  'bond4',
];

type Action = (host: Namespace, device: string, lab: Lab) => Promise<unknown>;

const actions: readonly Action[] = [
  (host, device) => host.ip(`link set ${device} nomaster`),
  (host, device) => host.ip(`link set ${device} down`),
  (host, device) => host.ip(`link set ${device} up`),
  (host, device) => (cables.includes(device) ? Promise.resolve() : host.ip(`link set ${device} up alias foreign`)),
  (host, device) => (cables.includes(device) ? Promise.resolve() : host.ip(`link del ${device}`)),
  (host, device) => host.ip(`link set ${device} mtu 1300`),
  (host, device) => host.run('bridge', 'vlan', 'add', 'dev', device, 'vid', '77'),
  (host, device) => host.run('bridge', 'vlan', 'del', 'dev', device, 'vid', '10'),
  (host, device) => host.run('tc', 'qdisc', 'del', 'dev', device, 'clsact'),
  (host, device) => host.run('tc', 'qdisc', 'del', 'dev', device, 'root'),
  (host, device) => host.run('tc', 'filter', 'del', 'dev', device, 'ingress'),
  async (_host, _device, lab) => {
    await lab.stopSwitch('SIGKILL');
    lab.startSwitch();
  },
  async (host, _device, lab) => {
    const container = await lab.neighbour();
    await host.ip(`link set int0 netns ${container.name}`).catch(() => undefined);
    await lab.drop(container);
  },
];

/** One thing, which may fail, because the device is not there. */
export async function interfere(random: Random, lab: Lab): Promise<void> {
  await random
    .pick(actions)(lab.host, random.pick(devices), lab)
    .catch(() => undefined);
}

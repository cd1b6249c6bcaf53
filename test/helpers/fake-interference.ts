/** What other people do to the devices of a fake kernel, the switch's among them. */
import type { FakeKernel } from './fake-kernel.ts';
import type { Random } from './random.ts';

/** One thing, at random. */
export function disturb(random: Random, kernel: FakeKernel): void {
  const link = random.pick([
    ...kernel.links,
    ...(kernel.links.length === 0 ? [kernel.add('lo', { loopback: true })] : []),
  ]);
  if (link.loopback) return;
  const { ifindex, bridgePort } = link;
  const actions = [
    () => kernel.remove(ifindex),
    () => kernel.change(ifindex, { up: !link.up }),
    () => kernel.change(ifindex, { mtu: random.pick([1300, 1500, 9000]) }),
    () => kernel.change(ifindex, { alias: 'somebody else was here' }),
    () => link.kind !== 'bridge' && kernel.change(ifindex, { master: 0 }),
    () => link.tun && kernel.change(ifindex, { carrier: !link.carrier }),
    () => bridgePort && kernel.change(ifindex, { bridgePort: { ...bridgePort, isolated: 1 } }),
  ];
  random.pick(actions)();
}

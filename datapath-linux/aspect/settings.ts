/** The settings of the kernel bridges. */
import type { Desired, DesiredBridge } from '../desired.ts';
import { hiddenBridge } from '../device.ts';
import { type BridgeSettings, differingSettings, quietBridge } from '../netlink/bridge.ts';
import { changeBridge } from '../netlink/request.ts';
import type { AspectDefinition } from './aspect.ts';

/** New ports join no VLAN of their own accord. */
const bridgeSettings = (_bridge: DesiredBridge): BridgeSettings => ({ ...quietBridge, defaultPvid: 0 });

/** Settings that a kernel does not have are left alone. */
export const settings: AspectDefinition<Desired, undefined> = {
  name: 'settings',
  want: (desired) => desired,
  read: () => undefined,
  diff: ({ bridges }, _found, kernel) =>
    bridges.flatMap((bridge) => {
      const link = hiddenBridge(bridge, kernel);
      const change = link?.bridge && differingSettings(link.bridge, bridgeSettings(bridge));
      if (!link || !change) return [];
      const what = `set ${Object.keys(change).join(', ')} of bridge ${bridge.name}`;
      return [{ op: 'send', subject: { bridge: bridge.name }, what, messages: [changeBridge(link.ifindex, change)] }];
    }),
};

/** Why a port cannot be realized as the kernel is now, in one sentence; gone when the kernel changes. Pure. */
import { vlanObstacle } from './aspect/vlan.ts';
import type { DesiredBridge } from './desired.ts';
import { contain } from './fault.ts';
import { isOwned, type KernelState } from './kernel.ts';
import type { Port } from './port/port.ts';

/** Why the port cannot be in its bridge now, or undefined. */
export function obstacle(port: Port, bridge: DesiredBridge, kernel: KernelState): string | undefined {
  const hidden = kernel.find(bridge.device);
  if (hidden && !isOwned(hidden)) {
    return `could not create bridge ${bridge.name} (File exists): a device named ${hidden.name} is there that the switch did not make`;
  }
  return contain(
    () => vlanObstacle(port, kernel) ?? port.obstacle(bridge, kernel),
    (reason) => `could not add port ${port.name} (${reason})`,
  );
}

/** Which bridge or port a command means, and how its answer names them. */
import { CommandError } from '../../rpc/command.ts';
import type { DesiredBridge } from '../desired.ts';
import { hiddenBridge } from '../device.ts';
import type { Link } from '../netlink/link.ts';
import { BondPort } from '../port/bond.ts';
import { ofportOf, type SwitchView } from './view.ts';

/** The bridge of that name and its device. @throws CommandError */
export function bridgeNamed(name: string, view: SwitchView, refusal = 'no such bridge') {
  const bridge = view.desired.bridges.find((each) => each.name === name);
  const link = bridge && hiddenBridge(bridge, view.kernel);
  if (!bridge || !link) throw new CommandError(refusal);
  return { bridge, link };
}

/** All bridges with their devices, or the named one. @throws CommandError */
export function bridgesNamed(name: string | undefined, view: SwitchView, refusal?: string) {
  const names = name === undefined ? view.desired.bridges.map((bridge) => bridge.name).sort() : [name];
  return names.flatMap((each): { bridge: DesiredBridge; link: Link }[] =>
    name === undefined && !hiddenBridge(bridgeOf(each, view), view.kernel) ? [] : [bridgeNamed(each, view, refusal)],
  );
}

function bridgeOf(name: string, view: SwitchView): DesiredBridge {
  const bridge = view.desired.bridges.find((each) => each.name === name);
  if (!bridge) throw new CommandError('no such bridge');
  return bridge;
}

/** By the ifindex of a device in the bridge: the number of its port as `fdb/show` prints it; of a bond that of a member. */
export function portNumbers(bridge: DesiredBridge, view: SwitchView): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const port of bridge.ports) {
    const link = view.kernel.find(port.device);
    if (!link) continue;
    const [number] = port.interfaces.flatMap(({ name }) => ofportOf(name, bridge, view) ?? []);
    found.set(link.ifindex, port.local ? 'LOCAL' : String(number ?? '?'));
  }
  return found;
}

/** The bonds, in the order of their names. */
export const bondsOf = ({ desired, kernel }: SwitchView): { readonly port: BondPort; readonly link: Link }[] =>
  desired.bridges
    .flatMap(({ ports }) =>
      ports.flatMap((port) => {
        const link = port instanceof BondPort ? kernel.find(port.device) : undefined;
        return port instanceof BondPort && link?.bond ? [{ port, link }] : [];
      }),
    )
    .sort((a, b) => (a.port.name < b.port.name ? -1 : 1));

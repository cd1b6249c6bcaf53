/** Multicast snooping, in the kernel's terms. Pure. */
import type { DesiredBridge } from '../desired.ts';
import { clamp, integerOf } from '../integer.ts';
import type { BridgePortSettings, BridgeSettings } from '../netlink/bridge.ts';
import type { Port } from '../port/port.ts';

type WithRow = Pick<DesiredBridge, 'row'>;

export const snoops = ({ row }: WithRow): boolean => row.view.flag('mcast_snooping_enable');

/** In seconds. */
const ageing = { preset: 300, min: 15, max: 3600 } as const;
const groups = { preset: 2048, min: 1, max: 1 << 20 } as const;

/**
 * The kernel keeps to what it has snooped only where somebody asks for memberships. The bridge does that itself,
 * until it hears of another who does.
 */
export function multicastSettings(bridge: WithRow): BridgeSettings {
  if (!snoops(bridge)) return { multicastSnooping: 0, multicastQuerier: 0 };
  const configured = bridge.row.otherConfig;
  const age = integerOf(configured.get('mcast-snooping-aging-time')) ?? ageing.preset;
  const size = integerOf(configured.get('mcast-snooping-table-size')) ?? groups.preset;
  return {
    multicastSnooping: 1,
    multicastQuerier: 1,
    multicastMembershipInterval: clamp(age, ageing.min, ageing.max) * 100,
    multicastHashMax: clamp(size, groups.min, groups.max),
  };
}

const isSet = (configured: ReadonlyMap<string, string> | undefined, key: string): boolean =>
  configured?.get(key)?.toLowerCase() === 'true';

const holdsBack = ({ row }: WithRow): boolean => isSet(row.otherConfig, 'mcast-snooping-disable-flood-unregistered');

/** MDB_RTR_TYPE_*: whether the port leads to a multicast router is found out, or taken for granted. */
const routerTypes = { discovered: 1, permanent: 2 } as const;

/** The kernel has one mark for ports that get all reports and all that is sent to groups. */
export function multicastPortSettings(port: Port, bridge: WithRow): BridgePortSettings {
  if (!snoops(bridge)) return { multicastRouter: routerTypes.discovered, multicastFlood: 1 };
  const configured = port.row?.view.map('other_config');
  const floods = isSet(configured, 'mcast-snooping-flood');
  const getsAll = floods || isSet(configured, 'mcast-snooping-flood-reports');
  return {
    multicastRouter: getsAll ? routerTypes.permanent : routerTypes.discovered,
    multicastFlood: holdsBack(bridge) && !floods ? 0 : 1,
  };
}

export function multicastProblem(bridge: DesiredBridge): string | undefined {
  if (!snoops(bridge) || !holdsBack(bridge)) return undefined;
  return `other_config:mcast-snooping-disable-flood-unregistered: the kernel holds back 224.0.0.0/24 and multicast that is not IP as well; give the ports that need them other_config:mcast-snooping-flood=true`;
}

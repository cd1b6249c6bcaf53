/**
 * What VXLAN and Geneve tunnels share: the kernel's device for their UDP port, and the programs between that and the
 * veth pair of each tunnel. And by which device the packets of every tunnel leave the host, and from which address.
 */
import { decapsulate, encapsulate, markFrames } from '../bpf/tunnel-program.ts';
import { type Desired, type DesiredBridge, demandingPlaces } from '../desired.ts';
import { bridgePort } from '../device.ts';
import { isOwned, type KernelState } from '../kernel.ts';
import { ownedGroup, tunnelAlias } from '../names.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import { ipVersion } from '../netlink/ip-address.ts';
import { createTunnel } from '../netlink/link-kind.ts';
import { changeLink } from '../netlink/request.ts';
import { getRoute, parseRoute, type Route } from '../netlink/route.ts';
import { places } from '../netlink/traffic-control.ts';
import { once } from '../once.ts';
import { changeSteps } from '../port/change.ts';
import { GrePort, type SharedDevice, SharedTunnelPort, tunnelMtu } from '../port/tunnel.ts';
import type { Step } from '../step.ts';
import type { AspectDefinition, RowReport } from './aspect.ts';
import { type FilterSource, priorities, type WantedFilter, wantedProgram } from './filters.ts';

interface Placed {
  readonly port: SharedTunnelPort;
  /** The end of its veth pair that is not in the bridge. */
  readonly end: number;
}

interface Group {
  readonly shared: SharedDevice;
  readonly members: readonly Placed[];
}

interface Tunnel {
  readonly port: SharedTunnelPort | GrePort;
  readonly bridge: DesiredBridge;
}

const tunnelsOf = once((desired: Desired) => {
  const found: Tunnel[] = [];
  for (const { port, bridge } of demandingPlaces(desired)) {
    if (port instanceof SharedTunnelPort || port instanceof GrePort) found.push({ port, bridge });
  }
  return found;
});

/** The tunnels whose devices are there, by the device that they share. */
function groups(desired: Desired, kernel: KernelState): readonly Group[] {
  const found = new Map<string, { shared: SharedDevice; members: Placed[] }>();
  for (const { port, bridge } of tunnelsOf(desired)) {
    const end = port instanceof SharedTunnelPort && kernel.find(port.end);
    if (!end || !bridgePort(port, bridge, kernel)) continue;
    const { shared } = port;
    const group = found.get(shared.name) ?? { shared, members: [] };
    group.members.push({ port, end: end.ifindex });
    found.set(shared.name, group);
  }
  return [...found.values()];
}

/** The device is up, and the host has no other use for it. */
function deviceSteps({ shared, members: [first] }: Group, kernel: KernelState): Step[] {
  if (!first) return [];
  const subject = { port: first.port.name };
  const alias = tunnelAlias(shared.name);
  const link = kernel.find(shared.name);
  if (link) {
    const wanted = { up: true, noArp: true, group: ownedGroup, alias, addressless6: true, mtu: tunnelMtu } as const;
    return isOwned(link) ? changeSteps(subject, link, wanted) : [];
  }
  const messages = [
    createTunnel({ ...shared, group: ownedGroup, mtu: tunnelMtu }),
    changeLink({ name: shared.name }, { alias, addressless6: true }),
  ];
  return [{ op: 'send', subject, what: `add ${shared.name}`, messages }];
}

/** By Interface row: the way to the tunnel's peer; absent without a route. */
type Routes = ReadonlyMap<string, Route>;

const routesPerBatch = 128;

function readRoutes(desired: Desired, client: NetlinkClient): Routes {
  const tunnels = tunnelsOf(desired);
  const found = new Map<string, Route>();
  for (let at = 0; at < tunnels.length; at += routesPerBatch) {
    const some = tunnels.slice(at, at + routesPerBatch);
    const requests = some.map(
      ({
        port: {
          options: { remote, local, mark },
        },
      }) => getRoute({ remote, local, mark }),
    );
    client.batch(requests).forEach(({ payloads: [payload] }, index) => {
      const uuid = some[index]?.port.interfaces[0]?.uuid;
      const route = payload && parseRoute(payload);
      if (uuid !== undefined && route) found.set(uuid, route);
    });
  }
  return found;
}

/** The kernel chooses the address that packets come from for all devices but those of GRE over IPv6. */
function sourceSteps(desired: Desired, routes: Routes, kernel: KernelState): Step[] {
  return tunnelsOf(desired).flatMap(({ port, bridge }) => {
    const [row] = port.interfaces;
    const source = row && routes.get(row.uuid)?.source;
    const link = port instanceof GrePort && bridgePort(port, bridge, kernel);
    return source && link && ipVersion(port.options.remote) === 6 ? port.sourceSteps(link, source) : [];
  });
}

export const tunnels: AspectDefinition<Desired, Routes> = {
  name: 'tunnels',
  want: (desired) => desired,
  read: (desired, _kernel, client) => readRoutes(desired, client),
  diff: (desired, routes, kernel) => [
    ...groups(desired, kernel).flatMap((group) => deviceSteps(group, kernel)),
    ...sourceSteps(desired, routes, kernel),
  ],
  report: (_desired, routes, kernel) =>
    [...routes].flatMap(([uuid, route]): RowReport[] => {
      const device = kernel.at(route.device);
      if (!device) return [];
      const carrier = device.up && device.carrier ? 'up' : 'down';
      const status = { tunnel_egress_iface: device.name, tunnel_egress_iface_carrier: carrier };
      return [{ table: 'Interface', uuid, status }];
    }),
};

const firstPriority = priorities.admission;

/** The programs of one device's tunnels: one on each veth pair's end, and one on the device. */
function groupFilters({ shared, members }: Group, kernel: KernelState): WantedFilter[] {
  const link = kernel.find(shared.name);
  const [first] = members;
  if (!link || !first || !isOwned(link)) return [];
  const place = { parent: places.ingress, priority: firstPriority };
  const outgoing = members.map(({ port, end }) => {
    const { options } = port;
    const { remote, local, tos, ttl, dontFragment, checksum, mark } = options;
    const key = options.outKey ?? 0;
    const { groupPolicy } = shared;
    const tunnel = { device: link.ifindex, remote, local, key, tos, ttl, dontFragment, checksum, mark, groupPolicy };
    const about = { subject: { port: port.name }, what: `send frames through ${port.name}` };
    return wantedProgram({ ...place, ...about, ifindex: end }, { program: encapsulate(tunnel) });
  });
  const arrivals = members.map(({ port: { options }, end }) => ({
    remote: options.remote,
    local: options.local,
    key: options.inKey ?? 0,
    device: end,
  }));
  const about = { subject: { port: first.port.name }, what: `take frames from ${shared.name}` };
  const incoming = wantedProgram({ ...place, ...about, ifindex: link.ifindex }, { program: decapsulate(arrivals) });
  return [...outgoing, incoming];
}

/** A GRE device takes the mark of the frames for that of its packets. */
function markFilters(desired: Desired, kernel: KernelState): WantedFilter[] {
  return tunnelsOf(desired).flatMap(({ port, bridge }) => {
    const mark = port instanceof GrePort ? port.options.mark : undefined;
    const link = mark === undefined ? undefined : bridgePort(port, bridge, kernel);
    if (mark === undefined || !link) return [];
    const about = { subject: { port: port.name }, what: `mark the packets of ${port.name}` };
    const place = { ifindex: link.ifindex, parent: places.egress, priority: priorities.mark };
    return [wantedProgram({ ...place, ...about }, { program: markFrames(mark) })];
  });
}

export const tunnelFilters: FilterSource = (desired, kernel) => [
  ...groups(desired, kernel).flatMap((group) => groupFilters(group, kernel)),
  ...markFilters(desired, kernel),
];

/** `fdb/…` and `mdb/…`: the addresses and multicast groups that the kernel's bridges have learned. */
import { CommandError } from '../../rpc/command.ts';
import { snoops } from '../aspect/multicast.ts';
import { type BridgeEntry, dumpBridgeForwarding, parseBridgeEntry } from '../netlink/forwarding.ts';
import type { Link } from '../netlink/link.ts';
import { flushForwarding } from '../netlink/link-kind.ts';
import { deleteMulticast, dumpMulticast, type Multicast, parseMulticast } from '../netlink/multicast.ts';
import { vlanPlan } from '../vlan/plan.ts';
import type { CommandGroup } from './commands.ts';
import { bridgeNamed, bridgesNamed, portNumbers } from './place.ts';
import type { SwitchView } from './view.ts';

const flushed = 'table successfully flushed';
const right = (value: string | number, width: number): string => String(value).padStart(width);

/** Learned or set by hand, without the ports' own addresses. */
const entriesOf = ({ ifindex }: Link, { client }: SwitchView): BridgeEntry[] =>
  client
    .dump(dumpBridgeForwarding(ifindex), parseBridgeEntry)
    .flatMap((entry) => (entry && !entry.local ? [entry] : []));

/** Those that have been silent for longest come first, as they go first. */
function showAddresses(name: string, view: SwitchView): string {
  const { bridge, link } = bridgeNamed(name, view);
  const numbers = portNumbers(bridge, view);
  const entries = entriesOf(link, view).sort((a, b) => b.age - a.age);
  const substitute = vlanPlan(bridge, view.kernel)?.substitute;
  const lines = entries.map(({ ifindex, vlan: found, address, age, static: isStatic }) => {
    const vlan = found === substitute ? 0 : found;
    const port = right(numbers.get(ifindex) ?? '?', 5);
    return `${port}  ${right(vlan, 4)}  ${address}  ${right(isStatic ? 'static' : age, 3)}\n`;
  });
  return ` port  VLAN  MAC                Age\n${lines.join('')}`;
}

/** The kernel counts what is there, and not what has come and gone. */
function addressStatistics(name: string, view: SwitchView): string {
  const { link } = bridgeNamed(name, view);
  const entries = entriesOf(link, view);
  const statics = entries.filter((entry) => entry.static).length;
  const { addressesMax } = link.bridge ?? {};
  return [
    `Statistics for bridge "${name}":`,
    `  Current/maximum MAC entries in the table: ${entries.length}/${addressesMax || 'unlimited'}`,
    `  Current static MAC entries in the table : ${statics}`,
    '',
  ].join('\n');
}

function flushAddresses(name: string | undefined, view: SwitchView): string {
  for (const { link } of bridgesNamed(name, view)) view.client.request(flushForwarding(link.ifindex));
  return flushed;
}

function multicastOf(name: string, view: SwitchView) {
  const { bridge, link } = bridgeNamed(name, view);
  if (!snoops(bridge)) throw new CommandError('multicast snooping is disabled');
  const found = view.client
    .dump(dumpMulticast(), parseMulticast)
    .filter(({ bridge: ifindex }) => ifindex === link.ifindex);
  const joined: Pick<Multicast, 'members' | 'routers'> = {
    members: found.flatMap(({ members }) => members),
    routers: found.flatMap(({ routers }) => routers),
  };
  return { bridge, link, ...joined };
}

/** In seconds: for how long a router is believed in after its last query. */
const routerLifetime = 255;

function showGroups(name: string, view: SwitchView): string {
  const { bridge, link, members, routers } = multicastOf(name, view);
  const numbers = portNumbers(bridge, view);
  const lifetime = Math.floor((link.bridge?.multicastMembershipInterval ?? 0) / 100);
  const line = (ifindex: number, vlan: number, what: string, age: number): string =>
    `${right(numbers.get(ifindex) ?? '?', 5)}  ${right(vlan, 4)}  ${what}${right(age, 3)}\n`;
  const ageOf = (remaining: number | undefined, full: number): number => Math.max(0, full - (remaining ?? full));
  const lines = [
    ...members.map(({ ifindex, vlan, group, remaining }) =>
      line(ifindex, vlan, `${group}         `, ageOf(remaining, lifetime)),
    ),
    ...routers.map(({ ifindex, remaining }) =>
      line(ifindex, 0, 'querier             ', ageOf(remaining, routerLifetime)),
    ),
  ];
  return ` port  VLAN  GROUP                Age\n${lines.join('')}`;
}

function flushGroups(name: string | undefined, view: SwitchView): string {
  const names = name === undefined ? view.desired.bridges.filter(snoops).map((bridge) => bridge.name) : [name];
  for (const each of names) {
    const { link, members } = multicastOf(each, view);
    // One that has gone meanwhile needs no flushing.
    view.client.batch(members.map(({ entry }) => deleteMulticast(link.ifindex, entry)));
  }
  return flushed;
}

export const forwardingCommands: CommandGroup = (view) => [
  { name: 'fdb/show', usage: 'bridge', min: 1, max: 1, run: ([name = '']) => showAddresses(name, view()) },
  { name: 'fdb/stats-show', usage: 'bridge', min: 1, max: 1, run: ([name = '']) => addressStatistics(name, view()) },
  { name: 'fdb/flush', usage: '[bridge]', min: 0, max: 1, run: ([name]) => flushAddresses(name, view()) },
  { name: 'mdb/show', usage: 'bridge', min: 1, max: 1, run: ([name = '']) => showGroups(name, view()) },
  { name: 'mdb/flush', usage: '[bridge]', min: 0, max: 1, run: ([name]) => flushGroups(name, view()) },
];

/** `dpif/…`, `dpctl/show`, `ofproto/list`, `memory/show`: bridges, their ports, and what they take. */
import { CommandError, plainCommand } from '../../rpc/command.ts';
import { dumpStatistics, type LinkStatistics, parseStatistics } from '../netlink/statistics.ts';
import type { CommandGroup } from './commands.ts';
import { type Attached, attached, attachedTo, ofportOf, type SwitchView } from './view.ts';

/** The C daemon has one datapath behind all bridges; so it looks here, although each has its own in the kernel. */
const datapath = 'ovs-system';

const bridgeNames = ({ desired }: SwitchView): string[] => desired.bridges.map(({ name }) => name).sort();

/** The types whose options, if they have any, are no matter of the datapath. */
const plainTypes: ReadonlySet<string> = new Set(['', 'system', 'internal', 'tap']);

/** `system`, `internal`, `vxlan` …: an empty type is a system one. A bridge's own port is internal whatever its row says. */
const typeOf = ({ port, row }: Attached): string => (port.local ? 'internal' : row.type || 'system');

/** What the C daemon prints of a device's configuration: the options of tunnels and patch ports. */
function configurationOf({ row }: Attached): string {
  if (plainTypes.has(row.type)) return '';
  const options = [...row.options].sort(([a], [b]) => (a < b ? -1 : 1));
  return options.map(([key, value]) => `${key}=${value}`).join(', ');
}

/** A port's number in the datapath is that of its device in the bridge; patch ports are none to the C daemon. */
function portLine(each: Attached, view: SwitchView): string {
  const { bridge, row, device } = each;
  const options = configurationOf(each);
  const type = `(${typeOf(each)}${options === '' ? '' : `: ${options}`})`;
  const number = row.type === 'patch' ? 'none' : device.port.ifindex;
  return `    ${row.name} ${ofportOf(row.name, bridge, view) ?? 'none'}/${number}: ${type}\n`;
}

/** No frame misses here: the kernel's bridges need nobody's word for where each goes. */
function show(view: SwitchView): string {
  const bridges = [...view.desired.bridges].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (bridges.length === 0) return '';
  const lines = bridges.map((bridge) => {
    const ports = attachedTo(bridge, view).map((each) => portLine(each, view));
    return `  ${bridge.name}:\n${ports.join('')}`;
  });
  return `system@${datapath}: hit:0 missed:0\n${lines.join('')}`;
}

/** A device's counters, by Open vSwitch's keys, as `dpctl/show -s` prints them. */
function statisticsLines({ counters }: Pick<LinkStatistics, 'counters'>): string {
  const count = (key: string): bigint => counters[key] ?? 0n;
  return [
    `    RX packets:${count('rx_packets')} errors:${count('rx_errors')} dropped:${count('rx_dropped')} overruns:${count('rx_over_err')} frame:${count('rx_frame_err')}\n`,
    `    TX packets:${count('tx_packets')} errors:${count('tx_errors')} dropped:${count('tx_dropped')} aborted:0 carrier:0\n`,
    `    collisions:${count('collisions')}\n`,
    `    RX bytes:${count('rx_bytes')}${humanSize(count('rx_bytes'))}  TX bytes:${count('tx_bytes')}${humanSize(count('tx_bytes'))}\n`,
  ].join('');
}

const units = ['KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Such as ` (1.5 MiB)`; nothing for less than a KiB. */
function humanSize(bytes: bigint): string {
  if (bytes < 1024n) return '';
  const power = Math.min(Math.floor(Math.log2(Number(bytes)) / 10), units.length);
  return ` (${(Number(bytes) / 1024 ** power).toFixed(1)} ${units[power - 1]})`;
}

function showPorts(view: SwitchView, withStatistics: boolean): string {
  if (view.desired.bridges.length === 0) return '';
  const statistics = withStatistics
    ? new Map(view.client.dump(dumpStatistics(), parseStatistics).map((each) => [each.ifindex, each]))
    : undefined;
  const ports = attached(view)
    .filter(({ row }) => row.type !== 'patch')
    .sort((a, b) => a.device.port.ifindex - b.device.port.ifindex);
  const lines = ports.map((each) => {
    const { ifindex } = each.device.port;
    const type = typeOf(each);
    const options = configurationOf(each);
    const told = type === 'system' ? '' : ` (${type}${options === '' ? '' : `: ${options}`})`;
    const counters = statistics?.get(ifindex);
    return `  port ${ifindex}: ${each.row.name}${told}\n${counters ? statisticsLines(counters) : ''}`;
  });
  return `system@${datapath}:\n  lookups: hit:0 missed:0 lost:0\n  flows: 0\n${lines.join('')}`;
}

/** Without bridges there is no datapath. */
const dumpDatapaths = ({ desired }: SwitchView): string => (desired.bridges.length === 0 ? '' : `system@${datapath}\n`);

/** `dpctl/show [-s] [dp…]` */
function showDatapaths(args: readonly string[], view: SwitchView): string {
  const names = args.filter((arg) => arg !== '-s' && arg !== '--statistics');
  const unknown = names.find((name) => ![datapath, `system@${datapath}`].includes(name));
  if (unknown !== undefined) {
    throw new CommandError(`ovs-vswitchd: opening datapath ${unknown} failed (No such file or directory)\n`);
  }
  return showPorts(view, names.length < args.length);
}

function memory({ desired, cells }: SwitchView): string {
  const ports = desired.bridges.reduce((sum, bridge) => sum + bridge.ports.length, 0);
  return `idl-cells-Open_vSwitch:${cells} ports:${ports}\n`;
}

export const datapathCommands: CommandGroup = (view) => [
  plainCommand('dpif/show', () => show(view())),
  plainCommand('dpif/dump-dps', () =>
    bridgeNames(view())
      .map((name) => `system@${name}\n`)
      .join(''),
  ),
  plainCommand('dpctl/dump-dps', () => dumpDatapaths(view())),
  {
    name: 'dpctl/show',
    usage: '[-s] [dp...]',
    min: 0,
    max: Number.POSITIVE_INFINITY,
    run: (args) => showDatapaths(args, view()),
  },
  plainCommand('ofproto/list', () =>
    bridgeNames(view())
      .map((name) => `${name}\n`)
      .join(''),
  ),
  plainCommand('memory/show', () => memory(view())),
];

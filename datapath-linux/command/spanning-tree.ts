/** `stp/…` and `rstp/…`: the spanning trees of the bridges. */
import { CommandError } from '../../rpc/command.ts';
import { bridgeSettings } from '../aspect/settings.ts';
import { roleOf, speaksStp, stateOf, treePorts } from '../aspect/spanning-tree.ts';
import type { BridgeSettings } from '../netlink/bridge.ts';
import { flushForwarding } from '../netlink/link-kind.ts';
import type { CommandGroup } from './commands.ts';
import { bridgesNamed } from './place.ts';
import type { SwitchView } from './view.ts';

const noTree = 'no such stp object';
const noRapidTree = 'No such RSTP object';

type Timers = Pick<BridgeSettings, 'helloTime' | 'maxAge' | 'forwardDelay'>;

/** An identifier `8000.aabbccddeeff` and timers, as a paragraph's lines. */
function identity(identifier = '', { helloTime = 0, maxAge = 0, forwardDelay = 0 }: Timers): string {
  const [priority = '', address = ''] = identifier.split('.');
  return [
    `  stp-priority  ${Number.parseInt(priority, 16)}\n`,
    `  stp-system-id   ${(address.match(/../g) ?? []).join(':')}\n`,
    `  stp-hello-time  ${Math.floor(helloTime / 100)}s\n`,
    `  stp-max-age     ${Math.floor(maxAge / 100)}s\n`,
    `  stp-fwd-delay   ${Math.floor(forwardDelay / 100)}s\n`,
  ].join('');
}

/** The priority of a port in Open vSwitch's eight bits. */
const portPriority = (priority: number): number => priority << 2;

function showTree({ bridge, link }: ReturnType<typeof bridgesNamed>[number], view: SwitchView): string {
  const tree = link.bridge ?? {};
  const ports = treePorts(bridge, view.kernel).flatMap(({ port, link: { bridgePort: settings } }) =>
    settings ? [{ name: port.name, settings }] : [],
  );
  const root = ports.find(({ settings }) => settings.number === tree.rootPort);
  const place = root
    ? `  root-port       ${root.name}\n  root-path-cost  ${tree.rootPathCost ?? 0}\n`
    : '  This bridge is the root\n';
  const lines = ports.map(({ name, settings }) => {
    const { cost = 0, priority = 0, number = 0 } = settings;
    const columns = [name.padEnd(10), roleOf(settings, tree).padEnd(10), stateOf(settings).padEnd(10)];
    return `  ${columns.join(' ')} ${String(cost).padEnd(5)} ${portPriority(priority)}.${number}\n`;
  });
  return [
    `---- ${bridge.name} ----\nRoot ID:\n${identity(tree.rootId, tree)}${place}\n`,
    `Bridge ID:\n${identity(tree.bridgeId, bridgeSettings(bridge))}\n`,
    '  Interface  Role       State      Cost  Pri.Nbr \n',
    '  ---------- ---------- ---------- ----- -------\n',
    `${lines.join('')}\n`,
  ].join('');
}

function trees(name: string | undefined, view: SwitchView) {
  const found = bridgesNamed(name, view, noTree).filter(({ bridge }) => speaksStp(bridge));
  if (name !== undefined && found.length === 0) throw new CommandError(noTree);
  return found;
}

/** The kernel announces no change that has not happened: but what a change is for, addresses are learned anew. */
function changeTopology(name: string | undefined, view: SwitchView): string {
  for (const { link } of trees(name, view)) view.client.request(flushForwarding(link.ifindex));
  return 'OK';
}

/** No bridge speaks RSTP (spanning-tree.ts): there is nothing to name. */
function withoutRapidTree(name: string | undefined, answer: string): string {
  if (name !== undefined) throw new CommandError(noRapidTree);
  return answer;
}

export const spanningTreeCommands: CommandGroup = (view) => [
  {
    name: 'stp/show',
    usage: '[bridge]',
    min: 0,
    max: 1,
    run: ([name]) => {
      const now = view();
      return trees(name, now)
        .map((tree) => showTree(tree, now))
        .join('');
    },
  },
  { name: 'stp/tcn', usage: '[bridge]', min: 0, max: 1, run: ([name]) => changeTopology(name, view()) },
  { name: 'rstp/show', usage: '[bridge]', min: 0, max: 1, run: ([name]) => withoutRapidTree(name, '') },
  { name: 'rstp/tcn', usage: '[bridge]', min: 0, max: 1, run: ([name]) => withoutRapidTree(name, 'OK') },
];

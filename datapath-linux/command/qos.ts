/** `qos/show`, `qos/show-types`: the queueing of an interface. */
import { CommandError } from '../../rpc/command.ts';
import type { Details } from '../aspect/qos/classes.ts';
import { type Discipline, leaveAlone, qosTypes } from '../aspect/qos/discipline.ts';
import { isForeign } from '../aspect/qos/steps.ts';
import { planFor, presentOn, shapedInterfaces } from '../aspect/qos.ts';
import { Traffic } from '../aspect/traffic.ts';
import { minorOf, type TrafficCounters, type TrafficObject } from '../netlink/traffic-control.ts';
import type { CommandGroup } from './commands.ts';
import { attached, type SwitchView } from './view.ts';

const print = (details: Details, indent = ''): string =>
  details.map(([key, value]) => `${indent}${key}: ${value}\n`).join('');

const noCounters: TrafficCounters = { packets: 0n, bytes: 0n, dropped: 0n };

function printQueues({ classes }: Discipline, present: readonly TrafficObject[]): string {
  const counters = new Map(present.map((each) => [minorOf(each.handle), each.counters]));
  return [...(classes?.queues ?? [])]
    .map(([number, { minor, details }]) => {
      const { packets, bytes, dropped } = counters.get(minor) ?? noCounters;
      const title = number === 0 ? 'Default' : `Queue ${number}`;
      return `\n${title}:\n${print(details, '  ')}  tx_packets: ${packets}\n  tx_bytes: ${bytes}\n  tx_errors: ${dropped}\n`;
    })
    .join('');
}

function show(name: string, view: SwitchView): string {
  requireInterface(name, view);
  const shaped = shapedInterfaces(view.desired, view.kernel).find(({ interfaceName }) => interfaceName === name);
  const planned = shaped && shaped.request.type !== leaveAlone ? planFor(shaped) : undefined;
  if (!shaped || !planned) return `QoS not configured on ${name}\n`;
  const present = presentOn(shaped.link, new Traffic(view.client));
  if ('error' in planned || isForeign(present, planned) || present.root?.kind !== planned.kind) {
    // As the C daemon calls what it does not know, or could not set.
    return `QoS: ${name} linux-other\n`;
  }
  return `QoS: ${name} ${shaped.request.type}\n${print(planned.details)}${printQueues(planned, present.classes)}`;
}

function requireInterface(name: string, view: SwitchView): void {
  if (!attached(view).some(({ row }) => row.name === name)) throw new CommandError('no such interface');
}

export const qosCommands: CommandGroup = (view) => [
  {
    name: 'qos/show',
    usage: 'interface',
    min: 1,
    max: 1,
    run: ([name = '']) => show(name, view()),
  },
  {
    name: 'qos/show-types',
    usage: 'interface',
    min: 1,
    max: 1,
    run: ([name = '']) => {
      requireInterface(name, view());
      return qosTypes.map((type) => `QoS type: ${type}\n`).join('');
    },
  },
];

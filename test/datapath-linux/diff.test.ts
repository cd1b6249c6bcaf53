import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { forwarding } from '../../datapath-linux/aspect/forwarding.ts';
import { settings } from '../../datapath-linux/aspect/settings.ts';
import { vlan } from '../../datapath-linux/aspect/vlan.ts';
import type { BridgeRow, InterfaceRow } from '../../datapath-linux/configuration.ts';
import { type Desired, desiredState } from '../../datapath-linux/desired.ts';
import { diff, removals } from '../../datapath-linux/diff.ts';
import { isOwned } from '../../datapath-linux/kernel.ts';
import { readMarks } from '../../datapath-linux/names.ts';
import { obstacle } from '../../datapath-linux/obstacle.ts';
import type { Step } from '../../datapath-linux/step.ts';
import { disturb } from '../helpers/fake-interference.ts';
import { FakeKernel } from '../helpers/fake-kernel.ts';
import { Random } from '../helpers/random.ts';
import { bridgeRow, type ColumnValues, interfaceRow, portRow } from '../helpers/rows.ts';

const accounts = { userId: () => 1000, groupId: () => 1000 };
const names = ['p0', 'p1', 'p2', 'a-long-name-15c', 'nic0', 'nic1', 'tap0'];

function randomInterface(random: Random, name: string): InterfaceRow {
  return interfaceRow(name, {
    type: random.pick(['', 'system', 'internal', 'internal', 'tap', 'unknown']),
    options: new Map(random.chance(0.3) ? [['owner', random.pick(['1', '2'])]] : []),
    mac: random.chance(0.2) ? '02:00:00:00:01:01' : undefined,
    mtuRequest: random.chance(0.2) ? random.pick([1400, 9000]) : undefined,
  });
}

const randomVlans = (random: Random): ColumnValues => ({
  ...(random.chance(0.6) && { tag: random.pick([0, 1, 10, 4094, 4095]) }),
  ...(random.chance(0.4) && { trunks: random.pick([[0], [10], [1, 2, 3, 4094], [0, 10, 4093]]) }),
  ...(random.chance(0.4) && { vlan_mode: random.pick(['access', 'trunk', 'native-tagged', 'dot1q-tunnel']) }),
});

/** Bridges with some of the names as ports, each name at most once. */
function randomBridges(random: Random, vlans: boolean): BridgeRow[] {
  const free = names.filter(() => random.chance(0.6));
  return ['br0', 'br1', 'br2']
    .filter(() => random.chance(0.6))
    .map((bridge, i) => {
      const ports = free
        .splice(0, random.below(free.length + 1))
        .map((name) =>
          portRow(name, randomInterface(random, name), vlans && random.chance(0.3) ? randomVlans(random) : {}),
        );
      return bridgeRow(bridge, ports, {
        uuid: `00000000-0000-4000-8000-00000000000${i}`,
        datapathType: random.chance(0.1) ? 'netdev' : '',
        otherConfig: new Map(random.chance(0.2) ? [['hwaddr', '02:00:00:00:02:02']] : []),
      });
    });
}

function foreignDevices(random: Random, kernel: FakeKernel): void {
  for (const name of ['nic0', 'nic1', 'p0', 'tap0']) {
    if (!random.chance(0.2) || kernel.state.find(name)) continue;
    const address = random.chance(0.5) ? { address: '00:16:3e:00:00:01' } : {};
    const tun = { tap: true, owner: 1, group: undefined, multiQueue: false, persistent: true, queues: 0 };
    kernel.add(name, { ...address, ...(name === 'tap0' && { kind: 'tun', tun }) });
  }
}

/** What a look gives: the devices' steps, then the aspects'. */
function allSteps(desired: Desired, kernel: FakeKernel): Step[] {
  const { remaining } = removals(desired, kernel.state);
  return [
    ...diff(desired, kernel.state),
    ...settings.diff(desired, undefined, remaining),
    ...vlan.diff(desired, kernel.vlans, remaining),
    ...forwarding.diff(desired, kernel.forwarding, remaining),
  ];
}

test('random configurations are reached in a few rounds from any state, and nothing is done twice', (t) => {
  for (let seed = 0; seed < 400; seed++) {
    const random = new Random(seed);
    const kernel = new FakeKernel();
    kernel.add('lo', { loopback: true });
    const foreignBridge = kernel.add('virbr0', { kind: 'bridge' });
    const used = kernel.add('used0', { master: foreignBridge.ifindex });
    for (let edit = 0; edit < 12; edit++) {
      foreignDevices(random, kernel);
      const desired = desiredState({ bridges: randomBridges(random, seed % 20 === 0) }, accounts);
      for (let change = random.below(4); change > 0; change--) disturb(random, kernel);
      let rounds = 0;
      for (let steps = allSteps(desired, kernel); steps.length > 0; steps = allSteps(desired, kernel)) {
        kernel.apply(steps);
        if (++rounds > 6) t.fail(`seed ${seed}, edit ${edit}: still ${JSON.stringify(steps)}`);
      }
      const ports = desired.bridges.flatMap((bridge) =>
        bridge.ports.filter((port) => obstacle(port, bridge, kernel.state) === undefined),
      );
      const enslaved = kernel.links.filter(({ master }) => master !== 0 && master !== foreignBridge.ifindex);
      t.is(enslaved.length, ports.length, `seed ${seed}, edit ${edit}: every port that can be is in its bridge`);
      if (kernel.links.some(({ ifindex }) => ifindex === used.ifindex) && kernel.state.at(used.ifindex)?.master !== 0) {
        t.is(kernel.state.at(used.ifindex)?.master, kernel.state.find('virbr0')?.ifindex ?? 0);
      }
    }
    kernel.apply(diff({ bridges: [], refused: new Map() }, kernel.state));
    t.deepEqual(kernel.links.filter(isOwned), [], `seed ${seed}: nothing of ours is left`);
    t.true(kernel.links.every(({ altnames }) => readMarks(altnames).marks.length === 0));
  }
});

/** Each case: the rows, the kernel's links, and the operations that follow, all in one reviewed file. */
const cases = fileURLToPath(new URL('../../../test/cases/diff', import.meta.url));
for (const file of readdirSync(cases).filter((name) => name.endsWith('.json'))) {
  test(file.replace('.json', '').replaceAll('-', ' '), (t) => {
    const path = join(cases, file);
    const { bridges, links, steps } = JSON.parse(readFileSync(path, 'utf8'));
    const kernel = new FakeKernel();
    for (const { name, ...details } of links) kernel.add(name, details);
    const rows = bridges.map(bridgeOf);
    const desired = desiredState({ bridges: rows }, accounts);
    const found = allSteps(desired, kernel).map((step) => plainStep(step));
    if (process.env.UPDATE) writeFileSync(path, `${JSON.stringify({ bridges, links, steps: found }, undefined, 2)}\n`);
    else t.deepEqual(found, steps);
    t.pass();
  });
}

/** As JSON has it, with the messages of a step as hexadecimal digits. */
function plainStep(step: Step): unknown {
  const plain = step.op === 'send' ? { ...step, messages: step.messages.map((each) => each.toString('hex')) } : step;
  return JSON.parse(JSON.stringify(plain));
}

interface BridgeCase {
  readonly name: string;
  readonly hwaddr?: string;
  readonly ports: Readonly<Record<string, Partial<InterfaceRow>>>;
}

const bridgeOf = ({ name, hwaddr, ports }: BridgeCase): BridgeRow =>
  bridgeRow(
    name,
    Object.entries(ports).map(([port, given]) => portRow(port, { ...given, options: new Map() })),
    { otherConfig: new Map(hwaddr === undefined ? [] : [['hwaddr', hwaddr]]) },
  );

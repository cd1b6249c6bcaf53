/** Looking only at ports that may need something, against looking at all of them, while everything changes at random. */
import test from 'ava';
import { settings } from '../../datapath-linux/aspect/settings.ts';
import type { BridgeRow, PortRow } from '../../datapath-linux/configuration.ts';
import { type Desired, desiredState } from '../../datapath-linux/desired.ts';
import { additions, type FollowedMtus, followedMtus, portContexts, removals } from '../../datapath-linux/diff.ts';
import { describeProblems } from '../../datapath-linux/problem.ts';
import { QuietPorts } from '../../datapath-linux/quiet-ports.ts';
import type { Step } from '../../datapath-linux/step.ts';
import { disturb } from '../helpers/fake-interference.ts';
import { FakeKernel } from '../helpers/fake-kernel.ts';
import { Random } from '../helpers/random.ts';
import { bridgeRow, portRow, rowView } from '../helpers/rows.ts';

const accounts = { userId: () => 1000, groupId: () => 1000 };
const names = ['i0', 'i1', 'i2', 'i3', 'nic0', 'nic1', 'tap0', 'tap1'];
const bridgeNames = ['br0', 'br1'];

/** Rows that stay the same objects until they are changed, as a replica's do. */
class Rows {
  readonly #ports = new Map<string, { readonly bridge: string; readonly row: PortRow }>();
  readonly #columns = new Map<string, Record<string, boolean | Readonly<Record<string, string>>>>();

  edit(random: Random): void {
    const name = random.pick(names);
    const edits = [
      () => this.#ports.set(name, { bridge: random.pick(bridgeNames), row: this.#port(random, name) }),
      () => this.#ports.set(name, { bridge: random.pick(bridgeNames), row: this.#port(random, name) }),
      () => this.#ports.delete(name),
      () => this.#columns.set(random.pick(bridgeNames), this.#bridge(random)),
    ];
    random.pick(edits)();
  }

  #port(random: Random, name: string): PortRow {
    const type = name.startsWith('i') ? 'internal' : name.startsWith('tap') ? 'tap' : '';
    const mtuRequest = random.chance(0.2) ? random.pick([1400, 9000]) : undefined;
    const mac = random.chance(0.1) ? 'none at all' : undefined;
    return portRow(name, { type, mtuRequest, mac }, random.chance(0.3) ? { protected: true } : {});
  }

  #bridge(random: Random): Record<string, boolean | Readonly<Record<string, string>>> {
    return {
      ...(random.chance(0.3) && { mcast_snooping_enable: true }),
      ...(random.chance(0.3) && { stp_enable: true }),
      other_config: random.chance(0.5)
        ? { hwaddr: '02:00:00:00:02:02' }
        : { 'mcast-snooping-disable-flood-unregistered': 'true' },
    };
  }

  get bridges(): readonly BridgeRow[] {
    return bridgeNames.map((name, i) => {
      const view = rowView(this.#columns.get(name) ?? {}, name);
      const ports = [...this.#ports.values()].filter(({ bridge }) => bridge === name).map(({ row }) => row);
      const uuid = `00000000-0000-4000-8000-00000000000${i}`;
      return bridgeRow(name, ports, { uuid, view, otherConfig: view.map('other_config') });
    });
  }
}

/** What a kernel bridge has for each of its ports. */
function setUpPorts(kernel: FakeKernel): void {
  for (const { ifindex, master, bridgePort } of kernel.links) {
    if (master === 0 || bridgePort) continue;
    kernel.change(ifindex, { bridgePort: { isolated: 0, groupForwardMask: 0, multicastRouter: 1, multicastFlood: 1 } });
  }
}

/** One look, at all ports or at those that may need something. */
function look(desired: Desired, kernel: FakeKernel, followed: FollowedMtus, quiet: QuietPorts | undefined) {
  const { steps: removed, remaining } = removals(desired, kernel.state);
  const contexts = portContexts(desired, remaining, followed);
  const restless = quiet ? quiet.without(desired, remaining, contexts) : desired;
  const steps: Step[] = [
    ...removed,
    ...additions(restless, remaining, contexts),
    ...settings.diff(restless, undefined, remaining),
  ];
  const findings = [
    {
      steps: [],
      problems: () => settings.problems?.(restless, undefined, remaining) ?? {},
      report: () => [],
      counters: () => [],
    },
  ];
  const problems = describeProblems(desired, { kernel: remaining, restless, findings }, []);
  return { steps, problems, contexts, restless, remaining };
}

test('what is done and told is the same, whether all ports are looked at or those that may need something', (t) => {
  let shown = 0;
  let all = 0;
  for (let seed = 0; seed < 60; seed++) {
    const random = new Random(seed);
    const kernel = new FakeKernel();
    kernel.add('lo', { loopback: true });
    const rows = new Rows();
    const quiet = new QuietPorts();
    let followed: FollowedMtus = new Map();
    for (let edit = 0; edit < 40; edit++) {
      if (random.chance(0.7)) rows.edit(random);
      if (random.chance(0.5)) disturb(random, kernel);
      for (const name of ['nic0', 'nic1'])
        if (random.chance(0.1) && !kernel.state.find(name)) kernel.add(name, { address: '00:16:3e:00:00:01' });
      const desired = desiredState({ bridges: rows.bridges }, accounts);
      for (let round = 0; round < 8; round++) {
        const whole = look(desired, kernel, followed, undefined);
        const part = look(desired, kernel, followed, quiet);
        t.deepEqual(part.steps, whole.steps, `seed ${seed}, edit ${edit}, round ${round}`);
        t.deepEqual(part.problems, whole.problems, `seed ${seed}, edit ${edit}, round ${round}`);
        kernel.apply(part.steps);
        setUpPorts(kernel);
        if (part.steps.length > 0) continue;
        followed = followedMtus(part.contexts);
        quiet.remember(desired, part.restless, part.remaining, new Set(part.problems.interfaces.keys()));
        shown += part.restless.bridges.flatMap(({ ports }) => ports).length;
        all += desired.bridges.flatMap(({ ports }) => ports).length;
        break;
      }
    }
  }
  t.true(shown < all * 0.7, `${shown} of ${all} ports were looked at`);
  t.log(`${shown} of ${all} ports were looked at`);
});

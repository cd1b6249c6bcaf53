/** Faults of ours cost the port or bridge that they are for, and no other. */
import test from 'ava';
import { type AspectDefinition, aspect } from '../../datapath-linux/aspect/aspect.ts';
import { desiredState } from '../../datapath-linux/desired.ts';
import { diff } from '../../datapath-linux/diff.ts';
import { spare } from '../../datapath-linux/fault.ts';
import { NetlinkClient } from '../../datapath-linux/netlink/client.ts';
import { NetlinkError } from '../../datapath-linux/netlink/error.ts';
import { describeProblems } from '../../datapath-linux/problem.ts';
import { describeStep, type Step } from '../../datapath-linux/step.ts';
import { setLogLevel } from '../../rpc/log.ts';
import { FakeKernel } from '../helpers/fake-kernel.ts';
import { bridgeRow, portRow } from '../helpers/rows.ts';

const accounts = { userId: () => null, groupId: () => null };
const ports = (bridge: string): ReturnType<typeof portRow>[] =>
  Array.from({ length: 20 }, (_, index) => portRow(`${bridge}-p${index}`, { type: 'internal' }));
const desired = desiredState({ bridges: [bridgeRow('a', ports('a')), bridgeRow('b', ports('b'))] }, accounts);

type Wanted = readonly string[];
/** An aspect that sends something for each port and bridge, and throws for those with these names. */
const troubled = (bad: ReadonlySet<string>, fault: () => Error): AspectDefinition<Wanted, object> => ({
  name: 'trouble',
  want: ({ bridges }) => bridges.flatMap(({ name, ports: all }) => [name, ...all.map((port) => port.name)]),
  read: () => ({}),
  diff: (wanted) =>
    wanted.map((port): Step => {
      if (bad.has(port)) throw fault();
      return { op: 'send', subject: { port }, what: 'do it', messages: [] };
    }),
  problems: (wanted) => ({ interfaces: new Map(wanted.map((name) => [name, 'as expected'])) }),
  report: () => {
    throw fault();
  },
});

// The stacks are as expected here.
setLogLevel('off');
const client = new NetlinkClient();
test.after.always(() => client.close());
const outOfRange = (): Error => new RangeError('a number is out of range');

test('an aspect that throws for some ports looks after all others', (t) => {
  const bad = new Set(['a-p3', 'b-p7', 'b-p8']);
  const finding = aspect(troubled(bad, outOfRange)).look(desired, new FakeKernel().state, client);
  const faults = finding.steps.filter(({ op }) => op === 'fault');
  t.deepEqual(faults.map(describeStep), [
    'interface a-p3: see to the aspect trouble of port a-p3',
    'interface b-p7: see to the aspect trouble of port b-p7',
    'interface b-p8: see to the aspect trouble of port b-p8',
  ]);
  t.is(finding.steps.length, 44, 'two bridges with their own ports and twenty others each, in or out of order');
  t.is(finding.problems().interfaces?.get('a-p4'), 'as expected');
  t.false(finding.problems().interfaces?.has('a-p3'));
  t.deepEqual(finding.report(), []);
});

test('a port that is beyond us says so in its row, in one sentence', (t) => {
  const kernel = new FakeKernel().state;
  const finding = aspect(troubled(new Set(['a-p3']), outOfRange)).look(desired, kernel, client);
  const failures = finding.steps.flatMap((step) => (step.op === 'fault' ? [{ step, reason: step.reason }] : []));
  const { interfaces } = describeProblems(desired, { kernel, restless: desired, findings: [finding] }, failures);
  t.is(
    interfaces.get('a-p3'),
    'could not see to the aspect trouble of port a-p3 (internal error: a number is out of range)',
  );
  t.is(interfaces.get('a-p4'), 'as expected');
});

test('what is wrong with several ports in the same way is told of their bridge once', (t) => {
  const kernel = new FakeKernel().state;
  const step = { op: 'send', subject: { bridge: 'a' }, what: 'mirror frames', messages: [] } as const;
  const failures = ['No space left on device', 'No space left on device', 'Invalid argument'].map((reason) => ({
    step,
    reason,
  }));
  const { bridges } = describeProblems(desired, { kernel, restless: desired, findings: [] }, failures);
  t.is(
    bridges.get('a'),
    'could not mirror frames (No space left on device); could not mirror frames (Invalid argument)',
  );
});

test('a bridge that is beyond an aspect costs its ports, and no other bridge', (t) => {
  const { value, faults } = spare('try', desired, ({ bridges }) => {
    if (bridges.some(({ name }) => name === 'a')) throw outOfRange();
    return bridges.map(({ name, ports: all }) => [name, all.length]);
  });
  t.deepEqual(value, [['b', 21]]);
  t.deepEqual(
    faults.map(({ subject, what }) => [subject, what]),
    [[{ bridge: 'a' }, 'try of bridge a']],
  );
});

test('work that throws whatever it is given is told of every bridge', (t) => {
  const { value, faults } = spare('try', desired, ({ bridges }) => {
    if (bridges.flatMap((bridge) => bridge.ports).length > 30) throw outOfRange();
    return bridges;
  });
  t.is(value, undefined);
  t.deepEqual(
    faults.map(({ subject }) => subject),
    [{ bridge: 'a' }, { bridge: 'b' }],
  );
});

test('what the kernel refuses is no fault of ours', (t) => {
  const refusing = aspect(troubled(new Set(['a-p3']), () => new NetlinkError(105)));
  t.throws(() => refusing.look(desired, new FakeKernel().state, client), { instanceOf: NetlinkError });
});

test('a port whose steps throw keeps its device, and the others are made', (t) => {
  const kernel = new FakeKernel();
  const made = desiredState({ bridges: [bridgeRow('a', ports('a'))] }, accounts);
  for (let round = 0; round < 3; round++) kernel.apply(diff(made, kernel.state));
  const [bridge] = made.bridges;
  const [, bad] = bridge?.ports ?? [];
  t.is(bad?.name, 'a-p0');
  if (!bad) return;
  bad.steps = () => {
    throw outOfRange();
  };
  t.deepEqual(
    diff(made, kernel.state).map((step) => step.op),
    ['fault'],
  );
});

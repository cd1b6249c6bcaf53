/** What is not as asked for, in one sentence for each interface or bridge concerned. Pure. */
import type { Failure } from './apply.ts';
import type { Finding } from './aspect/aspect.ts';
import type { Desired } from './desired.ts';
import type { KernelState } from './kernel.ts';
import { obstacle } from './obstacle.ts';
import type { Step } from './step.ts';

export interface DescribedProblems {
  /** By interface name. */
  readonly interfaces: ReadonlyMap<string, string>;
  /** By bridge name. */
  readonly bridges: ReadonlyMap<string, string>;
}

/**
 * The first that applies to an interface: refused, obstructed, its bridge or itself failed, with a reservation, or an
 * aspect of it not as asked for. A bridge has all sentences of its aspects.
 */
export function describeProblems(
  desired: Desired,
  kernel: KernelState,
  findings: readonly Finding[],
  failures: readonly Failure[],
): DescribedProblems {
  const interfaces = new Map(desired.refused);
  const failed = describeFailures(failures);
  const found = findings.map((finding) => finding.problems());
  for (const bridge of desired.bridges) {
    for (const port of bridge.ports) {
      const common = obstacle(port, bridge, kernel) ?? failed.creations.get(bridge.name);
      const reservations = port.reservations?.(bridge, kernel);
      for (const name of namesOf(port)) {
        const problem =
          common ??
          failed.ports.get(name) ??
          failed.ports.get(port.name) ??
          reservations?.get(name) ??
          found.map((each) => each.interfaces?.get(name)).find((each) => each !== undefined);
        if (problem !== undefined) interfaces.set(name, problem);
      }
    }
  }
  return { interfaces, bridges: joined([failed.bridges, ...found.flatMap((each) => each.bridges ?? [])]) };
}

/** A bridge's own port has a name even without a row. */
const namesOf = ({ name, interfaces }: { name: string; interfaces: readonly { name: string }[] }): readonly string[] =>
  interfaces.length > 0 ? interfaces.map((row) => row.name) : [name];

function joined(maps: readonly ReadonlyMap<string, string>[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, text] of maps.flatMap((map) => [...map])) {
    const before = found.get(name);
    found.set(name, before === undefined ? text : `${before}; ${text}`);
  }
  return found;
}

/** `creations`: bridges that are not there, with all their ports; `bridges`: what else failed for a bridge. */
function describeFailures(failures: readonly Failure[]) {
  const ports = new Map<string, string>();
  const creations = new Map<string, string>();
  const bridges: [string, string][] = [];
  for (const { step, reason } of failures) {
    const { subject } = step;
    if (step.op === 'disable-ipv6') continue;
    if ('port' in subject) ports.set(subject.port, describeFailure(step, subject.port, reason));
    else if (step.op === 'send' || step.op === 'load-programs' || step.op === 'filter')
      bridges.push([subject.bridge, `could not ${step.what} (${reason})`]);
    else creations.set(subject.bridge, `could not create bridge ${subject.bridge} (${reason})`);
  }
  return { ports, creations, bridges: joined(bridges.map((each) => new Map([each]))) };
}

function describeFailure(step: Step, port: string, reason: string): string {
  if (step.op === 'send' || step.op === 'load-programs' || step.op === 'filter')
    return `could not ${step.what} (${reason})`;
  if (step.op === 'change' && step.change.mtu !== undefined && step.change.master === undefined) {
    return `could not set the MTU of ${port} to ${step.change.mtu} (${reason})`;
  }
  if (step.op === 'create-tap') return `could not open network device ${port} (${reason})`;
  return `could not add network device ${port} to ofproto (${reason})`;
}

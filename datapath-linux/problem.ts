/** What is not as asked for, in one sentence for each interface or bridge concerned. Pure. */
import type { Failure } from './apply.ts';
import type { Finding, Problems } from './aspect/aspect.ts';
import type { Desired } from './desired.ts';
import type { KernelState } from './kernel.ts';
import { obstacle } from './obstacle.ts';
import type { Port } from './port/port.ts';
import { shortened } from './sentence.ts';
import type { Step } from './step.ts';

export interface DescribedProblems {
  /** By interface name. */
  readonly interfaces: ReadonlyMap<string, string>;
  /** By bridge name. */
  readonly bridges: ReadonlyMap<string, string>;
}

/** What a look told. */
export interface Looked {
  readonly kernel: KernelState;
  /** What is desired, with only the ports that were looked at by themselves: the others have no problem of their own. */
  readonly restless: Desired;
  readonly findings: readonly Finding[];
}

/**
 * The first that applies to an interface: refused, obstructed, its bridge or itself failed, with a reservation, or an
 * aspect of it not as asked for. A bridge has all sentences of its aspects, and of its own port where no row stands for
 * that.
 */
export function describeProblems(desired: Desired, look: Looked, failures: readonly Failure[]): DescribedProblems {
  const { kernel, restless } = look;
  const interfaces = new Map(desired.refused);
  const bridges = new Sentences();
  const failed = describeFailures(failures, bridges);
  const found = look.findings.map((finding) => finding.problems());
  for (const bridge of restless.bridges) {
    for (const port of bridge.ports) {
      const common = obstacle(port, bridge, kernel) ?? failed.creations.get(bridge.name);
      const reservations = port.reservations?.(bridge, kernel);
      const problemOf = (name: string): string | undefined =>
        common ??
        failed.ports.get(name) ??
        failed.ports.get(port.name) ??
        reservations?.get(name) ??
        found.map((each) => each.interfaces?.get(name)).find((each) => each !== undefined);
      for (const name of namesOf(port)) {
        const problem = problemOf(name);
        if (problem === undefined) continue;
        interfaces.set(name, problem);
        if (port.interfaces.length === 0) bridges.add(bridge.name, problem);
      }
    }
  }
  for (const [name, problem] of othersFound(desired, found, interfaces)) interfaces.set(name, problem);
  for (const each of found) for (const [name, text] of each.bridges ?? []) bridges.add(name, text);
  return { interfaces: mapped(interfaces, shortened), bridges: bridges.joined() };
}

/** A bridge's own port has a name even without a row. */
const namesOf = ({ name, interfaces }: Port): readonly string[] =>
  interfaces.length > 0 ? interfaces.map((row) => row.name) : [name];

/** What aspects found about ports that were not looked at by themselves. */
function othersFound(desired: Desired, found: readonly Problems[], known: ReadonlyMap<string, string>) {
  const others = new Map<string, string>();
  for (const { interfaces } of found) {
    for (const [name, problem] of interfaces ?? []) {
      if (!known.has(name) && !others.has(name)) others.set(name, problem);
    }
  }
  if (others.size === 0) return others;
  const rows = desired.bridges.flatMap(({ ports }) => ports.flatMap(({ interfaces }) => interfaces));
  const names = new Set(rows.map(({ name }) => name));
  return new Map([...others].filter(([name]) => names.has(name)));
}

const mapped = (map: ReadonlyMap<string, string>, change: (text: string) => string): ReadonlyMap<string, string> =>
  new Map([...map].map(([name, text]) => [name, change(text)]));

/** What is told of each bridge, once. */
class Sentences {
  readonly #byName = new Map<string, Set<string>>();

  add(name: string, text: string): void {
    const known = this.#byName.get(name);
    if (known) known.add(text);
    else this.#byName.set(name, new Set([text]));
  }

  joined(): ReadonlyMap<string, string> {
    return new Map([...this.#byName].map(([name, texts]) => [name, shortened([...texts].join('; '))]));
  }
}

/** `creations`: bridges that are not there, with all their ports. What else failed for a bridge is added to `bridges`. */
function describeFailures(failures: readonly Failure[], bridges: Sentences) {
  const ports = new Map<string, string>();
  const creations = new Map<string, string>();
  for (const { step, reason } of failures) {
    const { subject } = step;
    if (step.op === 'disable-ipv6') continue;
    if ('port' in subject) ports.set(subject.port, describeFailure(step, subject.port, reason));
    else if ('what' in step) bridges.add(subject.bridge, `could not ${step.what} (${reason})`);
    else creations.set(subject.bridge, `could not create bridge ${subject.bridge} (${reason})`);
  }
  return { ports, creations };
}

function describeFailure(step: Step, port: string, reason: string): string {
  if ('what' in step) return `could not ${step.what} (${reason})`;
  if (step.op === 'change' && step.change.mtu !== undefined && step.change.master === undefined) {
    return `could not set the MTU of ${port} to ${step.change.mtu} (${reason})`;
  }
  if (step.op === 'create-tap') return `could not open network device ${port} (${reason})`;
  return `could not add network device ${port} to ofproto (${reason})`;
}

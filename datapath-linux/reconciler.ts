/**
 * Makes the kernel as desired: read it, compare, act, and read it again, until nothing is left to do that has not
 * been tried. Holds what must be remembered between looks; the kernel and the database hold everything else.
 */

import { apply, type Failure } from './apply.ts';
import type { Finding } from './aspect/aspect.ts';
import { aspects } from './aspect/aspects.ts';
import type { Capabilities } from './capabilities.ts';
import type { Configuration } from './configuration.ts';
import { type Desired, desiredState } from './desired.ts';
import { additions, type FollowedMtus, followedMtus, type PortContexts, portContexts, removals } from './diff.ts';
import { type KernelState, readKernel } from './kernel.ts';
import type { LinkTable } from './link-table.ts';
import type { NetlinkClient } from './netlink/client.ts';
import type { Accounts } from './port/tap-options.ts';
import { type DescribedProblems, describeProblems } from './problem.ts';
import { QuietPorts } from './quiet-ports.ts';
import { changedLinks, type Step, stepKey } from './step.ts';

/** Enough for bridges, then their ports, then what someone else changes meanwhile. */
const roundsMax = 8;

export interface Outcome {
  readonly desired: Desired;
  /** The same, with only the ports that may not be as they were at the last outcome. */
  readonly restless: Desired;
  readonly kernel: KernelState;
  /** What the last look told about each aspect. */
  readonly findings: readonly Finding[];
  /** By interface: why it is not as asked for, in one sentence. */
  readonly problems: ReadonlyMap<string, string>;
  /** The same of bridges, beside what their interfaces tell. */
  readonly bridgeProblems: ReadonlyMap<string, string>;
  /** What was tried, for the log. */
  readonly steps: readonly Step[];
  readonly failures: readonly Failure[];
}

export interface ReconcilerOptions {
  readonly client: NetlinkClient;
  readonly links: LinkTable;
  readonly accounts: Accounts;
  readonly capabilities: Capabilities;
}

interface Look {
  readonly kernel: KernelState;
  readonly restless: Desired;
  readonly contexts: PortContexts;
  readonly findings: readonly Finding[];
  readonly steps: readonly Step[];
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #quiet = new QuietPorts();
  #followed: FollowedMtus = new Map();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** The next look is at all ports, whether anything about them has changed or not. */
  forget(): void {
    this.#quiet.forget();
  }

  /** @throws DumpInterruptedError when the kernel changes faster than it can be read: try again later. */
  async reconcile(configuration: Pick<Configuration, 'bridges'>): Promise<Outcome> {
    const { client, accounts } = this.#options;
    const desired = desiredState(configuration, accounts);
    const tried = new Map<string, Step>();
    const failures: Failure[] = [];
    let look = this.#look(desired);
    for (let round = 0; round < roundsMax; round++) {
      const steps = look.steps.filter((step) => !tried.has(stepKey(step)));
      if (steps.length === 0) break;
      for (const step of steps) tried.set(stepKey(step), step);
      failures.push(...(await apply(client, steps)));
      this.#suspect(steps);
      look = this.#look(desired);
    }
    this.#followed = followedMtus(look.contexts);
    const problems = describeProblems(desired, look, failures);
    this.#quiet.remember(desired, look.restless, look.kernel, disturbed(look.steps, failures, problems));
    return {
      desired,
      restless: look.restless,
      kernel: look.kernel,
      findings: look.findings,
      problems: problems.interfaces,
      bridgeProblems: problems.bridges,
      steps: [...tried.values()],
      failures,
    };
  }

  /** Of what is changed on devices that are down, the kernel gives no notice. */
  #suspect(steps: readonly Step[]): void {
    const { links } = this.#options;
    for (const step of steps) {
      const changed = changedLinks(step);
      if (changed === 'any') links.forget();
      else links.suspect(changed);
    }
  }

  /** Notices about what is read now, our own changes among it, need no further look. */
  #look(desired: Desired): Look {
    const { client, links, capabilities } = this.#options;
    const kernel = readKernel(client, links, capabilities);
    const { steps: removed, remaining } = removals(desired, kernel);
    const contexts = portContexts(desired, remaining, this.#followed);
    const restless = this.#quiet.without(desired, remaining, contexts);
    const findings = aspects.map((each) => each.look(each.isPortwise ? restless : desired, remaining, client));
    const added = additions(restless, remaining, contexts);
    const steps = [...removed, ...added, ...findings.flatMap((finding) => finding.steps)];
    return { kernel, restless, contexts, findings, steps };
  }
}

/** The names of interfaces and ports that something is to be done about, or that something is wrong with. */
function disturbed(
  steps: readonly Step[],
  failures: readonly Failure[],
  { interfaces }: DescribedProblems,
): ReadonlySet<string> {
  const subjects = [...steps, ...failures.map(({ step }) => step)].map(({ subject }) => subject);
  return new Set([...interfaces.keys(), ...subjects.flatMap((subject) => ('port' in subject ? subject.port : []))]);
}

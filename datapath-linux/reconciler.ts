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
import { diff, type FollowedMtus, followedMtus, remainingKernel } from './diff.ts';
import { type KernelState, readKernel } from './kernel.ts';
import type { LinkTable } from './link-table.ts';
import type { NetlinkClient } from './netlink/client.ts';
import type { Accounts } from './port/tap-options.ts';
import { describeProblems } from './problem.ts';
import { changedLinks, type Step, stepKey } from './step.ts';

/** Enough for bridges, then their ports, then what someone else changes meanwhile. */
const roundsMax = 8;

export interface Outcome {
  readonly desired: Desired;
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
  readonly findings: readonly Finding[];
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  #followed: FollowedMtus = new Map();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** @throws DumpInterruptedError when the kernel changes faster than it can be read: try again later. */
  async reconcile(configuration: Pick<Configuration, 'bridges'>): Promise<Outcome> {
    const { client, accounts } = this.#options;
    const desired = desiredState(configuration, accounts);
    const tried = new Map<string, Step>();
    const failures: Failure[] = [];
    let look = this.#look(desired);
    for (let round = 0; round < roundsMax; round++) {
      const steps = this.#steps(desired, look).filter((step) => !tried.has(stepKey(step)));
      if (steps.length === 0) break;
      for (const step of steps) tried.set(stepKey(step), step);
      failures.push(...(await apply(client, steps)));
      this.#suspect(steps);
      look = this.#look(desired);
    }
    this.#followed = followedMtus(desired, look.kernel);
    const problems = describeProblems(desired, look.kernel, look.findings, failures);
    return {
      desired,
      ...look,
      problems: problems.interfaces,
      bridgeProblems: problems.bridges,
      steps: [...tried.values()],
      failures,
    };
  }

  #steps(desired: Desired, { kernel, findings }: Look): Step[] {
    return [...diff(desired, kernel, this.#followed), ...findings.flatMap(({ steps }) => steps)];
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
    const remaining = remainingKernel(desired, kernel);
    return { kernel, findings: aspects.map((each) => each.look(desired, remaining, client)) };
  }
}

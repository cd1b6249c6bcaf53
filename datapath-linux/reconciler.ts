/**
 * Makes the kernel as desired: read it, compare, act, and read it again, until nothing is left to do that has not
 * been tried. Holds what must be remembered between looks; the kernel and the database hold everything else.
 */

import { apply, type Failure } from './apply.ts';
import type { Configuration } from './configuration.ts';
import { type Desired, desiredState } from './desired.ts';
import { diff, type FollowedMtus, followedMtus } from './diff.ts';
import { type KernelState, readKernel } from './kernel.ts';
import type { NetlinkClient } from './netlink/client.ts';
import type { LinkEvents } from './netlink/events.ts';
import { obstacle, reservation } from './obstacle.ts';
import type { Step } from './step.ts';
import type { Accounts } from './tap.ts';

/** Enough for bridges, then their ports, then what someone else changes meanwhile. */
const roundsMax = 8;

export interface Outcome {
  readonly desired: Desired;
  readonly kernel: KernelState;
  /** By interface: why it is not as asked for, in one sentence. */
  readonly problems: ReadonlyMap<string, string>;
  /** What was tried, for the log. */
  readonly steps: readonly Step[];
  readonly failures: readonly Failure[];
}

export interface ReconcilerOptions {
  readonly client: NetlinkClient;
  readonly events: Pick<LinkEvents, 'drain'>;
  readonly accounts: Accounts;
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
    let kernel = this.#read(desired);
    for (let round = 0; round < roundsMax; round++) {
      const steps = diff(desired, kernel, this.#followed).filter((step) => !tried.has(JSON.stringify(step)));
      if (steps.length === 0) break;
      for (const step of steps) tried.set(JSON.stringify(step), step);
      failures.push(...(await apply(client, steps)));
      kernel = this.#read(desired);
    }
    this.#followed = followedMtus(desired, kernel);
    return { desired, kernel, problems: problems(desired, kernel, failures), steps: [...tried.values()], failures };
  }

  /** Notices about what is read now, our own changes among it, need no further look. */
  #read(desired: Desired): KernelState {
    this.#options.events.drain();
    return readKernel(
      this.#options.client,
      desired.bridges.map(({ name }) => name),
    );
  }
}

/** One sentence for each interface that is not as asked for: refused, obstructed, failed, or with a reservation. */
function problems(desired: Desired, kernel: KernelState, failures: readonly Failure[]): Map<string, string> {
  const found = new Map(desired.refused);
  const failed = describeFailures(failures);
  for (const bridge of desired.bridges) {
    for (const port of bridge.ports) {
      const problem =
        obstacle(port, bridge, kernel) ??
        failed.bridges.get(bridge.name) ??
        failed.ports.get(port.name) ??
        reservation(port, kernel);
      if (problem !== undefined) found.set(port.name, problem);
    }
  }
  return found;
}

function describeFailures(failures: readonly Failure[]) {
  const ports = new Map<string, string>();
  const bridges = new Map<string, string>();
  for (const { step, reason } of failures) {
    if (step.op === 'disable-ipv6' || step.op === 'reset-bridge') continue;
    const { subject } = step;
    if ('bridge' in subject) bridges.set(subject.bridge, `could not create bridge ${subject.bridge} (${reason})`);
    else ports.set(subject.port, describeFailure(step, subject.port, reason));
  }
  return { ports, bridges };
}

function describeFailure(step: Step, port: string, reason: string): string {
  if (step.op === 'change' && step.change.mtu !== undefined && step.change.master === undefined) {
    return `could not set the MTU of ${port} to ${step.change.mtu} (${reason})`;
  }
  if (step.op === 'create-tap') return `could not open network device ${port} (${reason})`;
  return `could not add network device ${port} to ofproto (${reason})`;
}

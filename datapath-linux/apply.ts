/** Carries out steps, in order: many in one netlink send, with room for other work between sends. */
import { writeFileSync } from 'node:fs';
import { setImmediate as breathe } from 'node:timers/promises';
import { native } from '../native/index.ts';
import { loadPrograms } from './bpf/load.ts';
import { doomedGroup, ownedGroup } from './names.ts';
import type { NetlinkClient } from './netlink/client.ts';
import { describeErrno, NetlinkError } from './netlink/error.ts';
import { createBridge, createVeth } from './netlink/link-kind.ts';
import { addAltname, changeLink, deleteAltname, deleteGroup, deleteLink } from './netlink/request.ts';
import type { CreateTap, Delete, DisableIpv6, Fault, Filter, LoadPrograms, Step } from './step.ts';

/** A step that did not succeed, and the kernel's reason, such as 'File exists'. */
export interface Failure {
  readonly step: Step;
  readonly reason: string;
}

/** Messages in one send; the event loop has a turn after each. */
const messagesPerSend = 64;
/** Links in one group deletion: the kernel does nothing else for the host's network configuration meanwhile. */
const linksPerDeletion = 256;

/** A device of a smaller MTU has no IPv6, and nothing to be set of it; the next look sees to one whose MTU has grown. */
const ipv6MtuMin = 1280;
const addressless6 = ({ mtu = ipv6MtuMin }: { readonly mtu: number | undefined }): true | undefined =>
  mtu >= ipv6MtuMin || undefined;

type AloneStep = Delete | CreateTap | DisableIpv6 | LoadPrograms | Filter | Fault;
/** Steps that only mean messages; the others are done by themselves, below. */
type MessageStep = Exclude<Step, AloneStep>;

function messagesOf(step: MessageStep): Buffer[] {
  switch (step.op) {
    case 'release':
      return [
        ...(step.detach ? [changeLink(step, { master: 0 })] : []),
        ...(step.mtu === undefined ? [] : [changeLink(step, { mtu: step.mtu })]),
        ...(step.up ? [changeLink(step, { up: true })] : []),
        ...step.marks.map((mark) => deleteAltname(step.ifindex, mark)),
      ];
    case 'create-bridge':
      return [createBridge(step.name, step.address, ownedGroup, step.settings)];
    case 'create-internal':
      return [
        createVeth({ ...step, group: ownedGroup }),
        changeLink({ name: step.outer }, { up: true, alias: step.alias, addressless6: addressless6(step) }),
      ];
    case 'mark':
      return [addAltname(step.ifindex, step.mark)];
    case 'change':
      return [changeLink(step.link, step.change)];
    case 'send':
      return [...step.messages];
    default:
      return step satisfies never;
  }
}

const gone = (error: NetlinkError): boolean => error.code === 'ENODEV';

const reasonOf = (error: unknown): string => {
  if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') {
    const reason = describeErrno(Math.abs(error.errno));
    const detail = error instanceof NetlinkError ? error.detail : 'syscall' in error ? error.syscall : undefined;
    return detail === undefined ? reason : `${reason}; ${detail}`;
  }
  return error instanceof Error ? error.message : String(error);
};

/** Collects messages until a send is full; one failure per step. */
class Batch {
  readonly failures: Failure[] = [];
  readonly #client: NetlinkClient;
  #messages: Buffer[] = [];
  #steps: Step[] = [];

  constructor(client: NetlinkClient) {
    this.#client = client;
  }

  get isFull(): boolean {
    return this.#messages.length >= messagesPerSend;
  }

  add(step: MessageStep): void {
    for (const message of messagesOf(step)) {
      this.#messages.push(message);
      this.#steps.push(step);
    }
  }

  send(): void {
    const steps = this.#steps;
    const answers = this.#client.batch(this.#messages);
    this.#messages = [];
    this.#steps = [];
    let failed: Step | undefined;
    answers.forEach(({ error }, index) => {
      const step = steps[index];
      if (!error || !step || step === failed) return;
      // What a released device needed undone is undone when the device itself is gone.
      if (step.op === 'release' && gone(error)) return;
      failed = step;
      this.failures.push({ step, reason: reasonOf(error) });
    });
  }
}

/** Deletes devices at the price of one: they become a group, which goes in one message. */
function deleteAll(client: NetlinkClient, steps: readonly Delete[]): Failure[] {
  const [first] = steps;
  if (!first) return [];
  if (steps.length > 1) {
    client.batch(steps.map(({ ifindex }) => changeLink({ ifindex }, { group: doomedGroup })));
    const [answer] = client.batch([deleteGroup(doomedGroup)]);
    if (!answer?.error) return [];
  }
  // Alone, or one of the group stands in the way of the others: each by itself.
  return steps.flatMap((step) => {
    const [answer] = client.batch([deleteLink(step.ifindex)]);
    return answer?.error && !gone(answer.error) ? [{ step, reason: reasonOf(answer.error) }] : [];
  });
}

/** From linux/if_tun.h. IFF_TUN_EXCL: fail rather than attach to a tap that has appeared meanwhile. */
const tunFlags = { multiQueue: 0x0100, vnetHeader: 0x4000, exclusive: 0x8000 } as const;

/** The tap is marked as ours before it is made persistent: if we die in between, it goes with its descriptor. */
function createTap(client: NetlinkClient, step: CreateTap): void {
  const { name, master, alias, mtu, options } = step;
  const { owner = -1, group = -1, multiQueue, vnetHeader } = options;
  const flags = tunFlags.exclusive | (multiQueue ? tunFlags.multiQueue : 0) | (vnetHeader ? tunFlags.vnetHeader : 0);
  const fd = native().tapOpen(name, flags, owner, group);
  try {
    const change = { mtu, master, alias, group: ownedGroup, addressless6: addressless6(step), up: true };
    client.request(changeLink({ name }, change));
    native().tapPersist(fd);
  } finally {
    native().close(fd);
  }
}

/** There is no netlink attribute for it. Without IPv6 in the kernel there is no such file, nor any need. */
function disableIpv6({ name }: DisableIpv6): void {
  writeFileSync(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, '1');
}

function attempt(step: Step, action: () => void): Failure[] {
  try {
    action();
    return [];
  } catch (error) {
    return [{ step, reason: reasonOf(error) }];
  }
}

const aloneOps: ReadonlySet<string> = new Set([
  'delete',
  'create-tap',
  'disable-ipv6',
  'load-programs',
  'filter',
  'fault',
]);
const isAlone = (step: Step): step is AloneStep => aloneOps.has(step.op);

/** Carries out `steps` and returns those that failed; the others are not affected by them. */
export async function apply(client: NetlinkClient, steps: readonly Step[]): Promise<Failure[]> {
  const batch = new Batch(client);
  const { failures } = batch;
  for (let at = 0; at < steps.length; at++) {
    const step = steps[at];
    if (!step) break;
    if (!isAlone(step)) {
      batch.add(step);
      if (!batch.isFull) continue;
    }
    batch.send();
    if (step.op === 'delete') {
      const run = deletionsFrom(steps, at);
      failures.push(...deleteAll(client, run));
      at += run.length - 1;
    } else if (step.op === 'create-tap') failures.push(...attempt(step, () => createTap(client, step)));
    else if (step.op === 'disable-ipv6') failures.push(...attempt(step, () => disableIpv6(step)));
    else if (step.op === 'load-programs') failures.push(...attempt(step, () => loadPrograms(client, step)));
    else if (step.op === 'fault') failures.push({ step, reason: step.reason });
    else if (step.op === 'filter') failures.push(...attempt(step, () => client.netfilter.transaction(step.messages)));
    await breathe();
  }
  batch.send();
  return failures;
}

/** The deletions that follow each other from `at` on, as many as go at once. */
function deletionsFrom(steps: readonly Step[], at: number): Delete[] {
  const run: Delete[] = [];
  for (const step of steps.slice(at, at + linksPerDeletion)) {
    if (step.op !== 'delete') break;
    run.push(step);
  }
  return run;
}

/**
 * Contains faults of ours. What cannot even be asked of the kernel, because our own code throws, must cost no more than
 * the port or bridge that it is for: that one gets a sentence, the log the stack, once, and all others are looked after.
 */
import { logFor } from '../rpc/log.ts';
import type { Desired, DesiredBridge } from './desired.ts';
import { DumpInterruptedError, NetlinkError } from './netlink/error.ts';
import type { Port } from './port/port.ts';
import type { Fault, Subject } from './step.ts';

const log = logFor('bridge');
/** The places in the code of which the log has the stack. */
const told = new Set<string>();

/** What the kernel, or the system, has said: that is no fault of ours. */
const isRefusal = (error: unknown): boolean =>
  error instanceof NetlinkError ||
  error instanceof DumpInterruptedError ||
  (error instanceof Error && 'errno' in error);

/**
 * A fault in a few words, the rest of it in the log.
 * @throws the error itself when it is none of ours
 */
export function faultReason(error: unknown): string {
  if (isRefusal(error)) throw error;
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  const place = stack
    .split(/\n\s+at /, 3)
    .slice(1)
    .join();
  if (!told.has(place)) log.err(`internal error: ${stack}`);
  told.add(place);
  return `internal error: ${message}`;
}

/** The result of `work`, or of `instead`, which is given a few words about the fault. */
export function contain<T>(work: () => T, instead: (reason: string) => T): T {
  try {
    return work();
  } catch (error) {
    return instead(faultReason(error));
  }
}

const faultStep = (subject: Subject, task: string, reason: string): Fault => {
  const about = 'port' in subject ? `port ${subject.port}` : `bridge ${subject.bridge}`;
  return { op: 'fault', subject, what: `${task} of ${about}`, reason };
};

/** The steps for one port, or a step that tells why there are none; `task` completes "could not … of port p0". */
export const stepsOrFault = <S>(port: string, task: string, work: () => readonly S[]): readonly (S | Fault)[] =>
  contain<readonly (S | Fault)[]>(work, (reason) => [faultStep({ port }, task, reason)]);

/** A bridge, or a port of one. */
interface Unit {
  readonly bridge: DesiredBridge;
  readonly port?: Port;
}

/** As much of the configuration as these units are. */
function partOf({ refused }: Desired, units: readonly Unit[]): Desired {
  const ports = new Map<DesiredBridge, Port[]>();
  for (const { bridge, port } of units) {
    const known = ports.get(bridge) ?? [];
    ports.set(bridge, known);
    if (port) known.push(port);
  }
  return { bridges: [...ports].map(([bridge, its]) => ({ ...bridge, ports: its })), refused };
}

/** The units on which `fails` tells a reason when they are alone, found by halving. */
function culprits(units: readonly Unit[], fails: (units: readonly Unit[]) => string | undefined): Map<Unit, string> {
  const [only] = units;
  const reason = only && fails(units);
  if (!only || reason === undefined) return new Map();
  if (units.length === 1) return new Map([[only, reason]]);
  const half = units.length >> 1;
  return new Map([...culprits(units.slice(0, half), fails), ...culprits(units.slice(half), fails)]);
}

/**
 * Does work on a configuration; where that is beyond it, on all but the bridges and ports that alone make it throw.
 * @param task completes "could not … of port p0"
 * @returns `value` undefined when nothing helps
 */
export function spare<T>(
  task: string,
  desired: Desired,
  work: (part: Desired) => T,
): { readonly value: T | undefined; readonly faults: readonly Fault[] } {
  const attempt = (part: Desired) =>
    contain<{ value?: T; reason?: string }>(
      () => ({ value: work(part) }),
      (reason) => ({ reason }),
    );
  const whole = attempt(desired);
  if (whole.reason === undefined) return { value: whole.value, faults: [] };
  const fails = (units: readonly Unit[]): string | undefined => attempt(partOf(desired, units)).reason;
  const bridges = culprits(
    desired.bridges.map((bridge) => ({ bridge })),
    fails,
  );
  const lost = new Set([...bridges.keys()].map(({ bridge }) => bridge));
  const units = desired.bridges
    .filter((bridge) => !lost.has(bridge))
    .flatMap((bridge): Unit[] => [{ bridge }, ...bridge.ports.map((port) => ({ bridge, port }))]);
  const ports = culprits(units, fails);
  const rest = attempt(
    partOf(
      desired,
      units.filter((unit) => !ports.has(unit)),
    ),
  );
  const blamed = rest.reason === undefined ? [...bridges, ...ports] : everyBridge(desired, rest.reason);
  const faults = blamed.map(([{ bridge, port }, reason]) =>
    faultStep(port ? { port: port.name } : { bridge: bridge.name }, task, reason),
  );
  return { value: rest.value, faults };
}

const everyBridge = ({ bridges }: Desired, reason: string): [Unit, string][] =>
  bridges.map((bridge) => [{ bridge }, reason]);

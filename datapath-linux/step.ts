/** What can be done to the kernel to bring it nearer to what is desired. Data only: `diff` makes it, `apply` does it. */

import type { Program } from './bpf/assembler.ts';
import type { BridgeSettings } from './netlink/bridge.ts';
import type { ProgramFilter } from './netlink/filter.ts';
import { changedLink, type LinkChange, type LinkReference } from './netlink/request.ts';
import type { TapOptions } from './port/tap-options.ts';

/** Whom it concerns if a step fails: an interface by its name, or a bridge and all its interfaces. */
export type Subject = { readonly port: string } | { readonly bridge: string };

interface Common {
  readonly subject: Subject;
}

/** Lets a device go that was there before: out of our bridge or bond, as it was, our marks removed. */
export interface Release extends Common {
  readonly op: 'release';
  readonly ifindex: number;
  readonly detach: boolean;
  readonly mtu: number | undefined;
  /** It is to be up again, as it was before a bond took it. */
  readonly up: true | undefined;
  readonly marks: readonly string[];
}
/** Deletes a device of our making. */
export interface Delete extends Common {
  readonly op: 'delete';
  readonly ifindex: number;
  readonly name: string;
}
export interface CreateBridge extends Common {
  readonly op: 'create-bridge';
  readonly name: string;
  readonly address: string;
  /** Those that must be set before it has ports: a spanning tree that begins later would begin with a loop. */
  readonly settings?: BridgeSettings;
}
export interface DisableIpv6 extends Common {
  readonly op: 'disable-ipv6';
  readonly name: string;
}
export interface CreateInternal extends Common {
  readonly op: 'create-internal';
  readonly outer: string;
  readonly inner: string;
  readonly master: number;
  readonly alias: string;
  readonly address: string | undefined;
  readonly mtu: number | undefined;
}
export interface CreateTap extends Common {
  readonly op: 'create-tap';
  readonly name: string;
  readonly master: number;
  readonly alias: string;
  readonly options: TapOptions;
  readonly mtu: number | undefined;
}
/** Marks a device that others made. */
export interface Mark extends Common {
  readonly op: 'mark';
  readonly ifindex: number;
  readonly mark: string;
}
export interface Change extends Common {
  readonly op: 'change';
  readonly link: LinkReference;
  readonly change: LinkChange;
}
/** Requests that some aspect of the switch, or a kind of port, has encoded itself. */
export interface Send extends Common {
  readonly op: 'send';
  /** Completes "could not …", such as 'set the VLANs of port p0'. */
  readonly what: string;
  /** Carried out in order, all of them even if one fails; their sequence numbers are the sender's to set. */
  readonly messages: readonly Buffer[];
}
/** Requests to the packet filter that take effect together, or not at all. */
export interface Filter extends Omit<Send, 'op'> {
  readonly op: 'filter';
}

/** Loads BPF programs and puts them in their places. */
export interface LoadPrograms extends Common {
  readonly op: 'load-programs';
  /** Completes "could not …". */
  readonly what: string;
  readonly programs: readonly (ProgramFilter & { readonly program: Program })[];
  /** What all of them count with; undefined if they do not count. */
  readonly counter: Counter | undefined;
}
/** What could not be asked of the kernel at all, for a fault of ours: told like something that it has refused. */
export interface Fault extends Common {
  readonly op: 'fault';
  /** Completes "could not …". */
  readonly what: string;
  readonly reason: string;
}

export interface Counter {
  /** In bytes. */
  readonly size: number;
  /** A program in the kernel whose counter goes on; undefined: a new one. */
  readonly of: number | undefined;
}

export type Step =
  | Release
  | Delete
  | CreateBridge
  | DisableIpv6
  | CreateInternal
  | CreateTap
  | Mark
  | Change
  | Send
  | LoadPrograms
  | Filter
  | Fault;

/** The step in words, for the log. */
export function describeStep(step: Step): string {
  const about = 'bridge' in step.subject ? `bridge ${step.subject.bridge}` : `interface ${step.subject.port}`;
  if ('what' in step) return `${about}: ${step.what}`;
  if (step.op !== 'change') return `${about}: ${step.op}`;
  const changes = Object.entries(step.change).filter(([, value]) => value !== undefined);
  return `${about}: change ${changes.map(([key, value]) => `${key}=${value}`).join(' ')}`;
}

/** The links that a step changes, of those that were there before it; 'any' if that cannot be told. */
export function changedLinks(step: Step): readonly LinkReference[] | 'any' {
  switch (step.op) {
    case 'release':
    case 'mark':
      return [{ ifindex: step.ifindex }];
    case 'change':
      return [step.link];
    case 'create-tap':
      return [{ name: step.name }];
    case 'send': {
      const links = step.messages.flatMap((message) => changedLink(message) ?? []);
      return links.every((link) => link !== 'any') ? links : 'any';
    }
    case 'disable-ipv6':
      return 'any';
    default:
      return [];
  }
}

/** Equal for steps that do the same. */
export function stepKey(step: Step): string {
  if (step.op === 'load-programs') {
    const { programs, ...rest } = step;
    return JSON.stringify([rest, programs.map(({ program, ...filter }) => filter)]);
  }
  if (step.op !== 'send' && step.op !== 'filter') return JSON.stringify(step);
  const { messages, ...rest } = step;
  return JSON.stringify([rest, messages.map((message) => message.toString('latin1'))]);
}

/**
 * Frames that a kernel bridge takes and Open vSwitch drops, as programs of classic BPF (Documentation/networking/filter
 * of the kernel) for filters that drop what matches. An access port takes frames that are tagged with its own VLAN, and
 * tags of the other EtherType are payload to a bridge, so that their frames would count as untagged. Pure.
 */
import type { BpfInstruction } from '../netlink/filter.ts';
import { tagTypes, type VlanSet } from './mode.ts';

export type Admission =
  /** Frames without a tag, or with one that has only a priority. */
  | { readonly kind: 'untagged'; readonly protocol: number }
  /** Those, and frames with a tag of `protocol`, of any VLAN but one. */
  | { readonly kind: 'tagged'; readonly protocol: number; readonly except: number | undefined }
  /** Frames with a tag of a customer's VLAN; without one if 0 is among them. undefined: all. */
  | { readonly kind: 'customers'; readonly vlans: VlanSet };

/** Codes of struct sock_filter: load 16 bits of the frame, load 32 bits, compare, mask, return. */
const codes = { loadHalf: 0x28, load: 0x20, equal: 0x15, and: 0x54, result: 0x06 } as const;
/** SKF_AD_*: what the kernel keeps beside a frame, the outermost tag among it, which is not in the frame then. */
const beside = { tci: 44, hasTag: 48, tagType: 60 } as const;
const besideStart = 0xfffff000;
const vlanMask = 0xfff;

/** Where a program goes when it knows: on to the next instruction, or to an end. */
type Target = 'next' | 'pass' | 'drop';
type Instruction =
  | { readonly code: number; readonly operand: number }
  | { readonly code: number; readonly operand: number; readonly yes: Target; readonly no: Target };

const load = (what: keyof typeof beside): Instruction => ({ code: codes.load, operand: besideStart + beside[what] });
const mask = (operand: number): Instruction => ({ code: codes.and, operand });
const ifEqual = (operand: number, yes: Target, no: Target): Instruction => ({ code: codes.equal, operand, yes, no });

/** Appends both ends: `pass` is no match, so that the next filter sees the frame; `drop` is a match. */
function assemble(instructions: readonly Instruction[]): BpfInstruction[] {
  const pass = instructions.length;
  const target = (at: number, to: Target): number => (to === 'next' ? 0 : (to === 'pass' ? pass : pass + 1) - at - 1);
  const body = instructions.map((each, at): BpfInstruction => {
    return 'yes' in each
      ? [each.code, target(at, each.yes), target(at, each.no), each.operand]
      : [each.code, 0, 0, each.operand];
  });
  return [...body, [codes.result, 0, 0, 0], [codes.result, 0, 0, 0xffffffff]];
}

/** A frame with no tag passes; one with a tag of another type does not. */
const tagOf = (protocol: number): Instruction[] => [
  load('hasTag'),
  ifEqual(0, 'pass', 'next'),
  load('tagType'),
  ifEqual(protocol, 'next', 'drop'),
];

/** VLAN by VLAN; the last one decides. */
const amongVlans = (vlans: readonly number[]): Instruction[] =>
  vlans.map((vlan, index) => ifEqual(vlan, 'pass', index === vlans.length - 1 ? 'drop' : 'next'));

/** More VLANs than jumps of a program reach (255 instructions) are not told apart. */
export const customersMax = 200;

/** The customers' VLANs as far as a program can tell them apart. */
function customerVlans(vlans: VlanSet): readonly number[] | undefined {
  return vlans === undefined || vlans.size > customersMax ? undefined : [...vlans];
}

/** For what a port receives. */
export function admissionProgram(admission: Admission): BpfInstruction[] {
  switch (admission.kind) {
    case 'untagged':
      return assemble([...tagOf(admission.protocol), load('tci'), mask(vlanMask), ifEqual(0, 'pass', 'drop')]);
    case 'tagged': {
      const { protocol, except } = admission;
      if (except === undefined) return assemble([...tagOf(protocol), ifEqual(protocol, 'pass', 'pass')]);
      return assemble([...tagOf(protocol), load('tci'), mask(vlanMask), ifEqual(except, 'drop', 'pass')]);
    }
    case 'customers':
      return assemble(customersReceived(customerVlans(admission.vlans)));
    default:
      return admission satisfies never;
  }
}

/** A tag of the provider's kind is not the customer's to choose. */
function customersReceived(vlans: readonly number[] | undefined): Instruction[] {
  const untagged: Target = vlans === undefined || vlans.includes(0) ? 'pass' : 'drop';
  return [
    load('hasTag'),
    ifEqual(0, untagged, 'next'),
    load('tagType'),
    ifEqual(tagTypes.customer, vlans === undefined ? 'pass' : 'next', 'drop'),
    ...(vlans === undefined ? [] : [load('tci'), mask(vlanMask), ...amongVlans(vlans)]),
  ];
}

/** For what a port sends, the provider's tag already taken away; undefined: all of it. */
export function emissionProgram(admission: Admission): BpfInstruction[] | undefined {
  const vlans = admission.kind === 'customers' ? customerVlans(admission.vlans) : undefined;
  if (vlans === undefined) return undefined;
  const untagged: Target = vlans.includes(0) ? 'pass' : 'drop';
  const loadFrame = (operand: number): Instruction => ({ code: codes.loadHalf, operand });
  return assemble([
    loadFrame(12),
    ifEqual(tagTypes.customer, 'next', untagged),
    loadFrame(14),
    mask(vlanMask),
    ...amongVlans(vlans),
  ]);
}

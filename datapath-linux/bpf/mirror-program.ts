/**
 * The programs of mirrors. A frame is copied once for each output, however many of its ports and mirrors select it: the
 * program of the port where it comes in says so in a variable of its processor, which those of the ports where it goes
 * out look at before that processor turns to the next frame. Pure.
 */
import { readU16 } from '../netlink/bytes.ts';
import { Assembler, frame, type Program, type Register, verdicts } from './assembler.ts';
import { testMember, type VlanRange } from './vlan-set.ts';

/** Where copies go: devices that get them with the tag of their VLAN, and devices that get them without. */
export interface MirrorOutput {
  readonly tagged: readonly number[];
  readonly untagged: readonly number[];
  /** The VLAN that they get in place of their own; a frame that is in it is not copied. */
  readonly vlan: number | undefined;
  /** How much of a frame is copied, which the program of the output port sees to. */
  readonly bytes: number | undefined;
}

export interface MirrorPlace {
  readonly direction: 'ingress' | 'egress';
  /** The VLANs of which frames are copied; undefined: none, the program only notes that a new frame has come. */
  readonly vlans: readonly VlanRange[] | undefined;
  /** The VLAN of untagged frames here, 0 for none. */
  readonly untaggedVlan: number;
  /** Whether frames are also selected where they go out. */
  readonly once: boolean;
}

/** What one processor remembers of an output: whether its frame is copied, and counters. */
export const counterSize = 24;
const counter = { copied: 0, packets: 8, bytes: 16 } as const;

/** On the stack. */
const slots = { key: -8, index: -16, protocol: -24 } as const;
const [context, vlan, tag, memory]: readonly [Register, Register, Register, Register] = [6, 7, 8, 9];

const vlanMask = 0xfff;
const priorityMask = 0xf000;
const isTagged = 0x10000;
/** The tags of 802.1Q and 802.1ad in network byte order, as the frame's fields have them. */
const customerTag = readU16(Buffer.from([0x81, 0x00]), 0);
const serviceTag = readU16(Buffer.from([0x88, 0xa8]), 0);
/** skb->tc_index of a copy on its way to an output port: how much of it goes out, or this. */
const wholeCopy = 0xffff;

/** Finds the memory of this processor. */
function findMemory(program: Assembler): void {
  program
    .copy(context, 1)
    .storeConstant(4, 10, slots.key, 0)
    .map(1)
    .copy(2, 10)
    .compute(2, '+', slots.key)
    .call('mapLookup')
    .whenNull(0, 'next')
    .copy(memory, 0);
}

/** The VLAN into its register; the tag, with `isTagged`, into its own. */
function readVlan(program: Assembler, untaggedVlan: number): void {
  program
    .set(tag, 0)
    .set(vlan, untaggedVlan)
    .load(4, 1, context, frame.vlanPresent)
    .when(1, '==', 0, 'vlan-known')
    .load(4, tag, context, frame.vlanTci)
    .copy(1, tag)
    .compute(1, '&', vlanMask)
    .compute(tag, '|', isTagged)
    .when(1, '==', 0, 'vlan-known')
    .copy(vlan, 1)
    .label('vlan-known');
}

function selectVlans(program: Assembler, ranges: readonly VlanRange[], outputVlan: number | undefined): void {
  if (outputVlan !== undefined) program.when(vlan, '==', outputVlan, 'next');
  testMember(program, vlan, ranges, { member: 'selected', other: 'next' });
  program.label('selected');
}

function count(program: Assembler): void {
  program
    .load(8, 1, memory, counter.packets)
    .compute(1, '+', 1)
    .store(8, memory, counter.packets, 1)
    .load(4, 2, context, frame.length)
    .when(tag, '==', 0, 'counted')
    .compute(2, '+', 4)
    .label('counted')
    .load(8, 1, memory, counter.bytes)
    .combine(1, '+', 2)
    .store(8, memory, counter.bytes, 1);
}

function copyTo(program: Assembler, devices: readonly number[]): void {
  for (const device of devices) program.copy(1, context).set(2, device).set(3, 0).call('cloneRedirect');
}

/** Takes the frame's tag off, if it has one, and remembers its protocol. */
function takeTagOff(program: Assembler): void {
  const done = program.unique('tag-off');
  program
    .storeConstant(8, 10, slots.protocol, customerTag)
    .when(tag, '==', 0, done)
    .load(4, 1, context, frame.vlanProtocol)
    .store(8, 10, slots.protocol, 1)
    .copy(1, context)
    .call('vlanPop')
    .label(done);
}

/** Puts a tag on: r3 is its contents. */
const putTagOn = (program: Assembler): Assembler =>
  program.load(4, 2, 10, slots.protocol).copy(1, context).call('vlanPush');

function putOwnTagBack(program: Assembler): void {
  const done = program.unique('tag-back');
  program.when(tag, '==', 0, done).copy(3, tag).compute(3, '&', 0xffff);
  putTagOn(program).label(done);
}

/** Copies with the tag of the VLAN in its register; frames of no VLAN go as they are. */
function copyTagged(program: Assembler, devices: readonly number[]): void {
  if (devices.length === 0) return;
  program
    .when(vlan, '==', 0, 'as-is')
    .copy(1, tag)
    .compute(1, '&', isTagged | vlanMask);
  program.compute(1, '-', isTagged);
  // Equal when the frame bears this very tag; without any the difference is no VLAN.
  program.copy(2, vlan).combine(1, '-', 2).when(1, '==', 0, 'as-is');
  takeTagOff(program);
  program.copy(3, tag).compute(3, '&', priorityMask).combine(3, '|', vlan);
  putTagOn(program);
  copyTo(program, devices);
  program.copy(1, context).call('vlanPop');
  putOwnTagBack(program);
  program.goto('tagged-done').label('as-is');
  copyTo(program, devices);
  program.label('tagged-done');
}

function copyUntagged(program: Assembler, devices: readonly number[]): void {
  if (devices.length === 0) return;
  takeTagOff(program);
  copyTo(program, devices);
  putOwnTagBack(program);
}

/**
 * Some kernels (6.1 is one) spoil an incoming frame whose tag was taken off and put back if it bears a second one: the
 * tags of such frames stay as they are. Goes on at `twoTags` with them.
 */
function spareTwoTags(program: Assembler, twoTags: string): void {
  const oneTag = program.unique('one-tag');
  program.when(tag, '==', 0, oneTag).load(4, 1, context, frame.protocol);
  program.when(1, '==', customerTag, twoTags).when(1, '==', serviceTag, twoTags).label(oneTag);
}

function emit(program: Assembler, direction: MirrorPlace['direction'], output: MirrorOutput): void {
  const { tagged, untagged, vlan: outputVlan, bytes } = output;
  const isReserved = outputVlan === undefined;
  if (outputVlan !== undefined) program.set(vlan, outputVlan);
  else {
    program.load(4, 1, context, frame.tcIndex).store(8, 10, slots.index, 1);
    program.set(1, bytes ?? wholeCopy).store(4, context, frame.tcIndex, 1);
  }
  if (direction === 'ingress' && isReserved) spareTwoTags(program, 'two-tags');
  copyTagged(program, tagged);
  copyUntagged(program, untagged);
  if (direction === 'ingress' && isReserved) {
    program.goto('emitted').label('two-tags');
    copyTo(program, [...tagged, ...untagged]);
    program.label('emitted');
  }
  if (isReserved) program.load(8, 1, 10, slots.index).store(4, context, frame.tcIndex, 1);
}

/** Copies the frames that one port of a bridge receives or sends. */
export function mirror(place: MirrorPlace, output: MirrorOutput): Program {
  const program = new Assembler();
  findMemory(program);
  if (place.direction === 'ingress') {
    if (place.once) program.storeConstant(8, memory, counter.copied, 0);
  } else {
    // Frames of the kernel bridge itself came in nowhere.
    program.load(4, 1, context, frame.ingressIfindex).when(1, '==', 0, 'next');
    program.load(4, 1, memory, counter.copied).when(1, '!=', 0, 'next');
  }
  if (place.vlans) {
    readVlan(program, place.untaggedVlan);
    selectVlans(program, place.vlans, output.vlan);
    // With its own tag it would be a frame of another VLAN.
    if (place.direction === 'ingress' && output.vlan !== undefined) spareTwoTags(program, 'next');
    if (place.once) program.storeConstant(4, memory, counter.copied, 1);
    count(program);
    emit(program, place.direction, output);
  }
  return program.label('next').exit(verdicts.next).assemble();
}

/** Drops what an output port receives. */
export const reserveIngress = (): Program => new Assembler().exit(verdicts.drop).assemble();

/** Lets out of an output port copies, as much of each as its mirror asks for, and what the host itself sends. */
export const reserveEgress = (): Program =>
  new Assembler()
    .copy(context, 1)
    .load(4, 7, context, frame.tcIndex)
    .when(7, '!=', 0, 'copy')
    .load(4, 1, context, frame.ingressIfindex)
    .when(1, '==', 0, 'next')
    .exit(verdicts.drop)
    .label('copy')
    .set(1, 0)
    .store(4, context, frame.tcIndex, 1)
    .when(7, '==', wholeCopy, 'next')
    // Shorter already: the difference, as an unsigned number, is large.
    .load(4, 8, context, frame.length)
    .combine(8, '-', 7)
    .when(8, '>', 0x7fffffff, 'next')
    .copy(1, context)
    .copy(2, 7)
    .set(3, 0)
    .call('changeTail')
    .label('next')
    .exit(verdicts.next)
    .assemble();

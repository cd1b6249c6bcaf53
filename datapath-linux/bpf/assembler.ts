/**
 * Assembles BPF programs for tc (linux/bpf.h: 8 bytes an instruction, the operation, two registers, a 16-bit offset
 * and a 32-bit constant). Only what the switch's own programs need, by names that say what happens.
 */
import { endianness } from 'node:os';
import { writeI32, writeU16 } from '../netlink/bytes.ts';

/** r0 is a result, r1–r5 are arguments that a call destroys, r6–r9 stay, r10 is the end of the 512-byte stack. */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;
export type Size = 1 | 2 | 4 | 8;

/** BPF_FUNC_*; all are open to programs of any license. */
export const helpers = {
  mapLookup: 1,
  storeBytes: 9,
  /** bpf_l3_csum_replace: for two or four bytes that have changed. */
  replaceChecksum: 10,
  cloneRedirect: 13,
  vlanPush: 18,
  vlanPop: 19,
  tunnelKeyGet: 20,
  tunnelKeySet: 21,
  redirect: 23,
  loadBytes: 26,
  tunnelOptionsSet: 30,
  changeTail: 38,
} as const;
export type Helper = keyof typeof helpers;

/** What tc does with the frame: TC_ACT_UNSPEC asks the next filter. */
export const verdicts = { next: -1, drop: 2, redirect: 7 } as const;

/** Offsets in struct __sk_buff, the frame as a program sees it. All fields are 32-bit. */
export const frame = {
  length: 0,
  mark: 8,
  protocol: 16,
  vlanPresent: 20,
  vlanTci: 24,
  vlanProtocol: 28,
  priority: 32,
  ingressIfindex: 36,
  tcIndex: 44,
} as const;

const sizes = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 } as const;
const comparisons = { '==': 0x10, '!=': 0x50, '>': 0x20, '>=': 0x30, '<': 0xa0, '<=': 0xb0 } as const;
export type Comparison = keyof typeof comparisons;
const operations = { '+': 0x00, '-': 0x10, '|': 0x40, '&': 0x50, '<<': 0x60, '>>': 0x70 } as const;
export type Operation = keyof typeof operations;

const code = { load: 0x61, store: 0x63, storeConstant: 0x62, alu: 0x07, move: 0xbf, moveConstant: 0xb7 } as const;
/** Values are compared as 32 bits, pointers as 64. */
const control = { jump: 0x05, jumpNarrow: 0x06, call: 0x85, exit: 0x95, wideConstant: 0x18 } as const;
const fromRegister = 0x08;
const mapDescriptor = 1;
const bytesEach = 8;
const little = endianness() === 'LE';

interface Jump {
  readonly at: number;
  readonly label: string;
}

/** The instructions, and where a map's descriptor is to be put before they are loaded. */
export interface Program {
  readonly code: Buffer;
  /** Byte offsets of the constants. */
  readonly mapReferences: readonly number[];
}

export class Assembler {
  readonly #instructions: Buffer[] = [];
  readonly #labels = new Map<string, number>();
  readonly #jumps: Jump[] = [];
  readonly #mapReferences: number[] = [];
  #unique = 0;

  #emit(operation: number, destination: number, source: number, offset: number, constant: number): this {
    const instruction = Buffer.alloc(bytesEach);
    instruction.writeUInt8(operation, 0);
    instruction.writeUInt8(little ? destination | (source << 4) : (destination << 4) | source, 1);
    writeU16(instruction, offset & 0xffff, 2);
    writeI32(instruction, constant | 0, 4);
    this.#instructions.push(instruction);
    return this;
  }

  /** A name for a place that no other has. */
  unique(stem: string): string {
    return `${stem}-${this.#unique++}`;
  }

  label(name: string): this {
    this.#labels.set(name, this.#instructions.length);
    return this;
  }

  set(register: Register, constant: number): this {
    return this.#emit(code.moveConstant, register, 0, 0, constant);
  }

  copy(register: Register, from: Register): this {
    return this.#emit(code.move, register, from, 0, 0);
  }

  compute(register: Register, operation: Operation, operand: number): this {
    return this.#emit(code.alu | operations[operation], register, 0, 0, operand);
  }

  combine(register: Register, operation: Operation, from: Register): this {
    return this.#emit(code.alu | fromRegister | operations[operation], register, from, 0, 0);
  }

  load(size: Size, register: Register, base: Register, offset: number): this {
    return this.#emit(code.load | sizes[size], register, base, offset, 0);
  }

  store(size: Size, base: Register, offset: number, from: Register): this {
    return this.#emit(code.store | sizes[size], base, from, offset, 0);
  }

  storeConstant(size: Size, base: Register, offset: number, constant: number): this {
    return this.#emit(code.storeConstant | sizes[size], base, 0, offset, constant);
  }

  goto(label: string): this {
    this.#jumps.push({ at: this.#instructions.length, label });
    return this.#emit(control.jump, 0, 0, 0, 0);
  }

  /** Goes on at `label` if the comparison of two unsigned 32-bit numbers holds. */
  when(register: Register, comparison: Comparison, constant: number, label: string): this {
    this.#jumps.push({ at: this.#instructions.length, label });
    return this.#emit(control.jumpNarrow | comparisons[comparison], register, 0, 0, constant);
  }

  /** Goes on at `label` if a pointer is null. */
  whenNull(register: Register, label: string): this {
    this.#jumps.push({ at: this.#instructions.length, label });
    return this.#emit(control.jump | comparisons['=='], register, 0, 0, 0);
  }

  call(helper: Helper): this {
    return this.#emit(control.call, 0, 0, 0, helpers[helper]);
  }

  /** The descriptor of the program's map, which `withMap` fills in. */
  map(register: Register): this {
    this.#mapReferences.push(this.#instructions.length * bytesEach + 4);
    return this.#emit(control.wideConstant, register, mapDescriptor, 0, 0).#emit(0, 0, 0, 0, 0);
  }

  exit(verdict?: number): this {
    if (verdict !== undefined) this.set(0, verdict);
    return this.#emit(control.exit, 0, 0, 0, 0);
  }

  /** @throws RangeError when a label is missing or too far away: a bug. */
  assemble(): Program {
    for (const { at, label } of this.#jumps) {
      const target = this.#labels.get(label);
      const instruction = this.#instructions[at];
      if (target === undefined || !instruction) throw new RangeError(`a BPF program has no label ${label}`);
      const distance = target - at - 1;
      if (distance > 0x7fff || distance < 0) throw new RangeError(`label ${label} is ${distance} instructions away`);
      writeU16(instruction, distance, 2);
    }
    return { code: Buffer.concat(this.#instructions), mapReferences: this.#mapReferences };
  }
}

/** A program's instructions with the descriptor of its map in place. */
export function withMap({ code: original, mapReferences }: Program, fd: number): Buffer {
  const filled = Buffer.from(original);
  for (const at of mapReferences) writeI32(filled, fd, at);
  return filled;
}

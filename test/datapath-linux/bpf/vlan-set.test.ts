/** Sets of VLANs as instructions, carried out here and compared with the ranges themselves. */
import test from 'ava';
import { Assembler } from '../../../datapath-linux/bpf/assembler.ts';
import { testMember, type VlanRange } from '../../../datapath-linux/bpf/vlan-set.ts';
import { Random } from '../../helpers/random.ts';

const vlan = 7;

/** Carries out what `testMember` uses of the instructions (linux/bpf.h): the verdict, and how many there were. */
function run(code: Buffer, value: number): { readonly verdict: number; readonly steps: number } {
  const registers = Array<number>(11).fill(0);
  registers[vlan] = value;
  for (let at = 0, steps = 1; at < code.length; at += 8, steps++) {
    const operands = code.readUInt8(at + 1);
    const [destination, source] = [operands & 0xf, operands >> 4];
    const [left = 0, right = 0] = [registers[destination], registers[source]];
    const [jump, constant] = [code.readInt16LE(at + 2) * 8, code.readInt32LE(at + 4)];
    const result = new Map<number, () => number>([
      [0xbf, () => right],
      [0xb7, () => constant >>> 0],
      [0x57, () => left & constant],
      [0x77, () => left >>> constant],
      [0x7f, () => left >>> right],
    ]).get(code.readUInt8(at));
    if (result) registers[destination] = result();
    else if (code.readUInt8(at) === 0x95) return { verdict: registers[0] ?? 0, steps };
    else if (code.readUInt8(at) === 0x05) at += jump;
    else if (code.readUInt8(at) === 0x16) at += left === constant ? jump : 0;
    else if (code.readUInt8(at) === 0x36) at += left >= constant ? jump : 0;
    else throw new Error(`instruction ${code.readUInt8(at)} is not known here`);
  }
  throw new Error('the program has no end');
}

function assembled(ranges: readonly VlanRange[]): Buffer {
  const program = new Assembler();
  testMember(program, vlan, ranges, { member: 'member', other: 'other' });
  return program.label('member').exit(1).label('other').exit(0).assemble().code;
}

const has = (ranges: readonly VlanRange[], value: number): boolean =>
  ranges.some(({ first, last }) => first <= value && value <= last);

const random = new Random(17);
const randomRanges = (count: number): VlanRange[] =>
  Array.from({ length: count }, () => {
    const first = random.below(4096);
    return { first, last: Math.min(first + random.below(100), 4095) };
  });

const sets: Readonly<Record<string, readonly VlanRange[]>> = {
  'one VLAN': [{ first: 10, last: 10 }],
  'untagged frames': [{ first: 0, last: 0 }],
  'the last one': [{ first: 4095, last: 4095 }],
  'all of them': [{ first: 0, last: 4095 }],
  'whole words and parts of them': [{ first: 31, last: 96 }],
  'every other one': Array.from({ length: 2048 }, (_, index) => ({ first: 2 * index, last: 2 * index })),
  'three ranges at random': randomRanges(3),
  'fifty ranges at random': randomRanges(50),
};

for (const [name, ranges] of Object.entries(sets)) {
  test(`a VLAN is found to be one of a set, or not: ${name}`, (t) => {
    const code = assembled(ranges);
    t.true(code.length / 8 <= 1100, `${code.length / 8} instructions`);
    for (let value = 0; value < 4096; value++) {
      const { verdict, steps } = run(code, value);
      if (verdict !== Number(has(ranges, value))) t.fail(`VLAN ${value}: ${verdict}`);
      if (steps > 25) t.fail(`VLAN ${value}: ${steps} instructions`);
    }
    t.pass();
  });
}

test('a set of few VLANs is few instructions', (t) => {
  t.true(assembled([{ first: 10, last: 20 }]).length / 8 < 20);
});

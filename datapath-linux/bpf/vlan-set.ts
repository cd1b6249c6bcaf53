/**
 * Whether a VLAN is one of a set, as BPF instructions. The set is 128 words of 32 bits; runs of equal words are found by
 * halving, so that no set, however many its ranges, makes more than about a thousand instructions, some twenty of them on
 * any one way through: the kernel refuses programs with too many ways. Pure.
 */
import type { Assembler, Register } from './assembler.ts';

/** Both ends are in it. */
export interface VlanRange {
  readonly first: number;
  readonly last: number;
}

/** Where a frame's program goes on; both are ahead. */
export interface Ways {
  readonly member: string;
  readonly other: string;
}

/** Equal words, from `first` on until the next run begins. */
interface Run {
  readonly first: number;
  readonly bits: number;
}

const bitsPerWord = 32;
const wordCount = 4096 / bitsPerWord;
const allBits = 0xffffffff;

/** The lowest `count` bits. */
const lowBits = (count: number): number => (count >= bitsPerWord ? allBits : (1 << count) - 1);

/** The bits of those VLANs of a word that a range has. */
function bitsOf({ first, last }: VlanRange, word: number): number {
  const start = Math.max(first - word * bitsPerWord, 0);
  const end = Math.min(last - word * bitsPerWord, bitsPerWord - 1);
  return start > end ? 0 : lowBits(end + 1) & ~lowBits(start);
}

function runsOf(ranges: readonly VlanRange[]): Run[] {
  const words = new Uint32Array(wordCount);
  for (const range of ranges) {
    const last = Math.min(Math.floor(range.last / bitsPerWord), wordCount - 1);
    for (let word = Math.floor(range.first / bitsPerWord); word <= last; word++) {
      words[word] = (words[word] ?? 0) | bitsOf(range, word);
    }
  }
  return [...words].flatMap((bits, first) => (first > 0 && words[first - 1] === bits ? [] : [{ first, bits }]));
}

/** Destroys r1 and r2, of which r1 holds the number of the VLAN's word. */
function testRun(program: Assembler, vlan: Register, { bits }: Run, { member, other }: Ways): void {
  if (bits === 0) program.goto(other);
  else if (bits === allBits) program.goto(member);
  else {
    program
      .copy(2, vlan)
      .compute(2, '&', bitsPerWord - 1)
      .set(1, bits)
      .combine(1, '>>', 2)
      .compute(1, '&', 1)
      .when(1, '==', 0, other)
      .goto(member);
  }
}

function testRuns(program: Assembler, vlan: Register, runs: readonly Run[], ways: Ways): void {
  const half = runs.length >> 1;
  const [only, middle] = [runs[0], runs[half]];
  if (half === 0 || !middle) {
    if (only) testRun(program, vlan, only, ways);
    return;
  }
  const later = program.unique('later');
  program.when(1, '>=', middle.first, later);
  testRuns(program, vlan, runs.slice(0, half), ways);
  program.label(later);
  testRuns(program, vlan, runs.slice(half), ways);
}

/** Goes on at `member` if the register holds a VLAN of these ranges, else at `other`. Destroys r1 and r2. */
export function testMember(program: Assembler, vlan: Register, ranges: readonly VlanRange[], ways: Ways): void {
  program.copy(1, vlan).compute(1, '>>', 5);
  testRuns(program, vlan, runsOf(ranges), ways);
}

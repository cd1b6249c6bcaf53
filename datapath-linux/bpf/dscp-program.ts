/**
 * The program that marks what leaves through a queue (Queue.dscp). As in Open vSwitch, the queue is that of the frame's
 * priority: a queue that only a filter of the discipline itself would choose is not known yet when frames come here.
 */
import { groupBy } from '../group.ts';
import { readU16 } from '../netlink/bytes.ts';
import { Assembler, frame, type Program, type Register, verdicts } from './assembler.ts';

/** EtherTypes in network byte order, as the frame's field has them. */
const ipv4 = readU16(Buffer.from([0x08, 0x00]), 0);
const ipv6 = readU16(Buffer.from([0x86, 0xdd]), 0);

/** Where the first two bytes of the IP header are, which hold the DSCP of both versions, and IPv4's checksum. */
const header = 14;
const checksum = header + 10;
/** Those bytes on the stack. */
const word = { both: -8, first: -8, second: -7 } as const;

const [context, before]: readonly [Register, Register] = [6, 7];

/** Puts the low bits of `value` in place of those that `kept` leaves out. */
const replaceBits = (program: Assembler, at: number, kept: number, value: number): Assembler =>
  program.load(1, 1, 10, at).compute(1, '&', kept).compute(1, '|', value).store(1, 10, at, 1);

const storeWord = (program: Assembler): Assembler =>
  program.copy(1, context).set(2, header).copy(3, 10).compute(3, '+', word.both).set(4, 2).set(5, 0).call('storeBytes');

function mark(program: Assembler, dscp: number): void {
  const [isIpv6, done] = [program.unique('ipv6'), program.unique('done')];
  program
    .copy(1, context)
    .set(2, header)
    .copy(3, 10)
    .compute(3, '+', word.both)
    .set(4, 2)
    .call('loadBytes')
    .when(0, '!=', 0, done)
    .load(2, before, 10, word.both)
    .load(4, 1, context, frame.protocol)
    .when(1, '==', ipv6, isIpv6)
    .when(1, '!=', ipv4, done);
  // The two low bits are for congestion notification.
  replaceBits(program, word.second, 0x03, dscp << 2);
  storeWord(program)
    .load(2, 4, 10, word.both)
    .copy(1, context)
    .set(2, checksum)
    .copy(3, before)
    .set(5, 2)
    .call('replaceChecksum')
    .goto(done)
    .label(isIpv6);
  replaceBits(program, word.first, 0xf0, dscp >> 2);
  replaceBits(program, word.second, 0x3f, (dscp & 0x03) << 6);
  storeWord(program).label(done).exit(verdicts.next);
}

/** The kernel follows at most 8192 branches when it checks a program. */
export const markedMax = 4096;

/** Marks frames of these priorities, `markedMax` at most. `dscps`: DSCP (0 to 63) by skb->priority. Pure. */
export function markPriorities(dscps: ReadonlyMap<number, number>): Program {
  const program = new Assembler().copy(context, 1).load(4, 1, context, frame.priority);
  for (const [dscp, marked] of groupBy(dscps.keys(), (priority) => dscps.get(priority) ?? 0)) {
    const [here, next] = [program.unique('mark'), program.unique('next')];
    for (const priority of marked) program.when(1, '==', priority, here);
    mark(program.goto(next).label(here), dscp);
    program.label(next);
  }
  return program.exit(verdicts.next).assemble();
}

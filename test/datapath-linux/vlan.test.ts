import test from 'ava';
import { desiredState } from '../../datapath-linux/desired.ts';
import { KernelState } from '../../datapath-linux/kernel.ts';
import type { BpfInstruction } from '../../datapath-linux/netlink/filter.ts';
import { messages } from '../../datapath-linux/netlink/message.ts';
import { canonical, parsePortVlans, setVlans, type VlanRange } from '../../datapath-linux/netlink/vlan.ts';
import { type Admission, admissionProgram, emissionProgram } from '../../datapath-linux/vlan/admission.ts';
import { vlanChanges } from '../../datapath-linux/vlan/change.ts';
import { vlanPlan } from '../../datapath-linux/vlan/plan.ts';
import { Random } from '../helpers/random.ts';
import { bridgeRow, type ColumnValues, portRow } from '../helpers/rows.ts';

const accounts = { userId: () => null, groupId: () => null };

/** The VLANs of each port as `bridge vlan` would write them: `10pu` is PVID, untagged. */
function plan(ports: Readonly<Record<string, ColumnValues>>, kernel = new KernelState([])) {
  const rows = Object.entries(ports).map(([name, columns]) => portRow(name, {}, columns));
  const [bridge] = desiredState({ bridges: [bridgeRow('br0', rows)] }, accounts).bridges;
  const found = bridge && vlanPlan(bridge, kernel);
  return (
    found && Object.fromEntries([...found.ports].map(([{ name }, each]) => [name, each.ranges.map(print).join(' ')]))
  );
}

const print = ({ first, last, pvid, untagged }: VlanRange): string =>
  `${first === last ? first : `${first}-${last}`}${pvid ? 'p' : ''}${untagged ? 'u' : ''}`;

test('without VLAN configuration, and on a kernel that has no VLANs in bridges, there is no plan', (t) => {
  t.is(plan({ a: {}, b: { vlan_mode: 'trunk' } }), undefined);
  t.is(plan({ a: { tag: 10 } }, new KernelState([], new Map(), { has: () => false })), undefined);
});

test('each mode has its VLANs; one that nobody mentions stands in for VLAN 0', (t) => {
  const found = plan({
    a: { tag: 10 },
    b: { vlan_mode: 'access' },
    c: { trunks: [10, 20, 21] },
    d: { trunks: [0, 10] },
    e: { tag: 10, vlan_mode: 'native-tagged', trunks: [20] },
    f: { tag: 10, vlan_mode: 'native-untagged' },
    g: { tag: 4094, vlan_mode: 'dot1q-tunnel', other_config: { 'qinq-ethtype': '802.1q' } },
    h: {},
    i: { tag: 4095 },
  });
  t.deepEqual(found, {
    br0: '1-4092 4093pu 4094',
    a: '10pu',
    b: '4093pu',
    c: '10 20-21',
    d: '10 4093pu',
    e: '10p 20',
    f: '1-9 10pu 11-4092 4094',
    g: '',
    h: '1-4092 4093pu 4094',
    i: '',
  });
});

test('ports that use all VLANs leave none for frames without a tag', (t) => {
  const all = Array.from({ length: 4094 }, (_, i) => i + 1);
  t.like(plan({ a: { trunks: all }, b: { tag: 0 }, c: {} }), { a: '1-4094', b: '', c: '1-4094' });
});

test('many ports that are in all VLANs are only in those that somebody mentions', (t) => {
  const many = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`p${i}`, {}]));
  const found = plan({ ...many, a: { tag: 10 }, b: { tag: 20, vlan_mode: 'native-untagged' } });
  t.like(found, { p0: '10 20 4094pu', a: '10pu', b: '10 20pu' });
});

const randomRanges = (random: Random): VlanRange[] => {
  const pvid = random.below(12);
  const vlans = Array.from({ length: 12 }, (_, i) => i + 1).filter(() => random.chance(0.5));
  const range = (vlan: number) => ({ first: vlan, last: vlan, pvid: vlan === pvid, untagged: random.chance(0.4) });
  return canonical(vlans.map(range));
};

test('what is sent is what is read; ranges are as few as can be', (t) => {
  for (let seed = 0; seed < 300; seed++) {
    const ranges = randomRanges(new Random(seed));
    const [message] = messages(setVlans(7, ranges));
    t.deepEqual(message && parsePortVlans(message), { ifindex: 7, ranges });
  }
  const piece = (first: number, last: number) => ({ first, last, pvid: false, untagged: false });
  t.deepEqual(canonical([piece(5, 9), piece(1, 3), piece(4, 4)]), [piece(1, 9)]);
});

/** As the kernel: what joins replaces what is there, and a PVID takes that from another VLAN. */
function join(vlans: Map<number, VlanRange>, ranges: readonly VlanRange[]): void {
  for (const { first, last, ...how } of ranges) {
    for (let vlan = first; vlan <= last; vlan++) {
      if (how.pvid) for (const [other, old] of vlans) vlans.set(other, { ...old, pvid: false });
      vlans.set(vlan, { first: vlan, last: vlan, ...how });
    }
  }
}

test('changes lead from any VLANs to any others, and untagged frames always have one that both know', (t) => {
  for (let seed = 0; seed < 500; seed++) {
    const random = new Random(seed);
    const [before, after] = [randomRanges(random), randomRanges(random)];
    const { joined, pvid, left, changed } = vlanChanges(before, after);
    const vlans = new Map<number, VlanRange>();
    join(vlans, before);
    join(vlans, joined);
    t.deepEqual([...vlans.values()].find((each) => each.pvid)?.first, before.find((each) => each.pvid)?.first);
    join(vlans, pvid ? [pvid] : []);
    for (const { first, last } of left) for (let vlan = first; vlan <= last; vlan++) t.true(vlans.delete(vlan));
    join(vlans, changed);
    t.deepEqual(canonical([...vlans.values()]), after, `seed ${seed}`);
  }
  t.deepEqual(vlanChanges([], []), { joined: [], pvid: undefined, left: [], changed: [] });
});

interface Frame {
  /** The outermost tag: its EtherType and VLAN. */
  readonly tag?: readonly [type: number, vlan: number];
  /** What is in the frame itself. */
  readonly data?: Buffer;
}

/** An interpreter of the instructions that the programs are made of; true: the frame matches, and is dropped. */
function drops(program: readonly BpfInstruction[], { tag, data = Buffer.alloc(64) }: Frame): boolean {
  const beside = new Map([
    [48, tag ? 1 : 0],
    [60, tag?.[0] ?? 0],
    [44, tag ? tag[1] | 0x6000 : 0],
  ]);
  let accumulator = 0;
  for (let at = 0; ; at++) {
    const instruction = program[at];
    if (!instruction) throw new Error('ran past the end');
    const [code, yes, no, operand] = instruction;
    if (code === 0x06) return operand !== 0;
    if (code === 0x20) accumulator = beside.get(operand - 0xfffff000) ?? -1;
    else if (code === 0x28) accumulator = data.readUInt16BE(operand);
    else if (code === 0x54) accumulator &= operand;
    else if (code === 0x15) at += accumulator === operand ? yes : no;
    else throw new Error(`unknown instruction ${code}`);
  }
}

const admits = (admission: Admission, frames: readonly Frame['tag'][]): boolean[] =>
  frames.map((tag) => !drops(admissionProgram(admission), tag ? { tag } : {}));

test('ports admit the frames that Open vSwitch admits', (t) => {
  const frames = [undefined, [0x8100, 0], [0x8100, 10], [0x8100, 4094], [0x88a8, 10], [0x88a8, 0]] as const;
  t.deepEqual(admits({ kind: 'untagged', protocol: 0x8100 }, frames), [true, true, false, false, false, false]);
  const trunk = { kind: 'tagged', protocol: 0x8100, except: 4094 } as const;
  t.deepEqual(admits(trunk, frames), [true, true, true, false, false, false]);
  t.deepEqual(admits({ ...trunk, except: undefined }, frames), [true, true, true, true, false, false]);
  t.deepEqual(admits({ kind: 'customers', vlans: undefined }, frames), [true, true, true, true, false, false]);
  t.deepEqual(admits({ kind: 'customers', vlans: new Set([10]) }, frames), [false, false, true, false, false, false]);
  t.deepEqual(admits({ kind: 'customers', vlans: new Set([0, 5]) }, frames), [true, true, false, false, false, false]);
});

test('a tunnel with cvlans sends only frames of the customer', (t) => {
  t.is(emissionProgram({ kind: 'customers', vlans: undefined }), undefined);
  const program = emissionProgram({ kind: 'customers', vlans: new Set([10, 20]) }) ?? [];
  const frame = (type: string, tci: string): Frame => ({ data: Buffer.from(`${'00'.repeat(12)}${type}${tci}`, 'hex') });
  t.false(drops(program, frame('8100', '600a')));
  t.true(drops(program, frame('8100', '000b')));
  t.true(drops(program, frame('0800', '4500')));
});
